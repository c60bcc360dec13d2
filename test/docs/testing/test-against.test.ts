import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { folderWith } from "../in-folder.js";
import { runSnippet, snippetNamed } from "../snippets.js";

test.concurrent("the page's handler is tested on virtual time", async () => {
  const { applied, refusal, hasApplied } = await runSnippet(snippetNamed("agent-test-handler"));
  expect(refusal).toBe("the offer has no agent.yaml");
  expect(hasApplied).toBe(true);
  expect(applied).toEqual(["level: debug"]);
});

test.concurrent("the page's agent is tested over each transport", async () => {
  const { healthy } = await runSnippet(snippetNamed("agent-test-network"));
  expect(healthy).toEqual([true, true]);
});

test.concurrent("the page's search for secrets finds none, except one that is sent", async () => {
  const { leaks, shown } = await runSnippet(snippetNamed("agent-test-secrets"));
  expect(leaks).toEqual([]);
  expect(shown).toBe("exporter:\n    level: info\n    password: '[REDACTED]'\n");
  const sent = await runSnippet(snippetNamed("agent-test-secrets"), {
    replace: { 'level: "info" } }) })': 'level: "info" } }) }, { redact: false })' },
  });
  expect(sent["leaks"]).toHaveLength(1);
});

test("the page's file of `opamp agent` is tested as a process", async () => {
  const folder = await folderWith();
  const file = join(folder, "opamp.yaml");
  await writeFile(
    file,
    [
      "extensions:",
      `  opamp: { server: { ws: { endpoint: "\${env:OPAMP_URL}" } } }`,
      `storage: { directory: ${JSON.stringify(join(folder, "state"))} }`,
      "remote_config:",
      `  directory: ${JSON.stringify(join(folder, "conf"))}`,
      "  command: test -s {directory}/program.yaml",
    ].join("\n"),
  );
  const program = new URL("../../../src/cli/main.ts", import.meta.url).pathname;
  const { reason, exited } = await runSnippet(snippetNamed("agent-test-file"), {
    replace: {
      "spawn(opamp, [": `spawn(process.execPath, ["--import", "tsx", ${JSON.stringify(program)}, `,
      '"opamp.yaml"': JSON.stringify(file),
      'stdio: "inherit"': 'stdio: "ignore"',
    },
  });
  expect(reason).toContain("ended with exit code 1");
  expect(exited).toEqual([0, null]);
});
