import { createContext } from "svelte";
import { Accounts } from "./api/account.ts";
import type { Watch } from "./api/calls.ts";
import { Management } from "./api/management.ts";
import { Reach } from "./api/reach.svelte.ts";
import { Navigation } from "./navigation.svelte.ts";
import { door } from "./route.ts";
import { Renewal, renewing } from "./session/renewal.ts";
import { Session } from "./session/session.svelte.ts";
import { FreshToken } from "./wiki/fresh-token.svelte.ts";
import { Wikis } from "./wiki/wikis.svelte.ts";

/** Everything that outlives a screen, made once and handed down. */
export class App {
  readonly navigation = new Navigation();
  readonly reach = new Reach();
  readonly renewal = new Renewal(() => fetch(door.renew(), { method: "POST", credentials: "same-origin" }));
  readonly #watch: Watch = {
    answered: (yes) => this.reach.note(yes),
    signedOut: () => this.#signIn(),
  };
  readonly #fetch = renewing(this.renewal, (request) => fetch(request));
  readonly api = new Management(this.#watch, this.#fetch);
  readonly accounts = new Accounts(this.#watch, this.#fetch);
  readonly session = new Session(this.api);
  readonly wikis = new Wikis(this.api);
  readonly fresh = new FreshToken();

  /** A sentence about what was just done, for the screen that comes next. */
  notice = $state("");

  /** Until when the account, which was just deleted, can be had back. */
  departing = $state.raw<Date>();

  #leaving = $state(false);

  /** The session has ended and the browser is on its way to sign-in. */
  get leaving(): boolean {
    return this.#leaving;
  }

  /** Where sign-in stands, and how it leads back here. */
  get signIn(): string {
    return door.signIn(this.navigation.here);
  }

  #signIn(): void {
    if (this.#leaving || this.departing) return; // several calls may learn of it at once
    this.#leaving = true;
    this.navigation.leave(this.signIn);
  }
}

export const [theApp, provideApp] = createContext<App>();
