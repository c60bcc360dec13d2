import { isObject, oneOf, refuseUnknown, withoutUndefined, wrongKind, wrongOption } from "../../base/checks.js";
import { unixNanoseconds } from "../../base/time.js";
import { messageOf } from "../../errors.js";
import { type Attributes, toKeyValues } from "../../values/attributes.js";
import type { Health } from "../../values/health.js";

/** The Collector's words for how a component is. */
export const componentStatuses = [
  "StatusNone",
  "StatusStarting",
  "StatusOK",
  "StatusRecoverableError",
  "StatusPermanentError",
  "StatusFatalError",
  "StatusStopping",
  "StatusStopped",
] as const;

/** One of the Collector's words for how a component is. */
export type ComponentStatus = (typeof componentStatuses)[number];

/** That a component got into a status. */
export interface StatusEvent {
  readonly status: ComponentStatus;
  /** In nanoseconds since the Unix epoch. */
  readonly time: bigint;
  readonly error?: string;
  readonly attributes?: Attributes;
}

/** What may be said besides a status. */
export interface StatusDetails {
  /** What is wrong: a text, or what was thrown. Default: nothing. */
  error?: unknown;
  /** Anything else worth knowing. Default: nothing. */
  attributes?: Attributes | undefined;
  /** When it came about, as a Date or in nanoseconds since the Unix epoch. Default: now. */
  time?: Date | bigint | undefined;
}

const KNOWN = { error: true, attributes: true, time: true } satisfies Record<keyof StatusDetails, true>;

/**
 * Checks what somebody says of a component, here where it can be told who it was.
 *
 * @param depth how many levels down the component is
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export function readStatusEvent(
  status: ComponentStatus,
  details: StatusDetails,
  depth: number,
  now: () => bigint,
): StatusEvent {
  if (status === undefined) throw wrongOption("status", `must be one of ${componentStatuses.join(", ")}`);
  oneOf("status", status, componentStatuses);
  const given: unknown = details;
  if (!isObject(given)) throw wrongKind("details", "an object such as { error }", given);
  refuseUnknown("details", given, KNOWN);
  const { error, attributes, time } = details;
  if (attributes !== undefined) toKeyValues(attributes, "details.attributes", depth);
  return withoutUndefined<StatusEvent>({
    status,
    time: time === undefined ? now() : unixNanoseconds("details.time", time),
    error: error === undefined || error === null ? undefined : messageOf(error),
    // A copy, so that what is compared later is what was said.
    attributes: structuredClone(attributes),
  });
}

/** Where a component is: the names from the outermost one on. The agent as a whole has none. */
export type ComponentPath = readonly string[];

interface Node {
  /** The component's own; `undefined` where it only holds others. */
  event: StatusEvent | undefined;
  readonly inside: Map<string, Node>;
}

/** A node with what it and those in it come to. */
interface Level {
  readonly event: StatusEvent;
  readonly health: Health;
}

/** The latest status of each component, within the components that hold it. */
export class StatusTree {
  #root = newNode();

  set(path: ComponentPath, event: StatusEvent): void {
    let node = this.#root;
    for (const name of path) {
      const next = node.inside.get(name) ?? newNode();
      node.inside.set(name, next);
      node = next;
    }
    node.event = event;
  }

  /** Takes a component away, with all in it, and those around it that then hold nothing. */
  remove(path: ComponentPath): void {
    if (path.length === 0) this.#root = newNode();
    else removeFrom(this.#root, path);
  }

  /** What all come to; `undefined` where there are none. */
  level(): Level | undefined {
    return levelOf(this.#root);
  }
}

function newNode(): Node {
  return { event: undefined, inside: new Map() };
}

function removeFrom(node: Node, [name = "", ...inner]: ComponentPath): void {
  const next = node.inside.get(name);
  if (next === undefined) return;
  if (inner.length > 0) removeFrom(next, inner);
  const isEmpty = next.event === undefined && next.inside.size === 0;
  if (inner.length === 0 || isEmpty) node.inside.delete(name);
}

function levelOf({ event: own, inside }: Node): Level | undefined {
  const levels: [string, Level][] = [];
  for (const [name, node] of inside) {
    const level = levelOf(node);
    if (level !== undefined) levels.push([name, level]);
  }
  const events = levels.map(([, level]) => level.event);
  // A component with others in it counts as one more of them, and speaks where it failed at the same time.
  const event = aggregateStatus(own === undefined ? events : [own, ...events]);
  if (event === undefined) return undefined;
  const { status, time: statusTime, error: lastError, attributes } = event;
  const components =
    levels.length === 0 ? undefined : Object.fromEntries(levels.map(([name, { health }]) => [name, health]));
  const healthy = status === "StatusOK";
  return {
    event,
    health: withoutUndefined<Health>({ healthy, status, statusTime, lastError, attributes, components }),
  };
}

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
  if (status.endsWith("Error")) return having.reduce((first, event) => (event.time < first.time ? event : first));
  const { time } = events.reduce((latest, event) => (event.time > latest.time ? event : latest));
  return having.find((event) => event.time === time) ?? { status, time };
}

function statusOf(events: readonly StatusEvent[]): ComponentStatus | undefined {
  const seen = new Set(events.map(({ status }) => status));
  if (seen.size <= 1) return events[0]?.status;
  return STRONGEST_FIRST.find(([status]) => seen.has(status))?.[1] ?? "StatusNone";
}
