import type { Me, Wiki } from "../api/management.ts";

/** Whether the person may choose a wiki's address; otherwise it is the username. */
export function choosesAddress(me: Me): boolean {
  return me.tier !== "free";
}

/** How many more wikis the plan has room for. Wikis of others do not count. */
export function roomFor(me: Me, wikis: readonly Wiki[]): number {
  const own = wikis.filter((wiki) => wiki.role === "owner").length;
  return Math.max(0, me.limits.wikis - own);
}

/** The plan in words, such as "Free: 1 wiki of up to 500 pages". */
export function planInWords(me: Me): string {
  const name = me.tier === "free" ? "Free" : me.tier[0]!.toUpperCase() + me.tier.slice(1);
  const wikis = me.limits.wikis === 1 ? "1 wiki" : `${me.limits.wikis} wikis`;
  const pages = me.limits.pages_per_wiki === 0 ? "any number of pages" : `up to ${me.limits.pages_per_wiki} pages`;
  return `${name}: ${wikis} of ${pages}`;
}
