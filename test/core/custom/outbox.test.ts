import { describe, expect, test } from "vitest";
import type { CustomFate, Input, Output } from "../../../src/core/io.js";
import { Outbox } from "../../../src/core/outbox.js";
import { verifies } from "../../conformance/verifies.js";

const A = "com.example.a";
const B = "com.example.b";

function custom(id: number, capability: string, expiresInMs?: number): Extract<Input, { type: "custom" }> {
  const input = { type: "custom", id, message: { capability, type: `m${id}`, data: new Uint8Array() } } as const;
  return expiresInMs === undefined ? input : { ...input, expiresInMs };
}

/** What becomes of messages when something is done, as ids with their fates. */
function fatesOf(done: (out: Output[]) => void): readonly (readonly [number, CustomFate])[] {
  const out: Output[] = [];
  done(out);
  return out.flatMap((output) => (output.type === "customSettled" ? [[output.id, output.fate] as const] : []));
}

function add(outbox: Outbox, input: ReturnType<typeof custom>, now = 0) {
  return fatesOf((out) => outbox.add(input, now, out));
}

function settle(outbox: Outbox, told: number) {
  return fatesOf((out) => outbox.settle(told, "delivered", out)).map(([id]) => id);
}

function expire(outbox: Outbox, now: number) {
  return fatesOf((out) => outbox.expire(now, out));
}

/** Three messages for A, and B's in between. */
function filled(): Outbox {
  const outbox = new Outbox(10);
  for (const [index, capability] of [A, B, A, A].entries()) add(outbox, custom(index + 1, capability));
  return outbox;
}

/** Takes everything that can leave, as messages told from this ordinal on. */
function drain(outbox: Outbox, told = 1): readonly (string | undefined)[] {
  const types: (string | undefined)[] = [];
  for (let next = outbox.take(told); next !== undefined; next = outbox.take(told + types.length)) types.push(next.type);
  return types;
}

describe("custom messages", () => {
  verifies("CUSTOM-04", "wait until the server has announced their capability", () => {
    const outbox = filled();
    expect([outbox.ready, outbox.take(1)]).toEqual([false, undefined]);
    outbox.understood([A]);
    expect(outbox.ready).toBe(true);
    expect(drain(outbox)).toEqual(["m1", "m3", "m4"]);
    expect(outbox.ready).toBe(false);
  });

  verifies("CUSTOM-07", "leave one by one, in the order in which they came", () => {
    const outbox = filled();
    outbox.understood([A, B]);
    expect(drain(outbox)).toEqual(["m1", "m2", "m3", "m4"]);
  });

  verifies("CUSTOM-02", "of a capability missing from a later list wait again", () => {
    const outbox = filled();
    outbox.understood([A, B]);
    outbox.understood([B]);
    expect(drain(outbox)).toEqual(["m2"]);
    outbox.understood([]);
    expect(outbox.ready).toBe(false);
  });

  test("are bounded, those in flight included", () => {
    const outbox = new Outbox(2);
    outbox.understood([A]);
    expect([1, 2, 3].map((id) => add(outbox, custom(id, A)))).toEqual([[], [], [[3, "full"]]]);
    outbox.take(1);
    expect(add(outbox, custom(4, A))).toEqual([[4, "full"]]);
    expect(settle(outbox, 1)).toEqual([1]);
    expect(add(outbox, custom(5, A))).toEqual([]);
  });

  test("are settled by the answers to their messages", () => {
    const outbox = filled();
    outbox.understood([A, B]);
    drain(outbox, 5);
    expect(settle(outbox, 4)).toEqual([]);
    expect(settle(outbox, 6)).toEqual([1, 2]);
    expect(settle(outbox, 6)).toEqual([]);
    expect(settle(outbox, 8)).toEqual([3, 4]);
  });

  verifies(["RETRY-02", "CUSTOM-07"], "that were in flight when the link went leave first next time, in order", () => {
    const outbox = filled();
    outbox.understood([A, B]);
    outbox.take(1);
    outbox.take(2);
    add(outbox, custom(5, A));
    outbox.restore();
    expect(drain(outbox)).toEqual(["m1", "m2", "m3", "m4", "m5"]);
  });

  test("can be given up or put back, the one taken last", () => {
    const outbox = filled();
    outbox.understood([A, B]);
    outbox.take(1);
    outbox.take(2);
    expect(fatesOf((out) => outbox.giveUpLast(out))).toEqual([[2, "oversized"]]);
    outbox.putBackLast();
    expect(drain(outbox)).toEqual(["m1", "m3", "m4"]);
  });

  test("have nothing to give up or put back when none is in flight", () => {
    const outbox = filled();
    expect(fatesOf((out) => outbox.giveUpLast(out))).toEqual([]);
    outbox.putBackLast();
    outbox.understood([A, B]);
    expect(drain(outbox)).toHaveLength(4);
  });

  test("are forgotten by capability, except those in flight", () => {
    const outbox = filled();
    outbox.understood([A, B]);
    outbox.take(1);
    const forget = () => fatesOf((out) => outbox.forget(A, out));
    expect(forget()).toEqual([
      [3, "forgotten"],
      [4, "forgotten"],
    ]);
    expect(forget()).toEqual([]);
    expect(drain(outbox, 2)).toEqual(["m2"]);
    expect(settle(outbox, 2)).toEqual([1, 2]);
  });
});

describe("custom messages with a time limit", () => {
  test("are dropped when they have waited that long, and no earlier", () => {
    const outbox = new Outbox(10);
    add(outbox, custom(1, A, 2_000), 100);
    add(outbox, custom(2, A, 1_000), 100);
    add(outbox, custom(3, A), 100);
    expect(outbox.deadline).toBe(1_100);
    expect(expire(outbox, 1_099)).toEqual([]);
    expect(expire(outbox, 1_100)).toEqual([[2, "expired"]]);
    expect(outbox.deadline).toBe(2_100);
    expect(expire(outbox, 9_999)).toEqual([[1, "expired"]]);
    expect(outbox.deadline).toBeUndefined();
    outbox.understood([A]);
    expect(drain(outbox)).toEqual(["m3"]);
  });

  test("need no attention where the limit is none", () => {
    const outbox = new Outbox(10);
    add(outbox, custom(1, A));
    add(outbox, custom(2, A, Number.POSITIVE_INFINITY));
    expect(outbox.deadline).toBeUndefined();
  });

  test("are safe while in flight, and have no time left if the link goes after it", () => {
    const outbox = new Outbox(10);
    outbox.understood([A]);
    add(outbox, custom(1, A, 1_000));
    add(outbox, custom(2, A, 9_000));
    outbox.take(1);
    outbox.take(2);
    expect(expire(outbox, 1_000)).toEqual([]);
    expect(outbox.deadline).toBeUndefined();
    outbox.restore();
    expect(outbox.deadline).toBe(1_000);
    expect(expire(outbox, 2_000)).toEqual([[1, "unanswered"]]);
    expect(drain(outbox)).toEqual(["m2"]);
  });

  test("that were put back never left, and expire as such", () => {
    const outbox = new Outbox(10);
    outbox.understood([A]);
    add(outbox, custom(1, A, 1_000));
    outbox.take(1);
    expire(outbox, 1_000);
    outbox.putBackLast();
    expect(outbox.deadline).toBe(1_000);
    expect(expire(outbox, 1_001)).toEqual([[1, "expired"]]);
  });
});
