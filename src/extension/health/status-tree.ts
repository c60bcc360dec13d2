import type { Health } from "../../values/health.js";
import { type ComponentStatus, isErrorStatus, type StatusEvent } from "./status-event.js";

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
  readonly #root = newNode();

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
    const nodes = [this.#root];
    for (const name of path) {
      const next = nodes.at(-1)?.inside.get(name);
      if (next === undefined) return;
      nodes.push(next);
    }
    if (path.length === 0) {
      this.#root.event = undefined;
      this.#root.inside.clear();
    }
    for (let depth = path.length; depth > 0; depth -= 1) {
      nodes[depth - 1]?.inside.delete(path[depth - 1] ?? "");
      const around = nodes[depth - 1];
      if (around === undefined || around.event !== undefined || around.inside.size > 0) return;
    }
  }

  /** What all come to; `undefined` where there are none. */
  level(): Level | undefined {
    return levelOf(this.#root);
  }
}

function newNode(): Node {
  return { event: undefined, inside: new Map() };
}

function levelOf({ event: own, inside }: Node): Level | undefined {
  const levels: [string, Level][] = [];
  for (const [name, node] of inside) {
    const level = levelOf(node);
    if (level !== undefined) levels.push([name, level]);
  }
  const events = levels.map(([, level]) => level.event);
  // A component with others in it counts as one more of them.
  const event = aggregateStatus(own === undefined ? events : [...events, own]);
  if (event === undefined) return undefined;
  const components = Object.fromEntries(levels.map(([name, { health }]) => [name, health]));
  return { event, health: healthOf(event, levels.length === 0 ? undefined : components) };
}

function healthOf(event: StatusEvent, components: Record<string, Health> | undefined): Health {
  const health: Health = { healthy: event.status === "StatusOK", status: event.status, statusTime: event.time };
  if (event.error !== undefined) health.lastError = event.error;
  if (event.attributes !== undefined) health.attributes = event.attributes;
  if (components !== undefined) health.components = components;
  return health;
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
  if (isErrorStatus(status)) return having.reduce((first, event) => (event.time < first.time ? event : first));
  const { time } = events.reduce((latest, event) => (event.time > latest.time ? event : latest));
  return having.find((event) => event.time === time) ?? { status, time };
}

function statusOf(events: readonly StatusEvent[]): ComponentStatus | undefined {
  const seen = new Set(events.map(({ status }) => status));
  if (seen.size <= 1) return events[0]?.status;
  return STRONGEST_FIRST.find(([status]) => seen.has(status))?.[1] ?? "StatusNone";
}
