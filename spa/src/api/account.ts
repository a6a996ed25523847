import { type Body as Answered, Calls, type Fetcher, type Watch } from "./calls.ts";
import type { paths } from "./schema/account.d.ts";

type Body<P extends keyof paths, M extends keyof paths[P]> = Answered<paths, P, M>;

/** The signed-in person, with the ways they sign in. */
export type Account = Body<"/api/account", "get">;
/** A sign-in on one device. */
export type Session = Body<"/api/account/sessions", "get">["sessions"][number];
/** An OAuth client that the person has connected to one wiki. */
export type Agent = Body<"/api/account/agents", "get">["agents"][number];

/** The account API; errors are those of {@link Calls}. */
export class Accounts {
  readonly #calls: Calls<paths>;

  constructor(watch: Watch, fetch: Fetcher) {
    this.#calls = new Calls<paths>(watch, fetch);
  }

  show(): Promise<Account> {
    return this.#calls.read(this.#calls.client.GET("/api/account"));
  }

  rename(display_name: string): Promise<Account> {
    return this.#calls.read(this.#calls.client.PATCH("/api/account", { body: { display_name } }));
  }

  /** Newest first. */
  async sessions(): Promise<readonly Session[]> {
    return (await this.#calls.read(this.#calls.client.GET("/api/account/sessions"))).sessions;
  }

  async endSession(id: string): Promise<void> {
    await this.#calls.settle(this.#calls.client.DELETE("/api/account/sessions/{id}", { params: { path: { id } } }));
  }

  /** Signs out everywhere but here. */
  async endOtherSessions(): Promise<void> {
    await this.#calls.settle(this.#calls.client.DELETE("/api/account/sessions"));
  }

  /** Newest first. */
  async agents(): Promise<readonly Agent[]> {
    return (await this.#calls.read(this.#calls.client.GET("/api/account/agents"))).agents;
  }

  async disconnect(id: string): Promise<void> {
    await this.#calls.settle(this.#calls.client.DELETE("/api/account/agents/{id}", { params: { path: { id } } }));
  }

  /** Deletes the account; username has to repeat it. Returns until when it can be had back. */
  async remove(username: string): Promise<Date> {
    const call = this.#calls.client.POST("/api/account/deletion", { body: { username } });
    return new Date((await this.#calls.read(call)).final_at);
  }
}
