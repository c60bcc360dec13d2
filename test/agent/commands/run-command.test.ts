import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type RunOptions, runCommand } from "../../../src/agent/commands/run-command.js";
import { messageOf } from "../../../src/errors.js";
import { Arrivals } from "../../transport/arrivals.js";
import { folderForTest } from "../config-directory/folder.js";

const TIMES = { timeoutMs: 10_000, graceMs: 5_000 };

/** How a command fails. */
async function failure(command: string | readonly string[], options: Partial<RunOptions> = {}): Promise<string> {
  try {
    await runCommand(command, { ...TIMES, ...options });
  } catch (error) {
    expect(error).toMatchObject({ code: "ERR_OPAMP_HANDLER", hint: expect.stringMatching(/\w/) });
    return messageOf(error);
  }
  throw new Error("it did not fail");
}

/** A log, as what arrives in it. */
function logged() {
  const lines = new Arrivals<string>();
  return { lines, log: { debug: (line: string) => lines.push(line) } };
}

function isAlive(pid: number): boolean {
  try {
    // A process that ended and was not waited for is there, but does nothing.
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

describe("a command that ends by itself", () => {
  test("runs a string through the shell and a list without it", async () => {
    const { lines, log } = logged();
    await runCommand('echo "$GREETING" | tr a-z A-Z', { ...TIMES, log, env: { GREETING: "hello" } });
    await runCommand(["echo", "$GREETING | tr"], { ...TIMES, log });
    expect(lines.all).toEqual(['`echo "$GREETING" | tr a-z A-Z`: HELLO', "`echo $GREETING | tr`: $GREETING | tr"]);
  });

  test("has the agent's environment and working directory, and no input", async () => {
    const { lines, log } = logged();
    await runCommand('[ -n "$PATH" ] && pwd && cat', { ...TIMES, log });
    expect(lines.all.map((line) => line.split(": ")[1])).toEqual([process.cwd()]);
  });

  test("fails by its exit code, with its last lines of both outputs", async () => {
    expect(await failure("echo one; echo two >&2; exit 3")).toMatch(
      /^`echo one; .*` ended with exit code 3\n(one\ntwo|two\none)$/,
    );
    const lines = (await failure("seq 100; exit 1")).split("\n").slice(1);
    expect(lines).toEqual(Array.from({ length: 20 }, (_, index) => String(81 + index)));
  });

  test("fails with at most two kilobytes of output in the error, even without a line break", async () => {
    const message = await failure("head -c 3000000 /dev/zero | tr '\\0' x; exit 1");
    expect(message.length).toBeLessThan(2_300);
    expect(message).toMatch(/x{1000}$/);
  });

  test("logs its first thousand lines, and still has its last ones in the error", async () => {
    const { lines, log } = logged();
    expect(await failure("seq 200000; exit 1", { log })).toMatch(/\n199981\n.*\n200000$/s);
    expect(lines.all).toHaveLength(1_001);
    expect(lines.all.slice(-2)).toEqual([
      expect.stringMatching(/: 1000$/),
      expect.stringMatching(/: further lines are/),
    ]);
  });

  test("keeps the secrets in its output out of the error and the log", async () => {
    const { lines, log } = logged();
    const message = await failure("echo password=hunter2; exit 1", { log });
    expect(message).not.toContain("hunter2");
    expect(lines.all.join()).not.toContain("hunter2");
    expect(message).toContain("password=[REDACTED]");
    // So long that what is quoted begins in the middle of the secret.
    const long = await failure("printf 'password=%02500d' 7; exit 1");
    expect(long).toMatch(/\npassword=\[REDACTED\]$/);
  });

  test("fails if its arguments are too long for the system", async () => {
    expect(await failure(["true", "x".repeat(300_000)])).toMatch(/^`true x.*` did not start: .*E2BIG/);
  });

  test("fails by the signal that ended it", async () => {
    expect(await failure("kill -KILL $$")).toBe("`kill -KILL $$` was ended by SIGKILL");
  });

  test("fails if it does not exist or is not executable", async () => {
    expect(await failure(["/no/such/program", "x"])).toBe("`/no/such/program x` was not found");
    expect(await failure(["/etc/passwd"])).toBe("`/etc/passwd` may not be executed");
    await expect(runCommand("/no/such/program", TIMES)).rejects.toMatchObject({
      message: expect.stringContaining("exit code 127"),
      hint: expect.stringContaining("does not find"),
    });
  });

  test("ends without waiting for a daemon that it started", async () => {
    const pidFile = join(folderForTest(), "pid");
    await runCommand(`sleep 100 & echo $! > ${pidFile}`, TIMES);
    const pid = Number(readFileSync(pidFile, "utf8"));
    expect(isAlive(pid)).toBe(true);
    process.kill(pid, "SIGKILL");
  });
});

describe("a command that is ended", () => {
  test("fails with its output when its time is up", async () => {
    const message = await failure("echo waiting; exec sleep 100", { timeoutMs: 300 });
    expect(message).toBe("`echo waiting; exec sleep 100` did not end within 300 ms\nwaiting");
  });

  test("is killed with all its children when aborted, even if they ignore SIGTERM", async () => {
    const { lines, log } = logged();
    const controller = new AbortController();
    const deaf = 'trap "" TERM; (trap "" TERM; echo child; while :; do sleep 1; done) & echo $!; wait; wait';
    const failed = failure(deaf, { log, signal: controller.signal, graceMs: 100 });
    const said = [await lines.next(), await lines.next()].map((line) => line.slice(line.lastIndexOf(": ") + 2));
    controller.abort(new Error("a newer offer came"));
    expect(await failed).toMatch(/^`trap .*` was ended: a newer offer came\n/s);
    const pid = Number(said.find((line) => /^\d+$/.test(line)));
    expect(pid).toBeGreaterThan(1);
    expect(isAlive(pid)).toBe(false);
  });

  test("has time to clean up after SIGTERM", async () => {
    const { lines, log } = logged();
    const controller = new AbortController();
    const failed = failure('exec 2>&-; trap "echo cleaned; exit 0" TERM; echo ready; while :; do sleep 0.05; done', {
      log,
      signal: controller.signal,
    });
    await lines.next();
    controller.abort(new Error("stop"));
    expect(await failed).toMatch(/was ended: stop\nready\n(.*\n)?cleaned/);
  });

  test("is not started if it was aborted before", async () => {
    const file = join(folderForTest(), "file");
    const signal = AbortSignal.abort(new Error("stopping"));
    expect(await failure(["touch", file], { signal })).toBe(`\`touch ${file}\` was not started: stopping`);
    expect(() => readFileSync(file)).toThrow("ENOENT");
  });

  test("leaves no listener on the signal", async () => {
    const { signal } = new AbortController();
    let listeners = 0;
    const { addEventListener, removeEventListener } = signal;
    signal.addEventListener = (...args: Parameters<typeof addEventListener>) => {
      listeners += 1;
      addEventListener.apply(signal, args);
    };
    signal.removeEventListener = (...args: Parameters<typeof removeEventListener>) => {
      listeners -= 1;
      removeEventListener.apply(signal, args);
    };
    await runCommand("true", { ...TIMES, signal });
    expect(listeners).toBe(0);
  });
});
