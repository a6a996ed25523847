import type { Account, Accounts, Agent, Session } from "../api/account.ts";
import { Refused, SignedOut, Unreachable } from "../api/problem.ts";

/** The person's own account, while its screen is open. */
export class OpenAccount {
  readonly #api: Accounts;
  #profile = $state.raw<Account>();
  #sessions = $state.raw<readonly Session[]>();
  #agents = $state.raw<readonly Agent[]>();

  constructor(api: Accounts) {
    this.#api = api;
  }

  /** Undefined until it is known, as are the two below. */
  get profile(): Account | undefined {
    return this.#profile;
  }

  get sessions(): readonly Session[] | undefined {
    return this.#sessions;
  }

  get agents(): readonly Agent[] | undefined {
    return this.#agents;
  }

  /** Reads what the screen shows. An ended session and a lost server are told elsewhere. */
  async load(): Promise<void> {
    try {
      await Promise.all([this.#loadProfile(), this.#loadSessions(), this.#loadAgents()]);
    } catch (error) {
      if (!(error instanceof SignedOut || error instanceof Unreachable)) throw error;
    }
  }

  async rename(name: string): Promise<void> {
    this.#profile = await this.#api.rename(name);
  }

  async endSession(id: string): Promise<void> {
    await gone(this.#api.endSession(id));
    await this.#loadSessions();
  }

  async endOtherSessions(): Promise<void> {
    await this.#api.endOtherSessions();
    await this.#loadSessions();
  }

  async disconnect(id: string): Promise<void> {
    await gone(this.#api.disconnect(id));
    await this.#loadAgents();
  }

  async #loadProfile(): Promise<void> {
    this.#profile = await this.#api.show();
  }

  async #loadSessions(): Promise<void> {
    this.#sessions = await this.#api.sessions();
  }

  async #loadAgents(): Promise<void> {
    this.#agents = await this.#api.agents();
  }
}

/** What somebody else has ended in the meantime is ended: that was the wish. */
async function gone(call: Promise<void>): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof Refused && error.status === 404)) throw error;
  }
}
