import type { Agent } from "../api/account.ts";
import type { LastActivity, Token } from "../api/management.ts";

/** The latest call that came in by a token of the wiki or from a connected agent, if there was one. */
export function latestCall(tokens: readonly Token[], agents: readonly Agent[]): { at: string; agent: string } | undefined {
  const calls = [
    ...tokens.map(({ last_used: at, last_agent: agent }) => ({ at, agent })),
    ...agents.map(({ last_used: at, name: agent }) => ({ at, agent })),
  ];
  let latest: { at: string; agent: string } | undefined;
  for (const { at, agent } of calls) {
    if (at && (!latest || Date.parse(at) > Date.parse(latest.at))) latest = { at, agent };
  }
  return latest;
}

/** Whether the wiki was last written by an agent. */
export function writtenByAgent(activity: LastActivity): boolean {
  return activity.agent !== "";
}

/** Milliseconds between two looks for an agent's first call. */
export const lookEvery = 4_000;

/** Milliseconds after which nobody is waiting any more. */
export const lookFor = 15 * 60_000;

/** What the browser offers to a watch. */
export interface Page {
  readonly hidden: boolean;
}

/**
 * Looks again and again while the page is in view, one look at a time, until
 * {@link lookFor} is over. The returned function ends it.
 */
export function watch(page: Page, look: () => Promise<void>): () => void {
  const end = Date.now() + lookFor;
  let looking = false;
  const timer = setInterval(async () => {
    if (Date.now() > end) return clearInterval(timer);
    if (page.hidden || looking) return;
    looking = true;
    await look().finally(() => (looking = false));
  }, lookEvery);
  return () => clearInterval(timer);
}
