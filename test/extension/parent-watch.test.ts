import { spawn } from "node:child_process";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { type Orphaned, watchParent } from "../../src/extension/parent-watch.js";
import { virtualClock } from "../../src/testing/index.js";
import { refusal } from "../client/refusal.js";

/** A watched parent, whose life the test decides on. */
function watching(exists: (pid: number) => boolean, parentPid: () => number = () => 1) {
  const clock = virtualClock();
  const orphaned: Orphaned[] = [];
  const looks: number[] = [];
  const watch = watchParent({
    pid: 4711,
    clock,
    parentPid,
    exists(pid) {
      looks.push(clock.now());
      return exists(pid);
    },
    onOrphaned: (event) => orphaned.push(event),
  });
  return { clock, orphaned, looks, watch };
}

describe("a parent", () => {
  test("that lives is checked at once and then every five seconds", async () => {
    const { clock, orphaned, looks, watch } = watching(() => true);
    await clock.advance(15_000);
    expect(looks).toEqual([0, 5_000, 10_000, 15_000]);
    expect(orphaned).toEqual([]);
    watch.stop();
    expect(clock.pending).toBe(0);
  });

  test("that is gone is reported once and no longer checked", async () => {
    let alive = true;
    const { clock, orphaned, looks } = watching(() => alive);
    await clock.advance(7_000);
    alive = false;
    await clock.advance(60_000);
    expect(orphaned).toEqual([{ pid: 4711, message: "the agent was orphaned, process with pid 4711 does not exist" }]);
    expect(looks).toEqual([0, 5_000, 10_000]);
    expect(clock.pending).toBe(0);
  });

  test("that cannot be checked counts as gone, with the cause", async () => {
    const cause = new Error("EIO");
    const { clock, orphaned } = watching(() => {
      throw cause;
    });
    await clock.advance(0);
    const message = "the agent was orphaned, failed to find process with pid 4711: EIO";
    expect(orphaned).toEqual([{ pid: 4711, message, cause }]);
  });

  test.each([
    ["EPERM", []],
    ["ESRCH", [/does not exist$/]],
    ["EINVAL", [/failed to find process with pid 4711: no$/]],
  ])("whose signal fails with %s is judged by that error", async (code, messages) => {
    const kill = vi.spyOn(process, "kill").mockImplementation(() => {
      throw Object.assign(new Error("no"), { code });
    });
    onTestFinished(() => kill.mockRestore());
    const clock = virtualClock();
    const orphaned: string[] = [];
    const watch = watchParent({ pid: 4711, clock, onOrphaned: ({ message }) => orphaned.push(message) });
    await clock.advance(0);
    watch.stop();
    expect(kill).toHaveBeenCalledWith(4711, 0);
    expect(orphaned).toEqual(messages.map((message) => expect.stringMatching(message)));
  });

  test("whose pid another process has taken counts as gone, as the ppid has changed", async () => {
    let parent = 4711;
    const { clock, orphaned } = watching(
      () => true,
      () => parent,
    );
    await clock.advance(5_000);
    expect(orphaned).toEqual([]);
    parent = 1;
    await clock.advance(5_000);
    expect(orphaned).toHaveLength(1);
  });

  test("is not reported after the watch has stopped, even at once", async () => {
    const { clock, orphaned, looks, watch } = watching(() => false);
    watch.stop();
    await clock.advance(10_000);
    expect([orphaned, looks, clock.pending]).toEqual([[], [], 0]);
  });

  test("that is a real process is reported when it ends", async () => {
    const child = spawn(process.execPath, ["-e", "process.stdin.resume()"], { stdio: ["pipe", "ignore", "ignore"] });
    const pid = child.pid ?? 0;
    const orphaned = new Promise<Orphaned>((resolve) => watchParent({ pid, intervalMs: 5, onOrphaned: resolve }));
    const outcome = await Promise.race([
      orphaned,
      new Promise((resolve) => child.once("spawn", () => resolve("alive"))),
    ]);
    expect(outcome).toBe("alive");
    child.stdin.end();
    expect(await orphaned).toEqual({ pid, message: `the agent was orphaned, process with pid ${pid} does not exist` });
  });

  test("is refused without a valid pid or interval", () => {
    const onOrphaned = (): void => undefined;
    for (const [options, path] of [
      [{ pid: 0, onOrphaned }, "watchParent.pid"],
      [{ pid: 1.5, onOrphaned }, "watchParent.pid"],
      [{ pid: 1, intervalMs: 0, onOrphaned }, "watchParent.intervalMs"],
      [{ pid: 1, intervalMs: 2 ** 31, onOrphaned }, "watchParent.intervalMs"],
    ] as const) {
      const error = refusal(() => watchParent(options));
      expect(error.code).toBe("ERR_OPAMP_OPTION");
      expect(error.message).toContain(path);
    }
  });
});
