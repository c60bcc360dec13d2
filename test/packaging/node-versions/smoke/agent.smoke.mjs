import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const program = new URL("node_modules/.bin/opamp", import.meta.url).pathname;

test("the agent's command reads its file and shows what it would send", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "opamp-smoke-"));
  t.after(() => rm(folder, { recursive: true }));
  const config = join(folder, "opamp.yaml");
  const lines = [
    "server: { ws: { endpoint: ws://127.0.0.1:4320/v1/opamp } }",
    `storage: { directory: ${folder}/state }`,
    `remote_config: { directory: ${folder}, local_files: [opamp.yaml] }`,
  ];
  await writeFile(config, `${lines.join("\n")}\n`);
  const args = ["agent", "--config", config, "--dry-run", "--log-format", "json"];
  const { stdout, stderr } = await run(process.execPath, [program, ...args]);
  const shown = JSON.parse(stdout);
  assert.equal(stderr, "");
  assert.equal(shown.server, "ws://127.0.0.1:4320/v1/opamp");
  assert.deepEqual(shown.effectiveConfig, { "opamp.yaml": `${lines.join("\n")}\n` });
});
