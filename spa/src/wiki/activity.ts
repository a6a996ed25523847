import type { LastActivity } from "../api/management.ts";

/** Who was last at a wiki: the ink (person or agent) and the name to show. */
export interface Writer {
  readonly ink: "human" | "agent";
  readonly name: string;
}

/** Undefined while nobody has written yet. */
export function writerOf(activity: LastActivity): Writer | undefined {
  const { agent, name } = activity;
  if (agent) return { ink: "agent", name: name && name !== agent ? `${agent} for ${name}` : agent };
  return name ? { ink: "human", name } : undefined;
}

const verbs: Readonly<Record<string, string>> = {
  created: "wrote",
  edited: "edited",
  renamed: "renamed",
  deleted: "deleted",
};

/** What the writer did, in words: "edited Home". */
export function deedOf(activity: LastActivity): string {
  const verb = verbs[activity.kind] ?? "edited";
  return activity.page ? `${verb} ${activity.page}` : verb === "edited" ? "was here" : `${verb} a page`;
}
