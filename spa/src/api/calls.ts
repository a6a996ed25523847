import createClient, { type Client } from "openapi-fetch";
import { type Problem, Refused, SignedOut, Unreachable } from "./problem.ts";

/** What an API answers to a call that went well. */
export type Body<Paths, P extends keyof Paths, M extends keyof Paths[P]> = Paths[P][M] extends { responses: infer R }
  ? R[keyof R & (200 | 201 | 202)] extends { content: { "application/json": infer B } }
    ? B
    : never
  : never;

/** What the rest of the app wants to hear about every call. */
export interface Watch {
  /** Called once per call: did a working server answer? */
  answered(yes: boolean): void;
  /** Called when the session has ended. */
  signedOut(): void;
}

export type Fetcher = (request: Request) => Promise<Response>;

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/**
 * Calls to one API of our host, and what all of them have in common: they throw
 * {@link Refused} when the API says no, {@link Unreachable} when no working server
 * answers and {@link SignedOut} when the session has ended.
 */
export class Calls<Paths extends {}> {
  readonly client: Client<Paths>;
  readonly #watch: Watch;

  constructor(watch: Watch, fetch: Fetcher) {
    this.#watch = watch;
    this.client = createClient<Paths>({ baseUrl: location.origin, credentials: "same-origin", fetch });
  }

  /** The body of the answer. */
  async read<T>(call: Promise<Answer<T>>): Promise<T> {
    const { data } = await this.settle(call);
    if (data === undefined) throw new Unreachable();
    return data;
  }

  /** Waits for an answer whose body does not matter. */
  async settle<T>(call: Promise<Answer<T>>): Promise<Answer<T>> {
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
