import type { Agent, Session } from "../api/account.ts";

/** What a device is called: what it said of itself, or what is known of it. */
export function deviceName(session: Session): string {
  if (session.name) return session.name;
  return session.kind === "cli" ? "Command line" : "A browser";
}

/** Who says that an agent is what it calls itself. */
export function vouching(agent: Agent): string {
  return agent.host ? `from ${agent.host}` : "unverified: the name is its own";
}

/** A list as one would say it: "ada", "ada and notes", "ada, notes and 3 more". */
export function among(names: readonly string[], atMost = 3): string {
  const shown = names.length > atMost ? names.slice(0, atMost - 1) : names;
  const more = names.length - shown.length;
  const parts = more > 0 ? [...shown, `${more} more`] : shown;
  return parts.length < 2 ? (parts[0] ?? "") : `${parts.slice(0, -1).join(", ")} and ${parts.at(-1)}`;
}
