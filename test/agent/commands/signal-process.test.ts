import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { signalNamed, signalProcess } from "../../../src/agent/commands/signal-process.js";
import { folderForTest } from "../config-directory/folder.js";

/** A process that says when it is ready and ends with a code of its own on SIGHUP. */
async function listening() {
  const child = spawn("/bin/sh", ["-c", 'trap "exit 42" HUP; echo ready; while :; do sleep 0.05; done'], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  await once(child.stdout, "data");
  return { pid: child.pid ?? 0, exited: once(child, "exit").then(([code]) => code as unknown) };
}

function pidFile(text: string): string {
  const path = join(folderForTest(), "pid");
  writeFileSync(path, text);
  return path;
}

test("the process on the first line of the pid file gets the signal", async () => {
  const { pid, exited } = await listening();
  await signalProcess({ signal: "SIGHUP", pidFile: pidFile(` ${pid} \n/var/lib/data\n`) });
  expect(await exited).toBe(42);
});

test("a signal name is accepted without SIG and in any case, and other words are not", () => {
  expect(["SIGHUP", "hup", "Usr1", "sigterm"].map(signalNamed)).toEqual(["SIGHUP", "SIGHUP", "SIGUSR1", "SIGTERM"]);
  expect(["SIGHOP", "", "toString"].map(signalNamed)).toEqual([undefined, undefined, undefined]);
});

test("a pid file that is missing is refused", async () => {
  const file = join(folderForTest(), "none");
  await expect(signalProcess({ signal: "SIGHUP", pidFile: file })).rejects.toMatchObject({
    code: "ERR_OPAMP_HANDLER",
    message: expect.stringMatching(/^pid file .*none cannot be read: ENOENT/),
    hint: "is the program running, and may the agent read the file?",
  });
});

for (const [what, make] of [
  ["a pipe", (path: string) => execFileSync("mkfifo", [path])],
  ["a directory", (path: string) => mkdirSync(path)],
] as const) {
  test(`a pid file that is ${what} is refused, and not waited for`, async () => {
    const path = join(folderForTest(), "pid");
    make(path);
    await expect(signalProcess({ signal: "SIGHUP", pidFile: path })).rejects.toMatchObject({
      code: "ERR_OPAMP_HANDLER",
      message: `pid file ${path} cannot be read: it is not a regular file`,
    });
  });
}

for (const [text, problem] of [
  ["", "has no process id"],
  ["nginx", "has no process id"],
  ["-5", "has no process id"],
  ["12345678901234", "has no process id"],
  ["0", "names process 0"],
  ["1", "names process 1"],
  [String(process.pid), "names the agent itself"],
] as const) {
  test(`a pid file with ${JSON.stringify(text)} in it is refused`, async () => {
    const path = pidFile(text);
    await expect(signalProcess({ signal: "SIGHUP", pidFile: path })).rejects.toMatchObject({
      code: "ERR_OPAMP_HANDLER",
      message: `pid file ${path} ${problem}`,
    });
  });
}

test("the error for a process that has ended names it and its pid file", async () => {
  const { pid, exited } = await listening();
  process.kill(pid, "SIGHUP");
  await exited;
  const path = pidFile(String(pid));
  await expect(signalProcess({ signal: "SIGHUP", pidFile: path })).rejects.toMatchObject({
    message: `no process ${pid} is running, though ${path} names it`,
  });
});
