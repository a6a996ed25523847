import { expect, test } from "vitest";
import { slugFaults, slugFrom } from "./slug.ts";

test.each([
  ["ada", []],
  ["third-gulf-war", []],
  ["a".repeat(30), []],
  ["", ["Choose an address."]],
  ["-A", ["Use at least 3 characters.", "Use lower case letters only.", "A hyphen cannot stand first or last."]],
  ["my_wiki", ["Use only letters a to z, digits and hyphens."]],
  ["a".repeat(31), ["Use at most 30 characters: this has 31."]],
  ["xn--80ak6aa92e", ["Names that begin with xn-- are reserved."]],
])("all that is wrong with %j is said at once", (slug, want) => {
  expect(slugFaults(slug)).toEqual(want);
});

test.each([
  ["Third Gulf War", "third-gulf-war", "words"],
  ["Ada’s Notebook", "adas-notebook", "an apostrophe joins"],
  ["Überblick & Café", "uberblick-cafe", "accents fall off"],
  ["日本", "", "nothing of it can stand in a host name"],
  ["A very long name that goes on and on", "a-very-long-name-that-goes-on", "cut without a hyphen at the end"],
])("a slug for %j", (name, want, why) => {
  expect(slugFrom(name), why).toBe(want);
});
