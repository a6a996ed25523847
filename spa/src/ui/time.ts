const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const date = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "long", year: "numeric" });
const exact = new Intl.DateTimeFormat("en-GB", { dateStyle: "full", timeStyle: "medium" });

const minute = 60;
const hour = 60 * minute;
const wholeDay = 24 * hour;

/**
 * How long ago something was, as one would say it; after a month the date says
 * more. A moment in the future (a clock that is off) counts as now.
 */
export function ago(at: Date, now: Date): string {
  const seconds = Math.max(0, Math.floor((now.getTime() - at.getTime()) / 1000));
  if (seconds < 45) return "just now";
  if (seconds < 45 * minute) return relative.format(-Math.max(1, Math.round(seconds / minute)), "minute");
  if (seconds < 22 * hour) return relative.format(-Math.max(1, Math.round(seconds / hour)), "hour");
  if (seconds < 30 * wholeDay) return relative.format(-Math.max(1, Math.round(seconds / wholeDay)), "day");
  return `on ${date.format(at)}`;
}

/** The day of a moment, such as "14 March 2026". */
export function day(at: Date): string {
  return date.format(at);
}

/** The exact moment, for whoever hovers. */
export function inFull(at: Date): string {
  return exact.format(at);
}
