import { expect, test } from "vitest";
import { OpAMPError } from "../../src/errors.js";
import { Waits } from "../../src/server/waits.js";

const CALL = { name: "counter.until", method: setup };

function setup() {
  const state = { count: 0 };
  const waits = new Waits(() => ["counter: at 0", "nothing else"]);
  const count = (to: number) => {
    state.count = to;
    waits.check();
  };
  return { state, waits, count };
}

test("a condition that holds already resolves at once", async () => {
  const { state, waits } = setup();
  expect(await waits.until(CALL, state, ({ count }) => count === 0, {})).toBe(state);
});

test("a condition is checked at every change and sees a state that lasts only for one", async () => {
  const { state, waits, count } = setup();
  const two = waits.until(CALL, state, (now) => now.count === 2, {});
  count(1);
  count(2);
  count(3);
  expect(await two).toEqual({ count: 3 });
});

test("every wait is settled by the change that makes its own condition true", async () => {
  const { state, waits, count } = setup();
  const settled: number[] = [];
  const all = [3, 1, 2].map(async (goal) => {
    await waits.until(CALL, state, (now) => now.count >= goal, {});
    settled.push(goal);
  });
  count(1);
  count(2);
  count(3);
  await Promise.all(all);
  expect(settled).toEqual([1, 2, 3]);
});

test("the first thing that a probe finds is the result", async () => {
  const { state, waits, count } = setup();
  const found = waits.first(CALL, () => (state.count > 4 ? `found ${state.count}` : undefined), {});
  count(5);
  expect(await found).toBe("found 5");
});

test("an error that a condition throws rejects the wait, at once or later", async () => {
  const { state, waits, count } = setup();
  const failing = (now: { count: number }) => {
    if (now.count === 0) return false;
    throw new Error("no such count");
  };
  const later = waits.until(CALL, state, failing, {});
  count(1);
  await expect(later).rejects.toThrow("no such count");
  await expect(waits.until(CALL, state, failing, {})).rejects.toThrow("no such count");
});

test("a signal that aborts rejects the wait with what it waited for", async () => {
  const { state, waits } = setup();
  const controller = new AbortController();
  const wait = waits.until(CALL, state, () => false, { signal: controller.signal });
  const reason = new Error("enough");
  controller.abort(reason);
  await expect(wait).rejects.toMatchObject({
    name: "OpAMPError",
    code: "ERR_OPAMP_TIMEOUT",
    message: "counter.until(() => false): given up by its signal\n  counter: at 0\n  nothing else",
    cause: reason,
  });
});

test("a signal that was aborted before rejects only a wait that is not fulfilled already", async () => {
  const { state, waits } = setup();
  const signal = AbortSignal.abort();
  await expect(waits.until(CALL, state, () => false, { signal })).rejects.toMatchObject({ code: "ERR_OPAMP_TIMEOUT" });
  expect(await waits.until(CALL, state, () => true, { signal })).toBe(state);
});

test("pending and later waits reject after the end, unless they are fulfilled already", async () => {
  const { state, waits } = setup();
  const stopped = new OpAMPError("ERR_OPAMP_STOPPED", "over");
  const pending = waits.until(CALL, state, () => false, {});
  waits.end(stopped);
  await expect(pending).rejects.toMatchObject({ code: "ERR_OPAMP_STOPPED", message: "over" });
  await expect(waits.until(CALL, state, () => false, {})).rejects.toMatchObject({
    code: "ERR_OPAMP_STOPPED",
    message: "over",
  });
  expect(await waits.until(CALL, state, () => true, {})).toBe(state);
});
