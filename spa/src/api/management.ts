import { type Body as Answered, Calls, type Fetcher, type Watch } from "./calls.ts";
import type { paths } from "./schema/management.d.ts";

type Body<P extends keyof paths, M extends keyof paths[P]> = Answered<paths, P, M>;

/** The signed-in person. */
export type Me = Body<"/api/me", "get">;
/** A wiki as its list and its settings show it. */
export type Wiki = Body<"/api/wikis/{slug}", "get">["wiki"];
/** What the owner of a wiki can change about it. */
export type WikiSettings = Required<paths["/api/wikis/{slug}"]["patch"]["requestBody"]["content"]["application/json"]>;
/** When a wiki was last written, by whom and with what. */
export type LastActivity = Wiki["last_activity"];
/** A wiki token, without its secret. */
export type Token = Body<"/api/wikis/{slug}", "get">["tokens"][number];
/** Whether a name can still be taken as a wiki's address, and why not. */
export type NameCheck = Body<"/api/names/{name}", "get">;

/** The management API; errors are those of {@link Calls}. */
export class Management {
  readonly #calls: Calls<paths>;

  constructor(watch: Watch, fetch: Fetcher) {
    this.#calls = new Calls<paths>(watch, fetch);
  }

  me(): Promise<Me> {
    return this.#calls.read(this.#calls.client.GET("/api/me"));
  }

  /** All wikis the person has a right in, newest activity first. */
  async wikis(): Promise<readonly Wiki[]> {
    return (await this.#calls.read(this.#calls.client.GET("/api/wikis"))).wikis;
  }

  /** The token is given out this one time. */
  create(wiki: { slug: string; name: string }): Promise<{ wiki: Wiki; token: string }> {
    return this.#calls.read(this.#calls.client.POST("/api/wikis", { body: wiki }));
  }

  /** Tokens are listed for the owner; others get an empty list. */
  wiki(slug: string): Promise<{ wiki: Wiki; tokens: readonly Token[] }> {
    return this.#calls.read(this.#calls.client.GET("/api/wikis/{slug}", { params: { path: { slug } } }));
  }

  async change(slug: string, change: WikiSettings): Promise<Wiki> {
    const call = this.#calls.client.PATCH("/api/wikis/{slug}", { params: { path: { slug } }, body: change });
    return (await this.#calls.read(call)).wiki;
  }

  /** Deletes the wiki for good; confirm has to repeat its slug. */
  async remove(slug: string, confirm: string): Promise<void> {
    await this.#calls.settle(this.#calls.client.DELETE("/api/wikis/{slug}", { params: { path: { slug } }, body: { confirm } }));
  }

  /** Replaces the default token; the old one is dead at once. */
  async regenerate(slug: string): Promise<string> {
    const call = this.#calls.client.POST("/api/wikis/{slug}/token", { params: { path: { slug } } });
    return (await this.#calls.read(call)).token;
  }

  name(name: string): Promise<NameCheck> {
    return this.#calls.read(this.#calls.client.GET("/api/names/{name}", { params: { path: { name } } }));
  }
}
