import { expect, test } from "vitest";
import type { Agent, Session } from "../api/account.ts";
import { among, deviceName, vouching } from "./words.ts";

test("a device without a name is called what it is", () => {
  expect(deviceName({ name: "Firefox on Linux", kind: "browser" } as Session)).toBe("Firefox on Linux");
  expect(deviceName({ name: "", kind: "cli" } as Session)).toBe("Command line");
  expect(deviceName({ name: "", kind: "browser" } as Session)).toBe("A browser");
});

test("an agent for which nobody vouches is not given out as what it says", () => {
  expect(vouching({ host: "claude.ai" } as Agent)).toBe("from claude.ai");
  expect(vouching({ host: null } as Agent)).toMatch(/unverified/);
});

test.each([
  [[], ""],
  [["ada"], "ada"],
  [["ada", "notes"], "ada and notes"],
  [["ada", "notes", "plans"], "ada, notes and plans"],
  [["ada", "notes", "plans", "old"], "ada, notes and 2 more"],
])("%j", (names, want) => {
  expect(among(names)).toBe(want);
});
