import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { Agent } from "../api/account.ts";
import type { Token } from "../api/management.ts";
import { latestCall, lookEvery, lookFor, watch } from "./arrival.ts";

const token = (last_used: string | null, last_agent = "") => ({ last_used, last_agent }) as Token;

const agent = (last_used: string | null, name: string) => ({ last_used, name }) as Agent;

test("the latest call is told, whichever token or agent made it", () => {
  expect(latestCall([], [])).toBeUndefined();
  expect(latestCall([token(null)], [agent(null, "Claude")])).toBeUndefined();
  const tokens = [
    token("2026-03-14T12:00:00Z", "Cursor"),
    token(null),
    token("2026-03-14T14:00:00+01:00", "Claude Code"), // later, though it sorts and reads otherwise
  ];
  expect(latestCall(tokens, [agent("2026-03-14T11:00:00Z", "Claude")])).toEqual({ at: "2026-03-14T14:00:00+01:00", agent: "Claude Code" });
  expect(latestCall(tokens, [agent("2026-03-14T13:30:00Z", "Claude")])).toEqual({ at: "2026-03-14T13:30:00Z", agent: "Claude" });
});

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("nobody looks while the page is hidden, and not twice at once", async () => {
  let looks = 0;
  let finish = () => {};
  const page = { hidden: false };
  const stop = watch(page, () => {
    looks++;
    return new Promise((done) => (finish = done));
  });
  await vi.advanceTimersByTimeAsync(3 * lookEvery);
  expect(looks).toBe(1); // the first has not come back
  finish();
  page.hidden = true;
  await vi.advanceTimersByTimeAsync(3 * lookEvery);
  expect(looks).toBe(1);
  page.hidden = false;
  await vi.advanceTimersByTimeAsync(lookEvery);
  expect(looks).toBe(2);
  stop();
});

test("the watch ends by itself, so that a forgotten tab costs nothing", async () => {
  let looks = 0;
  const stop = watch({ hidden: false }, async () => void looks++);
  await vi.advanceTimersByTimeAsync(lookFor + lookEvery);
  const seen = looks;
  await vi.advanceTimersByTimeAsync(10 * lookFor);
  expect(looks).toBe(seen);
  stop();
});
