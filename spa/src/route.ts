// Every path of the product that the app knows stands in this file.

/** Where the person is. */
export type Route =
  | { readonly name: "wikis" }
  | { readonly name: "create" }
  | { readonly name: "account" }
  | { readonly name: "settings"; readonly slug: string }
  | { readonly name: "connect"; readonly slug: string }
  | { readonly name: "unknown" };

/** Where the app is mounted on the root host. */
const base = "/app/";

/** Builds the paths of the app's own screens. */
export const to = {
  wikis: () => base,
  create: () => `${base}new`,
  account: () => `${base}account`,
  settings: (slug: string) => `${base}${slug}`,
  connect: (slug: string) => `${base}${slug}/connect`,
} as const;

/** Builds the paths of the sign-in pages, which are not part of the app. */
export const door = {
  /** returnTo is a path on this host; the sign-in page checks it. */
  signIn: (returnTo: string) => `/auth/login?return_to=${encodeURIComponent(returnTo)}`,
  signOut: () => "/auth/logout",
  renew: () => "/auth/refresh",
} as const;

/** Builds the paths of what is downloaded. */
export const file = {
  account: () => "/api/account/export",
  /** All pages and files of a wiki, given its address. */
  wiki: (url: string) => new URL("/-/export.zip", url).href,
} as const;

/** The host a wiki has, or would have, given the host that serves the app. */
export function wikiHost(slug: string, rootHost: string): string {
  return `${slug}.${rootHost}`;
}

/** Reports whether the app itself answers a path, rather than the server. */
export function isOurs(path: string): boolean {
  return path.startsWith(base);
}

const slugShape = /^[a-z0-9-]{1,30}$/;

/** Reads a path. What no screen answers is "unknown". */
export function parse(path: string): Route {
  if (!isOurs(path)) return { name: "unknown" };
  const [first = "", second, ...rest] = path.slice(base.length).replace(/\/$/, "").split("/");
  if (rest.length > 0) return { name: "unknown" };
  if (second === undefined) {
    if (first === "") return { name: "wikis" };
    if (first === "new") return { name: "create" };
    if (first === "account") return { name: "account" };
    if (slugShape.test(first)) return { name: "settings", slug: first };
  }
  if (second === "connect" && slugShape.test(first)) return { name: "connect", slug: first };
  return { name: "unknown" };
}
