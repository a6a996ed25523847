import createClient, { type Client } from "openapi-fetch";
import { type Problem, Refused, SignedOut, Unreachable } from "./problem.ts";
import type { paths } from "./schema.d.ts";

type Body<P extends keyof paths, M extends keyof paths[P]> = paths[P][M] extends {
  responses: infer R;
}
  ? R[keyof R & (200 | 201)] extends { content: { "application/json": infer B } }
    ? B
    : never
  : never;

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

/** What the rest of the app wants to hear about every call. */
export interface Watch {
  /** Called once per call: did a working server answer? */
  answered(yes: boolean): void;
  /** Called when the session has ended. */
  signedOut(): void;
}

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/**
 * The management API. Every method throws {@link Refused} when the API says no,
 * {@link Unreachable} when no working server answers and {@link SignedOut} when
 * the session has ended; nothing is tried twice.
 */
export class Management {
  readonly #client: Client<paths>;
  readonly #watch: Watch;

  constructor(watch: Watch, fetcher?: (request: Request) => Promise<Response>) {
    this.#watch = watch;
    this.#client = createClient<paths>({
      baseUrl: location.origin,
      credentials: "same-origin",
      ...(fetcher && { fetch: fetcher }),
    });
  }

  me(): Promise<Me> {
    return this.#read(this.#client.GET("/api/me"));
  }

  /** All wikis the person has a right in, newest activity first. */
  async wikis(): Promise<readonly Wiki[]> {
    return (await this.#read(this.#client.GET("/api/wikis"))).wikis;
  }

  /** The token is given out this one time. */
  create(wiki: { slug: string; name: string }): Promise<{ wiki: Wiki; token: string }> {
    return this.#read(this.#client.POST("/api/wikis", { body: wiki }));
  }

  /** Tokens are listed for the owner; others get an empty list. */
  wiki(slug: string): Promise<{ wiki: Wiki; tokens: readonly Token[] }> {
    return this.#read(this.#client.GET("/api/wikis/{slug}", { params: { path: { slug } } }));
  }

  async change(slug: string, change: WikiSettings): Promise<Wiki> {
    const call = this.#client.PATCH("/api/wikis/{slug}", { params: { path: { slug } }, body: change });
    return (await this.#read(call)).wiki;
  }

  /** Deletes the wiki for good; confirm has to repeat its slug. */
  async remove(slug: string, confirm: string): Promise<void> {
    await this.#settle(this.#client.DELETE("/api/wikis/{slug}", { params: { path: { slug } }, body: { confirm } }));
  }

  /** Replaces the default token; the old one is dead at once. */
  async regenerate(slug: string): Promise<string> {
    const call = this.#client.POST("/api/wikis/{slug}/token", { params: { path: { slug } } });
    return (await this.#read(call)).token;
  }

  name(name: string): Promise<NameCheck> {
    return this.#read(this.#client.GET("/api/names/{name}", { params: { path: { name } } }));
  }

  async #read<T>(call: Promise<Answer<T>>): Promise<T> {
    const { data } = await this.#settle(call);
    if (data === undefined) throw new Unreachable();
    return data;
  }

  async #settle<T>(call: Promise<Answer<T>>): Promise<Answer<T>> {
    let answer: Answer<T>;
    try {
      answer = await call;
    } catch (cause) {
      // No answer at all, or one that is not JSON: either way not our server.
      this.#watch.answered(false);
      throw new Unreachable("no answer", { cause });
    }
    const { response, error } = answer;
    this.#watch.answered(response.status < 500);
    if (response.ok) return answer;
    if (response.status >= 500) throw new Unreachable(`status ${response.status}`);
    if (response.status === 401) {
      this.#watch.signedOut();
      throw new SignedOut();
    }
    throw new Refused(response.status, (error && typeof error === "object" ? error : {}) as Problem);
  }
}
