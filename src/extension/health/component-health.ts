import { isDeepStrictEqual } from "node:util";
import { checkFunction, wrongOption } from "../../base/checks.js";
import { realTimers } from "../../base/real-timers.js";
import { type Clock, systemClock, wallNanoseconds } from "../../client/clock.js";
import { messageOf, OpAMPError } from "../../errors.js";
import { MAX_ATTRIBUTE_DEPTH } from "../../values/attributes.js";
import type { Health } from "../../values/health.js";
import {
  type ComponentPath,
  type ComponentStatus,
  readStatusEvent,
  type StatusDetails,
  type StatusEvent,
  StatusTree,
} from "./component-status.js";

/** One component, which may hold others. */
export interface ComponentHandle {
  /** A component inside this one, down several levels at once if more names are given. Nothing is reported for it yet. */
  component(name: string, ...inner: readonly string[]): ComponentHandle;
  /**
   * How the component itself is. The components inside it count as well, and it among them.
   *
   * @throws OpAMPError `ERR_OPAMP_OPTION`
   */
  set(status: ComponentStatus, details?: StatusDetails): void;
  /** Takes it away, with the components inside it. */
  remove(): void;
}

/** How {@link componentHealth} is set up. */
export interface ComponentHealthOptions {
  /** For the time of an event that has none. Default: the system's. */
  clock?: Clock | undefined;
  /** Told when `report` throws; what it was to report is tried again with the next change. Default: nobody. */
  onError?: ((error: OpAMPError) => void) | undefined;
}

/**
 * Builds the health of an agent from that of its components, and reports it whenever it has changed: once for all
 * changes made in one go, and not where only times differ (STATUS-05).
 *
 * ```ts
 * const health = componentHealth((all) => client.setHealth(all));
 * health.component("pipeline:traces", "receiver:otlp").set("StatusOK");
 * health.ready();
 * ```
 *
 * As the Collector's extension does it: what is reported first is `healthy: false`; until {@link ComponentHealth.ready}
 * only components that start count, and what else they say waits, so that the agent does not flap while it starts. A
 * component is healthy only with StatusOK. Where components differ, a fatal error shows first, then one that starts,
 * one that stops, a permanent error, a recoverable error.
 *
 * @param report must not wait; usually the client's `setHealth`
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export function componentHealth(
  report: (health: Health) => void,
  options: ComponentHealthOptions = {},
): ComponentHealth {
  checkFunction("componentHealth.onError", options.onError);
  if (typeof report !== "function") throw wrongOption("componentHealth.report", "must be a function");
  return new ComponentHealth(report, options.clock ?? systemClock(false), options.onError ?? (() => undefined));
}

/** The agent as a whole; made by {@link componentHealth}. */
export class ComponentHealth implements ComponentHandle {
  readonly #report: (health: Health) => void;
  readonly #failed: (error: OpAMPError) => void;
  readonly #clock: Clock;
  readonly #tree = new StatusTree();
  /** What components said before the agent was ready: the latest of each, in the order in which they said it. */
  readonly #waiting = new Map<string, { path: ComponentPath; event: StatusEvent }>();
  #isReady = false;
  /** Unhealthy whatever the components say, until one of them says something. */
  #held = false;
  /** That the agent is ready, or is not, is to be reported even where the components say nothing. */
  #bareDue = false;
  #current: Health = { healthy: false };
  #reported: Health | undefined;
  #flushDue = false;
  #stopped = false;
  #ignored = 0;

  /** @internal */
  constructor(report: (health: Health) => void, clock: Clock, failed: (error: OpAMPError) => void) {
    this.#report = report;
    this.#clock = clock;
    this.#failed = failed;
    this.#flushSoon();
  }

  /** The health as of now, reported or not. */
  get current(): Health {
    return this.#refresh();
  }

  /** How many changes came after {@link ComponentHealth.stop}. */
  get ignored(): number {
    return this.#ignored;
  }

  /** The handle of a component below this one, made where it is missing. */
  component(name: string, ...inner: readonly string[]): ComponentHandle {
    return this.#handle([], [name, ...inner]);
  }

  /**
   * How the agent itself is, one more among its components.
   *
   * @throws OpAMPError `ERR_OPAMP_OPTION`
   */
  set(status: ComponentStatus, details?: StatusDetails): void {
    this.#set([], status, details);
  }

  /** Takes away all components, and what the agent itself said. */
  remove(): void {
    this.#remove([]);
  }

  /** All has started: what waits counts now. An agent without components is healthy from here on. */
  ready(): void {
    if (this.#isLate()) return;
    this.#isReady = true;
    this.#held = false;
    this.#bareDue = true;
    for (const { path, event } of this.#waiting.values()) this.#tree.set(path, event);
    this.#waiting.clear();
    this.#flushSoon();
  }

  /** The agent is not healthy, whatever its components are, until one of them says something again. */
  notReady(): void {
    if (this.#isLate()) return;
    this.#held = true;
    this.#flushSoon();
  }

  /** Reports what is still to be reported. What comes later is ignored, and counted. */
  stop(): void {
    if (this.#stopped) return;
    this.#flush();
    this.#stopped = true;
  }

  #handle(outer: ComponentPath, inner: ComponentPath): ComponentHandle {
    const path = [...outer, ...inner];
    const isNamed = path.every((name) => typeof name === "string" && name !== "");
    if (!isNamed) throw wrongOption("component", "must be a name that is not empty");
    if (path.length > MAX_ATTRIBUTE_DEPTH)
      throw wrongOption("component", `nests over ${MAX_ATTRIBUTE_DEPTH} levels deep`);
    return {
      component: (name, ...more) => this.#handle(path, [name, ...more]),
      set: (status, details) => this.#set(path, status, details),
      remove: () => this.#remove(path),
    };
  }

  #set(path: ComponentPath, status: ComponentStatus, details: StatusDetails = {}): void {
    if (this.#isLate()) return;
    const event = readStatusEvent(status, details, path.length, () => wallNanoseconds(this.#clock));
    const key = JSON.stringify(path);
    // Again at the end, or not at all: the latest counts.
    this.#waiting.delete(key);
    if (!this.#isReady && status !== "StatusStarting") {
      this.#waiting.set(key, { path, event });
      return;
    }
    this.#tree.set(path, event);
    this.#held = false;
    this.#flushSoon();
  }

  #remove(path: ComponentPath): void {
    if (this.#isLate()) return;
    for (const [key, waiting] of this.#waiting) {
      if (path.every((name, depth) => waiting.path[depth] === name)) this.#waiting.delete(key);
    }
    this.#tree.remove(path);
    this.#flushSoon();
  }

  #isLate(): boolean {
    if (this.#stopped) this.#ignored += 1;
    return this.#stopped;
  }

  /** Not at the end of the turn: the client waits for that, and merges this with all else that is to be reported. */
  #flushSoon(): void {
    if (this.#flushDue) return;
    this.#flushDue = true;
    realTimers.queueMicrotask(() => this.#flush());
  }

  #flush(): void {
    if (!this.#flushDue || this.#stopped) return;
    this.#flushDue = false;
    const health = this.#refresh();
    const before = this.#reported;
    if (before !== undefined && isDeepStrictEqual(withoutTimes(before), withoutTimes(health))) return;
    this.#reported = health;
    try {
      this.#report(health);
    } catch (cause) {
      this.#reported = before;
      const text = `the health was not reported: ${messageOf(cause)}`;
      this.#failed(new OpAMPError("ERR_OPAMP_HANDLER", text, { cause }));
    }
  }

  #refresh(): Health {
    const level = this.#tree.level();
    const speaks = level !== undefined && level.event.status !== "StatusNone";
    if (this.#held) this.#current = { healthy: false };
    else if (speaks) this.#current = level.health;
    else if (level === undefined || this.#bareDue) this.#current = { healthy: this.#isReady };
    this.#bareDue = false;
    return this.#current;
  }
}

/** What the client would send a health for: it sends none that differs in times alone. */
function withoutTimes({ statusTime, components = {}, ...rest }: Health): object {
  const inside = Object.entries(components).map(([name, health]) => [name, withoutTimes(health)] as const);
  return { ...rest, components: new Map(inside) };
}
