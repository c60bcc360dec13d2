import { describe, expect, test } from "vitest";
import { Outbox } from "../../src/core/outbox.js";
import { verifies } from "../verifies.js";

const A = "com.example.a";
const B = "com.example.b";

function item(capability: string, type: string) {
  return { capability, type, data: new Uint8Array() };
}

/** Three messages for A, and B's in between. */
function filled(): Outbox {
  const outbox = new Outbox(10);
  for (const [id, capability] of [A, B, A, A].entries()) outbox.add(id + 1, item(capability, `m${id + 1}`));
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
    expect([outbox.add(1, item(A, "m1")), outbox.add(2, item(A, "m2")), outbox.add(3, item(A, "m3"))]).toEqual([
      true,
      true,
      false,
    ]);
    outbox.take(1);
    expect(outbox.add(4, item(A, "m4"))).toBe(false);
    expect(outbox.settle(1)).toEqual([1]);
    expect(outbox.add(5, item(A, "m5"))).toBe(true);
  });

  test("are settled by the answers to their messages", () => {
    const outbox = filled();
    outbox.understood([A, B]);
    drain(outbox, 5);
    expect(outbox.settle(4)).toEqual([]);
    expect(outbox.settle(6)).toEqual([1, 2]);
    expect(outbox.settle(6)).toEqual([]);
    expect(outbox.settle(8)).toEqual([3, 4]);
  });

  verifies(["RETRY-02", "CUSTOM-07"], "that were in flight when the link went leave first next time, in order", () => {
    const outbox = filled();
    outbox.understood([A, B]);
    outbox.take(1);
    outbox.take(2);
    outbox.add(5, item(A, "m5"));
    outbox.restore();
    expect(drain(outbox)).toEqual(["m1", "m2", "m3", "m4", "m5"]);
  });

  test("can be given up or put back, the one taken last", () => {
    const outbox = filled();
    outbox.understood([A, B]);
    outbox.take(1);
    outbox.take(2);
    expect(outbox.giveUpLast()).toBe(2);
    outbox.putBackLast();
    expect(drain(outbox)).toEqual(["m1", "m3", "m4"]);
  });

  test("have nothing to give up or put back when none is in flight", () => {
    const outbox = filled();
    expect(outbox.giveUpLast()).toBeUndefined();
    outbox.putBackLast();
    outbox.understood([A, B]);
    expect(drain(outbox)).toHaveLength(4);
  });

  test("are forgotten by capability, except those in flight", () => {
    const outbox = filled();
    outbox.understood([A, B]);
    outbox.take(1);
    expect(outbox.forget(A)).toEqual([3, 4]);
    expect(outbox.forget(A)).toEqual([]);
    expect(drain(outbox, 2)).toEqual(["m2"]);
    expect(outbox.settle(2)).toEqual([1, 2]);
  });
});
