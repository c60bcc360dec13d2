import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import type { ComponentHealth } from "../../src/gen/opamp/v1/opamp_pb.js";
import type { AttributeValue } from "../../src/values/attributes.js";
import { type Health, sameHealth, toComponentHealth } from "../../src/values/health.js";
import { plainAttributes } from "../../src/values/plain-attributes.js";
import { decodeAgentToServer, encodeAgentToServer } from "../../src/wire/codec.js";
import { refusal } from "../client/refusal.js";
import { verifies } from "../conformance/verifies.js";

const times = { startTime: 1_700_000_000_000_000_001n, statusTime: 1_700_000_000_000_000_002n };

function overTheWire(health: Health): ComponentHealth | undefined {
  const decoded = decodeAgentToServer(encodeAgentToServer({ health: toComponentHealth(health, times) }));
  return decoded.ok ? decoded.message.health : undefined;
}

describe("health", () => {
  verifies("HEALTH-02", "health has the default times to the nanosecond", () => {
    const health = overTheWire({ healthy: true });
    expect(health?.healthy).toBe(true);
    expect(health?.startTimeUnixNano).toBe(times.startTime);
    expect(health?.statusTimeUnixNano).toBe(times.statusTime);
  });

  test("health has no attributes and no components where null is given for them", () => {
    const health = overTheWire({ healthy: true, attributes: null, components: null } as unknown as Health);
    expect(health).toMatchObject({ attributes: [], componentHealthMap: {} });
  });

  verifies("HEALTH-02", "components have the default status time too, but no default start time", () => {
    const component = overTheWire({ healthy: true, components: { a: { healthy: false } } })?.componentHealthMap["a"];
    expect(component?.startTimeUnixNano).toBe(0n);
    expect(component?.statusTimeUnixNano).toBe(times.statusTime);
  });

  verifies("HEALTH-02", "health keeps the start time 0 of something that does not run", () => {
    expect(overTheWire({ healthy: false, startTime: 0n })?.startTimeUnixNano).toBe(0n);
  });

  verifies("HEALTH-02", "health takes times as nanoseconds or as a Date, exactly", () => {
    const health = overTheWire({
      healthy: true,
      startTime: 2n ** 64n - 1n,
      statusTime: new Date(1_700_000_000_123),
      components: { a: { healthy: true, startTime: runInNewContext("new Date(5)") as Date, statusTime: 7n } },
    });
    expect(health?.startTimeUnixNano).toBe(2n ** 64n - 1n);
    expect(health?.statusTimeUnixNano).toBe(1_700_000_000_123_000_000n);
    expect(health?.componentHealthMap["a"]?.startTimeUnixNano).toBe(5_000_000n);
    expect(health?.componentHealthMap["a"]?.statusTimeUnixNano).toBe(7n);
  });

  verifies("HEALTH-03", "health carries status and error texts unchanged", () => {
    const health = overTheWire({ healthy: false, status: "StatusPermanentError", lastError: "port taken" });
    expect([health?.status, health?.lastError]).toEqual(["StatusPermanentError", "port taken"]);
  });

  verifies("HEALTH-04", "health nests with attributes and any component names", () => {
    const level = (depth: number): Health => ({
      healthy: depth % 2 === 0,
      status: `level ${depth}`,
      attributes: { depth },
      ...(depth < 5 ? { components: Object.fromEntries([["__proto__", level(depth + 1)]]) } : {}),
    });
    let health = overTheWire(level(0));
    for (let depth = 0; depth <= 5; depth++) {
      expect(health?.status).toBe(`level ${depth}`);
      expect(plainAttributes(health?.attributes ?? [])).toEqual({ depth });
      health = Object.entries(health?.componentHealthMap ?? {})[0]?.[1];
    }
    expect(health).toBeUndefined();
  });

  verifies("HEALTH-04", "health whose components and attributes use all 32 levels still decodes", () => {
    const record = (levels: number): { readonly [key: string]: AttributeValue } => ({
      a: levels <= 0 ? 1 : record(levels - 1),
    });
    const level = (depth: number, split: number): Health =>
      depth < split
        ? { healthy: true, components: { a: level(depth + 1, split) } }
        : { healthy: true, attributes: record(32 - split) };
    for (const split of [0, 1, 16, 31, 32]) {
      expect(overTheWire(level(0, split))).toBeDefined();
    }
    expect(refusal(() => overTheWire(level(0, 33))).message).toMatch(/nests more than 32 levels/);
  });

  test.each<[string, unknown, RegExp]>([
    ["nothing", undefined, /^health: must be an object .* not undefined$/],
    ["a list", [], /^health: must be an object .* not Array$/],
    ["no verdict", {}, /^health.healthy: must be true or false, not undefined$/],
    ["a verdict in words", { healthy: "yes" }, /^health.healthy: must be true or false, not string$/],
    ["a status that is not text", { healthy: true, status: 1 }, /^health.status: must be a string, not number$/],
    ["an Error for its text", { healthy: true, lastError: new Error("x") }, /^health.lastError: .* not Error$/],
    ["milliseconds", { healthy: true, startTime: 5 }, /^health.startTime: must be a Date or a bigint .* not number$/],
    ["an invalid Date", { healthy: true, startTime: new Date("x") }, /^health.startTime: is an invalid Date$/],
    ["a time before 1970", { healthy: true, statusTime: new Date(-1) }, /^health.statusTime: must lie between 1970/],
    ["a time after 2554", { healthy: true, statusTime: 2n ** 64n }, /^health.statusTime: must lie between 1970/],
    ["a Map of components", { healthy: true, components: new Map() }, /^health.components: .* not Map$/],
    [
      "something wrong in a component",
      { healthy: true, components: { "a b": { healthy: true, components: { c: { healthy: 1 } } } } },
      /^health.components\["a b"\].components\["c"\].healthy: must be true or false, not number$/,
    ],
    [
      "a wrong attribute",
      { healthy: true, attributes: { a: null } },
      /^health.attributes\["a"\]: must be a string, .* not null$/,
    ],
  ])("is refused by the path of what is wrong: %s", (_, health, message) => {
    const error = refusal(() => toComponentHealth(health as Health, times));
    expect(error.code).toBe("ERR_OPAMP_OPTION");
    expect(error.message).toMatch(message);
  });

  test("is refused if it contains itself", () => {
    const components: Record<string, Health> = {};
    components["self"] = { healthy: true, components };
    expect(refusal(() => toComponentHealth({ healthy: true, components }, times)).message).toMatch(/contains itself$/);
  });
});

describe("two healths are equal", () => {
  const base: Health = {
    healthy: true,
    status: "ok",
    attributes: { a: 1, b: [2] },
    components: { x: { healthy: true, lastError: "e" }, y: { healthy: false } },
  };
  const make = (health: Health, statusTime = times.statusTime) => toComponentHealth(health, { ...times, statusTime });

  test("even if observed at different times, at every level", () => {
    expect(sameHealth(make(base), make(base, 99n))).toBe(true);
  });

  test("in any order of components and attributes", () => {
    const turned: Health = {
      components: { y: { healthy: false }, x: { lastError: "e", healthy: true } },
      attributes: { b: [2], a: 1 },
      status: "ok",
      healthy: true,
    };
    expect(sameHealth(make(base), make(turned))).toBe(true);
  });

  test("after a round trip over the wire", () => {
    const back = overTheWire(base);
    expect(back !== undefined && sameHealth(make(base), back)).toBe(true);
  });

  test.each<[string, Health]>([
    ["the verdict", { ...base, healthy: false }],
    ["the status", { ...base, status: "late" }],
    ["the error", { ...base, lastError: "x" }],
    ["the start time", { ...base, startTime: 1n }],
    ["an attribute", { ...base, attributes: { a: 1, b: [3] } }],
    ["a missing component", { ...base, components: { x: { healthy: true, lastError: "e" } } }],
    ["a further component", { ...base, components: { ...base.components, z: { healthy: true } } }],
    [
      "a component by another name",
      { ...base, components: { x: { healthy: true, lastError: "e" }, z: { healthy: false } } },
    ],
    ["a component's error", { ...base, components: { ...base.components, x: { healthy: true, lastError: "f" } } }],
    ["a component's start time", { ...base, components: { ...base.components, y: { healthy: false, startTime: 3n } } }],
  ])("unless they differ in %s", (_, other) => {
    expect(sameHealth(make(base), make(other))).toBe(false);
    expect(sameHealth(make(other), make(base))).toBe(false);
  });

  test("unless a component is named like an inherited property", () => {
    const [a, b] = ["toString", "x"].map((name) => make({ healthy: true, components: { [name]: { healthy: true } } }));
    expect(a !== undefined && b !== undefined && sameHealth(a, b)).toBe(false);
    expect(a !== undefined && sameHealth(a, a)).toBe(true);
  });
});
