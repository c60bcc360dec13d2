import { expect, test } from "vitest";
import type { WaitOptions } from "../../src/base/wait-options.js";
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
    message: "counter.until(() => false) was aborted by its signal\n  counter: at 0\n  nothing else",
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

test("a wait ends by itself, with what it waited for and what was seen", async () => {
  const { state, waits } = setup();
  await expect(waits.until(CALL, state, (now) => now.count === 1, { timeoutMs: 1 })).rejects.toMatchObject({
    code: "ERR_OPAMP_TIMEOUT",
    message: "counter.until((now) => now.count === 1) timed out after 1 ms\n  counter: at 0\n  nothing else",
    hint: "compare what was waited for with what was seen; `timeoutMs` gives it longer",
  });
});

test("a wait without a limit is ended by what it waits for", async () => {
  const { state, waits, count } = setup();
  const one = waits.until(CALL, state, (now) => now.count === 1, { timeoutMs: Number.POSITIVE_INFINITY });
  count(1);
  expect(await one).toBe(state);
});

test("a long predicate is shown on one line, shortened, without the secrets in it", async () => {
  const { state, waits } = setup();
  const wait = waits.until(
    CALL,
    state,
    () => {
      const header = "Bearer abcdefgh12345678";
      return (
        [header, "................................................................................................"]
          .length > 5
      );
    },
    { timeoutMs: 0 },
  );
  const error: unknown = await wait.catch((thrown: unknown) => thrown);
  const [goal = ""] = String(error).split("\n");
  expect(goal).toMatch(/^OpAMPError: counter\.until\(\(\) => \{ const header = .*\.\.\.\) timed out after 0 ms$/);
  expect(goal).not.toContain("abcdefgh12345678");
});

test("the stack of a wait that fails begins where it was called, also when the end comes first", async () => {
  const { state, waits } = setup();
  const until = () => waits.until({ name: "until", method: until }, state, () => false, { timeoutMs: 1 });
  const first: unknown = await until().catch((thrown: unknown) => thrown);
  waits.end(new OpAMPError("ERR_OPAMP_STOPPED", "over"));
  const second: unknown = await until().catch((thrown: unknown) => thrown);
  for (const error of [first, second]) {
    if (!(error instanceof OpAMPError)) throw new Error("it was fulfilled");
    const frames = error.stack?.split("\n").filter((line) => line.startsWith("    at "));
    expect(frames?.[0]).toContain("waits.test.ts");
    expect(error.stack?.startsWith(`OpAMPError: ${error.message}\n`)).toBe(true);
  }
});

test.each<[string, unknown, string]>([
  ["a text", "5s", "counter.until: must be given an object, not string"],
  ["a number", 5, "counter.until: must be given an object, not number"],
  ["null", null, "counter.until: must be given an object, not null"],
  ["an unknown option", { timeout: 5 }, "counter.until.timeout: is not an option. Did you mean timeoutMs?"],
  ["a limit below 0", { timeoutMs: -1 }, "timeoutMs: must be a number of milliseconds, 0 or more"],
  ["a limit that is not a number", { timeoutMs: "5s" }, "timeoutMs: must be a number of milliseconds, 0 or more"],
  ["a signal that is not one", { signal: 5 }, "signal: must be an AbortSignal, not number"],
])("%s is refused in place of options, though the condition holds", async (_, options, message) => {
  const { state, waits } = setup();
  await expect(waits.until(CALL, state, () => true, options as WaitOptions)).rejects.toMatchObject({
    code: "ERR_OPAMP_OPTION",
    message: expect.stringContaining(message),
  });
});

test("a predicate must be a function that is not async", async () => {
  const { state, waits } = setup();
  const wrong = (predicate: unknown) => waits.until(CALL, state, predicate as () => boolean, { timeoutMs: 0 });
  await expect(wrong("x")).rejects.toThrow("counter.until: must be given a function, not string");
  await expect(wrong(undefined)).rejects.toThrow("counter.until: must be given a function, not undefined");
  await expect(wrong(async () => false)).rejects.toThrow("counter.until: the predicate must not be async");
});
