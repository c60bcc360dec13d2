import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { OpAMPServer } from "../../src/testing/index.js";

const PROGRAM = new URL("../../src/cli/main.ts", import.meta.url).pathname;

/** Starts `opamp ARGS...` as a process of its own. */
function start(...args: string[]) {
  const child = spawn(process.execPath, ["--import", "tsx", PROGRAM, ...args], { stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  return { out: child.stdout, err: text(child.stderr), ended: once(child, "close").then(([code]) => code as unknown) };
}

test("the process prints one JSON object and exits by itself", async () => {
  const server = await OpAMPServer.start();
  onTestFinished(() => server.close());
  const { out, err, ended } = start("doctor", "--json", "--proxy", "none", server.url);
  expect(JSON.parse(await text(out))).toMatchObject({ ok: true });
  expect(await ended).toBe(0);
  expect(await err).toBe("");
});

test("a reader that closes its pipe early does not change the exit code", async () => {
  const { out, err, ended } = start("doctor", "--proxy", "none", "ws://127.0.0.1:1/");
  out.destroy();
  expect(await ended).toBe(4);
  expect(await err).toBe("");
});
