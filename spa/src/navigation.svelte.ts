import { isOurs, parse, type Route } from "./route.ts";

/**
 * Knows which screen is shown and moves between them. Links in the page are
 * ordinary links: a plain click on one that the app answers is taken over here,
 * anything else (new tab, download, another host) is left to the browser.
 */
export class Navigation {
  #path = $state(location.pathname);
  #route: Route = $derived(parse(this.#path));

  get path(): string {
    return this.#path;
  }

  /** The path with the query, as the browser shows them: to come back to. */
  get here(): string {
    return this.#path + location.search;
  }

  get route(): Route {
    return this.#route;
  }

  /** Begins to listen; the returned function ends it. */
  listen(): () => void {
    const click = (event: MouseEvent) => this.#click(event);
    const pop = () => (this.#path = location.pathname);
    document.addEventListener("click", click);
    addEventListener("popstate", pop);
    return () => {
      document.removeEventListener("click", click);
      removeEventListener("popstate", pop);
    };
  }

  /** Goes to a path that the builders in route.ts made. */
  go(path: string): void {
    if (path !== location.pathname) history.pushState(null, "", path);
    this.#path = path;
    scrollTo(0, 0);
  }

  /** Leaves the app for a page that the server answers. */
  leave(url: string): void {
    location.assign(url);
  }

  #click(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0) return;
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = event.target instanceof Element ? event.target.closest("a") : null;
    if (!link || link.target || link.hasAttribute("download")) return;
    if (link.origin !== location.origin || !isOurs(link.pathname) || link.hash) return;
    event.preventDefault();
    this.go(link.pathname);
  }
}
