import type { Management, Token, Wiki, WikiSettings } from "../api/management.ts";
import { Refused, SignedOut, Unreachable } from "../api/problem.ts";

/** The one wiki whose screen is open. */
export class OpenWiki {
  readonly slug: string;
  readonly #api: Management;
  #wiki = $state.raw<Wiki>();
  #tokens = $state.raw<readonly Token[]>([]);
  #missing = $state(false);

  constructor(api: Management, slug: string) {
    this.#api = api;
    this.slug = slug;
  }

  /** Undefined until it is known. */
  get wiki(): Wiki | undefined {
    return this.#wiki;
  }

  /** The wiki's tokens, as far as the person may see them. */
  get tokens(): readonly Token[] {
    return this.#tokens;
  }

  /** There is no such wiki, or the person has no right in it: the API does not tell which. */
  get missing(): boolean {
    return this.#missing;
  }

  get owned(): boolean {
    return this.#wiki?.role === "owner";
  }

  async load(): Promise<void> {
    try {
      const { wiki, tokens } = await this.#api.wiki(this.slug);
      this.#wiki = wiki;
      this.#tokens = tokens;
      this.#missing = false;
    } catch (error) {
      if (error instanceof Refused) this.#missing = true;
      else if (!(error instanceof SignedOut || error instanceof Unreachable)) throw error;
    }
  }

  async change(change: WikiSettings): Promise<void> {
    this.#wiki = await this.#api.change(this.slug, change);
  }

  async remove(confirm: string): Promise<void> {
    await this.#api.remove(this.slug, confirm);
  }

  /** Makes a new default token and returns it: this is the only time it can be read. */
  async regenerate(): Promise<string> {
    const token = await this.#api.regenerate(this.slug);
    await this.load();
    return token;
  }
}
