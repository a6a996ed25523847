import type { Management } from "../api/management.ts";
import { Refused, sentence, SignedOut, Unreachable } from "../api/problem.ts";
import { slugFaults, slugFrom } from "./slug.ts";

const none: readonly string[] = [];

/** The API joins several reasons by semicolons. */
function reasons(joined: string): string[] {
  return (joined || "is taken").split("; ").map((reason) => sentence(reason, "the address"));
}

/**
 * The address that is being chosen for a new wiki. It follows the wiki's name
 * until it is typed by hand; its shape is judged here, whether it is free by the
 * API once the field is left.
 */
export class AddressChoice {
  readonly #api: Pick<Management, "name">;
  #slug = $state("");
  #typed = $state(false);
  #examined = $state(false);
  #answer = $state.raw<{ slug: string; available: boolean; reason: string }>();

  constructor(api: Pick<Management, "name">) {
    this.#api = api;
  }

  get slug(): string {
    return this.#slug;
  }

  /** What is wrong with it, as far as is known. Nothing until it was first left. */
  get faults(): readonly string[] {
    if (!this.#examined) return none;
    const shape = slugFaults(this.#slug);
    if (shape.length > 0) return shape;
    const answer = this.#current;
    return answer && !answer.available ? reasons(answer.reason) : none;
  }

  /** The API said that it can be had. */
  get free(): boolean {
    return this.#current?.available ?? false;
  }

  /** Follows the wiki's name. */
  propose(name: string): void {
    if (this.#typed) return;
    this.#slug = slugFrom(name);
    this.#examined = false;
  }

  /** Takes what was typed; an emptied field follows the name again. */
  type(slug: string): void {
    this.#slug = slug.trim();
    this.#typed = this.#slug !== "";
  }

  /** Judges the shape and reports whether it may be sent. */
  examine(): boolean {
    this.#examined = true;
    return this.faults.length === 0;
  }

  /** Judges the shape, then asks the API whether the address is free. */
  async check(): Promise<void> {
    const slug = this.#slug;
    if (!slug || !this.examine() || this.#current) return;
    try {
      const { available, reason } = await this.#api.name(slug);
      this.#answer = { slug, available, reason };
    } catch (error) {
      // The check is a courtesy: creating the wiki judges anew.
      if (!(error instanceof Refused || error instanceof SignedOut || error instanceof Unreachable)) throw error;
    }
  }

  /** The API's answer, if it is about what stands in the field now. */
  get #current() {
    return this.#answer?.slug === this.#slug ? this.#answer : undefined;
  }
}
