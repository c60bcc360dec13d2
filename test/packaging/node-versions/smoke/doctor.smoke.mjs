import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import { OpAMPServer } from "opamp-client/testing";

const run = promisify(execFile);
const program = new URL("node_modules/.bin/opamp", import.meta.url).pathname;

test("the command finds a server well, and says so with its exit code", async () => {
  const server = await OpAMPServer.start();
  try {
    const { stdout } = await run(process.execPath, [program, "doctor", "--json", server.url]);
    const { ok, steps } = JSON.parse(stdout);
    assert.equal(ok, true, stdout);
    assert.equal(steps.at(-1).name, "report");
  } finally {
    await server.close();
  }
});
