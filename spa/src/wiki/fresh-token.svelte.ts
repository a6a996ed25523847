/**
 * The token that was just made, between its making and the moment its reader
 * leaves. It lives in memory alone: never in storage, the address or history.
 */
export class FreshToken {
  #slug = $state("");
  #token = $state("");

  keep(slug: string, token: string): void {
    this.#slug = slug;
    this.#token = token;
  }

  /** The fresh token of a wiki, or nothing. */
  of(slug: string): string | undefined {
    return this.#slug === slug && this.#token ? this.#token : undefined;
  }

  forget(): void {
    this.#slug = "";
    this.#token = "";
  }
}
