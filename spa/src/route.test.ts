import { expect, test } from "vitest";
import { door, parse, to, wikiHost } from "./route.ts";

test("every path that is built is understood again", () => {
  expect(parse(to.wikis())).toEqual({ name: "wikis" });
  expect(parse(to.create())).toEqual({ name: "create" });
  expect(parse(to.account())).toEqual({ name: "account" });
  expect(parse(to.settings("ada"))).toEqual({ name: "settings", slug: "ada" });
  expect(parse(to.connect("third-gulf-war"))).toEqual({ name: "connect", slug: "third-gulf-war" });
});

test.each([
  ["/app/ada/", { name: "settings", slug: "ada" }, "a typed trailing slash is forgiven"],
  ["/app/Ada", { name: "unknown" }, "slugs are lower case; another spelling is no wiki"],
  ["/app/ada/connect/more", { name: "unknown" }, "nothing lies below a screen"],
  ["/app/ada/secrets", { name: "unknown" }, "a screen that does not exist"],
  ["/app//connect", { name: "unknown" }, "an empty slug"],
  ["/app/..%2Fada", { name: "unknown" }, "escapes are never part of a slug"],
  ["/elsewhere", { name: "unknown" }, "outside of the app"],
])("%s", (path, want, why) => {
  expect(parse(path), why).toEqual(want);
});

test("the way back from sign-in keeps its query as one value", () => {
  expect(door.signIn("/app/ada?x=1&y=2")).toBe("/auth/login?return_to=%2Fapp%2Fada%3Fx%3D1%26y%3D2");
});

test("a wiki's host keeps the port of the root host", () => {
  expect(wikiHost("ada", "wikibot.localhost:8080")).toBe("ada.wikibot.localhost:8080");
});
