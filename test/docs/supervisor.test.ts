import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { OpAMPServer } from "../../src/testing/index.js";
import { folderWith, withoutSignals } from "./in-folder.js";
import { runSnippet, snippetNamed } from "./snippets.js";

test("the page's supervisor makes its program load a config, and rolls back one that it refuses", async () => {
  const server = await OpAMPServer.start();
  onTestFinished(() => server.close());
  const folder = await folderWith({ "program.json": '{ "level": "info" }' });
  const file = join(folder, "program.json");
  const { shutDown, client } = await withoutSignals(() =>
    runSnippet(snippetNamed("supervisor"), {
      replace: {
        "ws://127.0.0.1:4320/v1/opamp": server.url,
        'fileStore("state")': `fileStore(${JSON.stringify(join(folder, "state"))})`,
        'const FILE = "program.json"': `const FILE = ${JSON.stringify(file)}`,
        "files[FILE]": 'files["program.json"]',
      },
    }),
  );
  if (typeof shutDown !== "function") throw new Error("the snippet does not end");
  onTestFinished(() => shutDown());
  expect(client).toBeDefined();

  const agent = await server.firstAgent();
  await agent.until(({ health }) => health?.componentHealthMap["program"]?.healthy === true);
  agent.offerConfig({ "program.json": '{ "level": "debug" }' });
  await agent.until((seen) => seen.hasApplied());

  agent.offerConfig({ "program.json": "{}" });
  await agent.until(({ remoteConfigStatus }) => remoteConfigStatus?.status === 3);
  expect(agent.remoteConfigStatus?.errorMessage).toBe("the program ended with code 1\nthere is no level");
  expect(await readFile(file, "utf8")).toBe('{ "level": "debug" }');
  await agent.until(({ health }) => health?.healthy === true);
});

test("the page's program watches its parent", async () => {
  const { watch } = await runSnippet(snippetNamed("supervisor-child"));
  const { stop } = watch as { stop(): void };
  stop();
  expect(watch).toEqual({ stop: expect.any(Function) });
});
