import { Refused, sentence, SignedOut, Unreachable } from "./problem.ts";

const none: readonly string[] = [];

/**
 * One action that a person may have to try more than once: a form, a button.
 * While it runs a second press is ignored; when the API says no, the messages
 * are kept for the fields they belong to.
 */
export class Attempt {
  #busy = $state(false);
  #refused = $state.raw<Refused>();

  get busy(): boolean {
    return this.#busy;
  }

  /** What is wrong with a field, in sentences about `subject`: "the name". */
  of(field: string, subject: string): readonly string[] {
    return this.#refused?.fields.get(field)?.map((message) => sentence(message, subject)) ?? none;
  }

  /** What is wrong beyond the named fields, to be shown at the button. */
  beyond(...fields: readonly string[]): readonly string[] {
    const refused = this.#refused;
    if (!refused) return none;
    const rest = [...refused.fields]
      .filter(([field]) => !fields.includes(field))
      .flatMap(([field, messages]) => messages.map((message) => sentence(message, field)));
    if (rest.length > 0) return rest;
    return fields.some((field) => refused.fields.has(field)) ? none : [refused.message];
  }

  /** Forgets what was wrong: the person has begun to mend it. */
  clear(): void {
    this.#refused = undefined;
  }

  /**
   * Runs the action and reports whether it was done. An unreachable server and
   * an ended session are told elsewhere (banner, sign-in); they only end the try.
   */
  async run(action: () => Promise<void>): Promise<boolean> {
    if (this.#busy) return false;
    this.#busy = true;
    this.#refused = undefined;
    try {
      await action();
      return true;
    } catch (error) {
      if (error instanceof Refused) this.#refused = error;
      else if (!(error instanceof Unreachable || error instanceof SignedOut)) throw error;
      return false;
    } finally {
      this.#busy = false;
    }
  }
}
