import { expect, test } from "vitest";
import { ago } from "./time.ts";

const now = new Date("2026-03-14T12:00:00Z");

test.each([
  ["2026-03-14T12:00:20Z", "just now", "the server's clock is ahead"],
  ["2026-03-14T11:59:30Z", "just now", "seconds are noise"],
  ["2026-03-14T11:59:10Z", "1 minute ago", "never 0 minutes"],
  ["2026-03-14T11:57:00Z", "3 minutes ago", ""],
  ["2026-03-14T11:10:00Z", "1 hour ago", "50 minutes"],
  ["2026-03-14T02:00:00Z", "10 hours ago", ""],
  ["2026-03-13T12:00:00Z", "yesterday", ""],
  ["2026-03-04T12:00:00Z", "10 days ago", ""],
  ["2025-11-02T12:00:00Z", "on 2 November 2025", "a date says more than 132 days"],
])("%s", (at, want, why) => {
  expect(ago(new Date(at), now), why).toBe(want);
});
