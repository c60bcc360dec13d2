import { describe, expect, test } from "vitest";
import type { Output } from "../../../src/core/io.js";
import { StormGate } from "../../../src/core/storm-gate.js";

/** A gate, and when it let a server through that asks again as soon as it was. */
function looping(untilMs: number) {
  const gate = new StormGate();
  const out: Output[] = [];
  const grantedAt: number[] = [];
  for (let now = 0; now < untilMs; now = Math.max(now + 1, gate.deadline ?? 0)) {
    if (gate.release(now) !== 0 || gate.ask(1, now, out) !== 0) grantedAt.push(now);
  }
  return { gate, out, grantedAt };
}

describe("the gate against storms", () => {
  test("lets a few requests through at once", () => {
    const gate = new StormGate();
    expect([1, 2, 1, 4, 1].map((wanted) => gate.ask(wanted, 1_000, []))).toEqual([1, 2, 1, 4, 1]);
    expect(gate.deadline).toBeUndefined();
  });

  test("makes those after them wait, ever longer, and in the end for half a minute", () => {
    const { grantedAt } = looping(3_600_000);
    const waits = grantedAt.map((at, index) => Math.round((at - (grantedAt[index - 1] ?? 0)) / 1_000));
    expect(waits.slice(0, 13)).toEqual([0, 0, 0, 0, 0, 1, 2, 4, 8, 16, 30, 30, 30]);
    expect(grantedAt.length).toBeLessThan(135);
  });

  test("says once that there is a storm", () => {
    expect(looping(3_600_000).out).toEqual([{ type: "notice", notice: { kind: "storm" } }]);
  });

  test("merges what is wanted meanwhile", () => {
    const gate = new StormGate();
    for (let n = 0; n < 5; n++) gate.ask(1, 0, []);
    expect([gate.ask(2, 10, []), gate.ask(4, 20, []), gate.deadline]).toEqual([0, 0, 1_000]);
    expect([gate.release(999), gate.release(1_000), gate.release(9_999)]).toEqual([0, 6, 0]);
    expect(gate.deadline).toBeUndefined();
  });

  test("lets everything that waited through with a request for which it is time", () => {
    const gate = new StormGate();
    for (let n = 0; n < 6; n++) gate.ask(1, 0, []);
    expect(gate.ask(4, 1_500, [])).toBe(5);
  });

  test("forgets a storm after half a minute without a request, and no sooner", () => {
    const { gate, grantedAt, out } = looping(100_000);
    const last = gate.deadline ?? grantedAt.at(-1) ?? 0;
    gate.release(last);
    expect(gate.ask(1, last + 29_999, out)).toBe(0);
    gate.release(last + 30_000);
    for (let n = 0; n < 5; n++) expect(gate.ask(1, last + 60_000, out)).toBe(1);
    expect(gate.ask(1, last + 60_000, out)).toBe(0);
    expect(out).toHaveLength(2);
  });
});
