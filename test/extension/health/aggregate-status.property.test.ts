import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { componentHealth } from "../../../src/extension/health/component-health.js";
import {
  aggregateStatus,
  type ComponentStatus,
  componentStatuses,
  type StatusEvent,
} from "../../../src/extension/health/component-status.js";
import type { Health } from "../../../src/index.js";

const event = (status: ComponentStatus, time: bigint, error?: string): StatusEvent => ({
  status,
  time,
  ...(error !== undefined && { error }),
});

describe("several statuses are aggregated into one:", () => {
  for (const [shown, ...given] of [
    ["StatusOK", "StatusOK", "StatusOK"],
    ["StatusStopped", "StatusStopped", "StatusStopped"],
    ["StatusNone", "StatusNone", "StatusNone"],
    ["StatusFatalError", "StatusFatalError", "StatusStarting", "StatusStopping", "StatusPermanentError"],
    ["StatusStarting", "StatusStarting", "StatusStopping", "StatusPermanentError", "StatusOK"],
    ["StatusStopping", "StatusStopping", "StatusPermanentError", "StatusOK"],
    ["StatusStopping", "StatusStopped", "StatusPermanentError", "StatusOK"],
    ["StatusPermanentError", "StatusPermanentError", "StatusRecoverableError", "StatusOK"],
    ["StatusRecoverableError", "StatusRecoverableError", "StatusOK", "StatusNone"],
    ["StatusNone", "StatusOK", "StatusNone"],
  ] as const) {
    test(`${shown} for ${given.join(", ")}`, () => {
      const events = given.map((status, index) => event(status, BigInt(index)));
      expect(aggregateStatus(events)?.status).toBe(shown);
      expect(aggregateStatus(events.toReversed())?.status).toBe(shown);
    });
  }

  test("none for no statuses", () => {
    expect(aggregateStatus([])).toBeUndefined();
  });
});

describe("the aggregated event is", () => {
  test("the failure that came first", () => {
    const first = event("StatusRecoverableError", 2n, "first");
    const events = [event("StatusRecoverableError", 3n, "second"), first, event("StatusOK", 1n)];
    expect(aggregateStatus(events)).toBe(first);
  });

  test("the latest one without a failure", () => {
    const last = event("StatusOK", 3n);
    expect(aggregateStatus([event("StatusOK", 1n), last, event("StatusOK", 2n)])).toBe(last);
  });

  test("a new one at the time of the latest, if that has another status", () => {
    const events = [event("StatusStarting", 1n, "slow"), event("StatusOK", 5n)];
    expect(aggregateStatus(events)).toEqual(event("StatusStarting", 5n));
  });
});

interface Tree {
  own: StatusEvent | undefined;
  inside: Record<string, Tree>;
}

/** The rule as one would say it aloud, without looking at how it is done. */
function naive(tree: Tree): Health | undefined {
  const inner = Object.entries(tree.inside).map(([name, child]) => [name, naive(child)] as const);
  const present = inner.filter((entry): entry is [string, Health] => entry[1] !== undefined);
  const own: Health[] = tree.own === undefined ? [] : [healthOf(tree.own)];
  const all = [...present.map(([, health]) => health), ...own];
  if (all.length === 0) return undefined;
  const has = (status: ComponentStatus): boolean => all.some((health) => health.status === status);
  const same = all.every(({ status }) => status === all[0]?.status);
  let status = "StatusNone";
  if (same) status = all[0]?.status ?? "";
  else if (has("StatusFatalError")) status = "StatusFatalError";
  else if (has("StatusStarting")) status = "StatusStarting";
  else if (has("StatusStopping") || has("StatusStopped")) status = "StatusStopping";
  else if (has("StatusPermanentError")) status = "StatusPermanentError";
  else if (has("StatusRecoverableError")) status = "StatusRecoverableError";
  const byTime = all.toSorted((a, b) => Number(timeOf(a) - timeOf(b)));
  const first = byTime.find((health) => health.status === status);
  const last = byTime.at(-1);
  const speaks = status.endsWith("Error") ? first : last?.status === status ? last : undefined;
  const health: Health = { healthy: status === "StatusOK", status, statusTime: timeOf(speaks ?? last) };
  if (speaks?.lastError !== undefined) health.lastError = speaks.lastError;
  if (present.length > 0) health.components = Object.fromEntries(present);
  return health;
}

const timeOf = (health: Health | undefined): bigint => BigInt(Number(health?.statusTime ?? 0n));

function healthOf({ status, time, error }: StatusEvent): Health {
  return { healthy: status === "StatusOK", status, statusTime: time, ...(error !== undefined && { lastError: error }) };
}

interface Change {
  path: string[];
  status: ComponentStatus | undefined;
  error: string | undefined;
  turnEnds: boolean;
}

const change: fc.Arbitrary<Change> = fc.record({
  path: fc.array(fc.constantFrom("a", "b", "__proto__"), { minLength: 1, maxLength: 3 }),
  status: fc.option(fc.constantFrom(...componentStatuses), { nil: undefined, freq: 5 }),
  error: fc.option(fc.constantFrom("e1", "e2"), { nil: undefined }),
  turnEnds: fc.boolean(),
});

function nodeAt(root: Tree, path: readonly string[]): Tree {
  let node = root;
  for (const name of path) {
    const next = Object.hasOwn(node.inside, name) ? node.inside[name] : undefined;
    const made = next ?? { own: undefined, inside: {} };
    Object.defineProperty(node.inside, name, { value: made, enumerable: true, configurable: true, writable: true });
    node = made;
  }
  return node;
}

test("the last report always has the aggregated status, whatever components report and when", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 25 }), async (changes) => {
      const reports: Health[] = [];
      const health = componentHealth((report) => reports.push(report));
      health.ready();
      const root: Tree = { own: undefined, inside: {} };
      // Times all differ, so that it is clear which event speaks for several.
      for (const [index, { path, status, error, turnEnds }] of changes.entries()) {
        const [name = "", ...inner] = path;
        const component = health.component(name, ...inner);
        if (status === undefined) {
          component.remove();
          delete nodeAt(root, path.slice(0, -1)).inside[path.at(-1) ?? ""];
        } else {
          const time = BigInt(index + 1);
          component.set(status, { time, ...(error !== undefined && { error }) });
          nodeAt(root, path).own = event(status, time, error);
        }
        if (turnEnds) await new Promise((resolve) => setImmediate(resolve));
        const expected = naive(root) ?? { healthy: true };
        if (expected.status !== "StatusNone") expect(health.current).toEqual(expected);
      }
      await new Promise((resolve) => setImmediate(resolve));
      const expected = naive(root) ?? { healthy: true };
      if (expected.status !== "StatusNone") expect(withoutTimes(reports.at(-1))).toEqual(withoutTimes(expected));
      expect(reports.length).toBeLessThanOrEqual(changes.filter(({ turnEnds }) => turnEnds).length + 1);
    }),
    { numRuns: 300 },
  );
});

function withoutTimes(health: Health | undefined): unknown {
  if (health === undefined) return undefined;
  const { statusTime: _, components = {}, ...rest } = health;
  return { ...rest, components: Object.fromEntries(Object.entries(components).map(([k, v]) => [k, withoutTimes(v)])) };
}
