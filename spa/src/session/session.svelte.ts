import type { Management, Me } from "../api/management.ts";
import { SignedOut, Unreachable } from "../api/problem.ts";

/** The signed-in person, once the API has told who it is. */
export class Session {
  readonly #api: Management;
  #me = $state.raw<Me>();

  constructor(api: Management) {
    this.#api = api;
  }

  get me(): Me | undefined {
    return this.#me;
  }

  /** Asks who is signed in. An ended session and a lost server are told elsewhere. */
  async load(): Promise<void> {
    try {
      this.#me = await this.#api.me();
    } catch (error) {
      if (!(error instanceof SignedOut || error instanceof Unreachable)) throw error;
    }
  }
}
