import type { Health } from "../../values/health.js";
import { aggregateStatus } from "./aggregate-status.js";
import type { StatusEvent } from "./component-status.js";

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
