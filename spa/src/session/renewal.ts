import type { Fetcher } from "../api/calls.ts";

/** Milliseconds before its end at which a sign-in is renewed. */
export const ahead = 30 * 60_000;

/** Milliseconds between two looks at the clock: a computer may have slept. */
export const lookEvery = 60_000;

/** What the browser offers to tell whether somebody is looking. */
export interface Page {
  readonly hidden: boolean;
}

/**
 * Renews what the browser is signed in by, for as long as its session lives. The
 * cookies are the server's affair: all that is known here is when they run out.
 */
export class Renewal {
  readonly #ask: () => Promise<Response>;
  #underWay: Promise<boolean> | undefined;
  #renewedAt = -Infinity;
  #expiresAt = -Infinity;
  #over = false;

  /** ask posts to the address that renews. */
  constructor(ask: () => Promise<Response>) {
    this.#ask = ask;
  }

  /**
   * Reports whether the session lives, with fresh cookies if it does. Who asks while
   * an answer is under way gets that one, and nobody asks again for a call that was
   * `begun` before the last renewal. It throws when nobody knows.
   */
  renew(begun = Date.now()): Promise<boolean> {
    if (begun < this.#renewedAt) return Promise.resolve(true);
    return (this.#underWay ??= this.#once().finally(() => (this.#underWay = undefined)));
  }

  async #once(): Promise<boolean> {
    const response = await this.#ask();
    if (response.status === 401) {
      this.#over = true;
      return false;
    }
    if (!response.ok) throw new Error(`renew the session: status ${response.status}`);
    const { expires_at } = (await response.json()) as { expires_at: string };
    this.#renewedAt = Date.now();
    this.#expiresAt = Date.parse(expires_at);
    this.#over = false;
    return true;
  }

  /**
   * Renews ahead of time while the page is in view, so that nobody is held up. When
   * the cookies run out is learned by renewing them. The returned function ends it.
   */
  keep(page: Page): () => void {
    const timer = setInterval(() => {
      if (page.hidden || this.#over || Date.now() < this.#expiresAt - ahead) return;
      this.renew().catch(() => {}); // the next call that matters will tell
    }, lookEvery);
    return () => clearInterval(timer);
  }
}

/** Sends what is refused for want of a session once more, after a renewal. */
export function renewing(renewal: Renewal, send: Fetcher): Fetcher {
  return async (request) => {
    const begun = Date.now();
    const again = request.clone(); // a body can be read once
    const refused = await send(request);
    if (refused.status !== 401 || !(await renewal.renew(begun))) return refused;
    return send(again);
  };
}
