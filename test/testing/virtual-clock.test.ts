import { setImmediate as nextTurn } from "node:timers/promises";
import { expect, test } from "vitest";
import { virtualClock } from "../../src/testing/index.js";

test("time stands still until it is advanced, on both of the clock's scales", async () => {
  const clock = virtualClock(1_000);
  expect([clock.now(), clock.wallNow()]).toEqual([0, 1_000]);
  await clock.advance(250);
  expect([clock.now(), clock.wallNow()]).toEqual([250, 1_250]);
  expect(new Date(virtualClock().wallNow()).toISOString()).toBe("2026-01-01T00:00:00.000Z");
});

test("timers run in the order of their times, each at its time, and equal ones in the order they were set", async () => {
  const clock = virtualClock();
  const ran: string[] = [];
  const note = (name: string) => () => void ran.push(`${name}@${clock.now()}`);
  clock.after(30, note("c"));
  clock.after(10, note("a"));
  clock.after(20, note("b1"));
  clock.after(20, note("b2"));
  clock.after(-5, note("now"));
  await clock.advance(29);
  expect(ran).toEqual(["now@0", "a@10", "b1@20", "b2@20"]);
  await clock.advance(1);
  expect(ran.at(-1)).toBe("c@30");
});

test("timers that timers set run in the same advance when they fall into it", async () => {
  const clock = virtualClock();
  const ran: number[] = [];
  const again = (): void => {
    ran.push(clock.now());
    clock.after(10, again);
  };
  clock.after(10, again);
  await clock.advance(35);
  expect(ran).toEqual([10, 20, 30]);
});

test("a cancelled timer does not run, and cancelling it twice cancels no other", async () => {
  const clock = virtualClock();
  let ran = 0;
  const ends = [1, 2, 3].map(() => clock.after(10, () => (ran += 1)));
  ends[1]?.();
  ends[1]?.();
  expect(clock.pending).toBe(2);
  await clock.advance(10);
  ends[0]?.();
  expect([ran, clock.pending]).toEqual([2, 0]);
});

test("a delay that is too long for a system timer is one millisecond here too", async () => {
  const clock = virtualClock();
  const ran: number[] = [];
  for (const delayMs of [2 ** 31 - 1, 2 ** 31, Number.POSITIVE_INFINITY, Number.NaN]) {
    clock.after(delayMs, () => ran.push(clock.now()));
  }
  await clock.advance(1);
  expect([ran, clock.pending]).toEqual([[1, 1, 1], 1]);
});

test("everything that a timer triggers completes before the next one runs", async () => {
  const clock = virtualClock();
  const ran: string[] = [];
  clock.after(10, async () => {
    for (let i = 0; i < 50; i++) await Promise.resolve();
    clock.soon(() => clock.soon(() => void Promise.resolve().then(() => ran.push(`set off@${clock.now()}`))));
    await nextTurn();
    ran.push(`waited@${clock.now()}`);
  });
  clock.after(11, () => ran.push("next"));
  await clock.advance(11);
  expect(ran).toEqual(["waited@10", "set off@10", "next"]);
});

test("soon() runs without an advance", async () => {
  const clock = virtualClock();
  await new Promise<void>((resolve) => clock.soon(resolve));
  expect(clock.now()).toBe(0);
});

test("concurrent advances are queued", async () => {
  const clock = virtualClock();
  const at: number[] = [];
  clock.after(15, () => at.push(clock.now()));
  await Promise.all([clock.advance(10), clock.advance(10)]);
  expect([at, clock.now()]).toEqual([[15], 20]);
});

test("an error thrown by a timer rejects the advance, and the clock continues", async () => {
  const clock = virtualClock();
  clock.after(10, () => {
    throw new Error("boom");
  });
  await expect(clock.advance(20)).rejects.toThrow("boom");
  expect(clock.now()).toBe(10);
  await clock.advance(1);
  expect(clock.now()).toBe(11);
});

test.each([-1, Number.NaN, Number.POSITIVE_INFINITY, "1", undefined])("an advance by %s is refused", async (ms) => {
  const clock = virtualClock();
  await expect(Reflect.apply(clock.advance, clock, [ms])).rejects.toMatchObject({
    code: "ERR_OPAMP_OPTION",
    message: expect.stringMatching(/^advance: must be a finite number of milliseconds, 0 or more, not /),
  });
  expect(clock.now()).toBe(0);
});
