import type { Management, Wiki } from "../api/management.ts";
import { SignedOut, Unreachable } from "../api/problem.ts";

/** The person's wikis. */
export class Wikis {
  readonly #api: Management;
  #all = $state.raw<readonly Wiki[]>();

  constructor(api: Management) {
    this.#api = api;
  }

  /** Undefined until they are known. */
  get all(): readonly Wiki[] | undefined {
    return this.#all;
  }

  /** Reads the list afresh; what was known stays to be seen meanwhile. */
  async load(): Promise<void> {
    try {
      this.#all = await this.#api.wikis();
    } catch (error) {
      if (!(error instanceof SignedOut || error instanceof Unreachable)) throw error;
    }
  }
}
