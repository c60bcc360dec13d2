import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { fileForTest } from "../files.js";

beforeEach(() => {
  vi.resetModules();
  vi.doMock("ws", () => {
    throw new Error("no such package: ws");
  });
});

/** The command line, with a package that lacks ws. */
async function opamp(...args: string[]) {
  return (await import("../terminal.js")).opamp(...args);
}

test("opamp agent exits with 1 and the reason where its package is incomplete", async () => {
  const storage = mkdtempSync(join(tmpdir(), "opamp-incomplete-"));
  onTestFinished(() => rmSync(storage, { recursive: true }));
  const server = 'extensions: { opamp: { server: { ws: { endpoint: "ws://127.0.0.1:1/" } } } }';
  const path = fileForTest(`${server}\nstorage: { directory: ${storage} }\n`);
  const { code, err } = await opamp("agent", "--config", path);
  expect(code).toBe(1);
  expect(err).toMatch(/ERROR Stopped: the package is incomplete: ws cannot be loaded: /);
});

test("opamp doctor says so at once, and exits with 2", async () => {
  const { code, out } = await opamp("doctor", "ws://127.0.0.1:1/");
  expect(code).toBe(2);
  expect(out).toMatch(/FAIL {2}url .*the package is incomplete: ws cannot be loaded: .*\n +ERR_OPAMP_INCOMPLETE/);
});
