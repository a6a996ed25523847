import { expect, test } from "vitest";
import type { Me, Wiki } from "../api/management.ts";
import { planInWords, roomFor } from "./plan.ts";

const free = { tier: "free", limits: { wikis: 1, pages_per_wiki: 500, authors_per_wiki: 1 } } as Me;
const premium = { tier: "premium", limits: { wikis: 12, pages_per_wiki: 0, authors_per_wiki: 25 } } as Me;
const wiki = (role: string) => ({ role }) as Wiki;

test("a wiki of somebody else takes no room", () => {
  expect(roomFor(free, [wiki("editor"), wiki("viewer")])).toBe(1);
  expect(roomFor(free, [wiki("owner")])).toBe(0);
});

test("over the limit after a downgrade there is no room, not less than none", () => {
  expect(roomFor(free, [wiki("owner"), wiki("owner"), wiki("owner")])).toBe(0);
});

test("plans in words", () => {
  expect(planInWords(free)).toBe("Free: 1 wiki of up to 500 pages");
  expect(planInWords(premium)).toBe("Premium: 12 wikis of any number of pages");
});
