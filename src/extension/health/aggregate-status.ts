import { type ComponentStatus, isErrorStatus, type StatusEvent } from "./component-status.js";

/** What shows through, where not all are the same; stopping stands for stopped while others are not. */
const STRONGEST_FIRST: readonly (readonly [seen: ComponentStatus, shown: ComponentStatus])[] = [
  ["StatusFatalError", "StatusFatalError"],
  ["StatusStarting", "StatusStarting"],
  ["StatusStopping", "StatusStopping"],
  ["StatusStopped", "StatusStopping"],
  ["StatusPermanentError", "StatusPermanentError"],
  ["StatusRecoverableError", "StatusRecoverableError"],
];

/**
 * The event that speaks for several, by the rule of the Collector's extension; `undefined` for none at all.
 *
 * A failure is spoken for by the event that began it, anything else by the latest event, or by one made up at its time
 * where that has another status.
 */
export function aggregateStatus(events: readonly StatusEvent[]): StatusEvent | undefined {
  const status = statusOf(events);
  if (status === undefined) return undefined;
  const having = events.filter((event) => event.status === status);
  if (isErrorStatus(status)) return having.reduce((first, event) => (event.time < first.time ? event : first));
  const { time } = events.reduce((latest, event) => (event.time > latest.time ? event : latest));
  return having.find((event) => event.time === time) ?? { status, time };
}

function statusOf(events: readonly StatusEvent[]): ComponentStatus | undefined {
  const seen = new Set(events.map(({ status }) => status));
  if (seen.size <= 1) return events[0]?.status;
  return STRONGEST_FIRST.find(([status]) => seen.has(status))?.[1] ?? "StatusNone";
}
