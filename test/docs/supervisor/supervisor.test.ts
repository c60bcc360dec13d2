import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { OpAMPServer } from "../../../src/testing/index.js";
import { folderWith, withoutSignals } from "../in-folder.js";
import { runSnippet, snippetNamed } from "../snippets.js";

/** Runs the page's supervisor in a folder with these files, for as long as the test runs. */
async function supervised(files: Readonly<Record<string, string>>) {
  const server = await OpAMPServer.start();
  onTestFinished(() => server.close());
  const folder = await folderWith(files);
  const file = join(folder, "program.json");
  const { shutDown, client } = await withoutSignals(() =>
    runSnippet(snippetNamed("supervisor"), {
      replace: {
        "ws://127.0.0.1:4320/v1/opamp": server.url,
        'fileStore("state")': `fileStore(${JSON.stringify(join(folder, "state"))})`,
        'const FILE = "program.json"': `const FILE = ${JSON.stringify(file)}`,
        "files[FILE]": 'files["program.json"]',
        "logger: console": "logger: undefined",
        "console.error(error instanceof Error ? error.message : error);": "",
        "console.error(line);": "",
      },
    }),
  );
  if (typeof shutDown !== "function") throw new Error("the snippet does not end");
  onTestFinished(() => shutDown());
  expect(client).toBeDefined();
  return { agent: await server.firstAgent(), file };
}

test("the page's supervisor makes its program load a config, and rolls back one that it refuses", async () => {
  const { agent, file } = await supervised({ "program.json": '{ "level": "info" }' });
  await agent.until(({ health }) => health?.components?.["program"]?.healthy === true);
  agent.offerConfig({ "program.json": '{ "level": "debug" }' });
  await agent.until((seen) => seen.hasApplied());

  agent.offerConfig({ "program.json": "{}" });
  await agent.until(({ remoteConfig }) => remoteConfig?.status === "failed");
  expect(agent.remoteConfig?.error).toBe("the program exited with code 1\nthere is no level");
  expect(await readFile(file, "utf8")).toBe('{ "level": "debug" }');
  await agent.until(({ health }) => health?.healthy === true);
});

test.each([
  ["a configuration that it refuses", { "program.json": "{}" }],
  ["no configuration", {}],
])("the page's supervisor is reachable with %s, and an offer repairs the program", async (_, files) => {
  const { agent, file } = await supervised(files);
  await agent.until(({ health }) => health?.components?.["program"]?.status === "StatusPermanentError");
  agent.offerConfig({ "program.json": '{ "level": "debug" }' });
  await agent.until((seen) => seen.hasApplied() && seen.health?.components?.["program"]?.healthy === true);
  expect(await readFile(file, "utf8")).toBe('{ "level": "debug" }');
});

test("the page's supervisor goes back from an offer that was on trial when it was killed", async () => {
  const { agent, file } = await supervised({
    "program.json": "{}",
    "program.json.before": '{ "level": "info" }',
    "program.json.new": "{",
  });
  await agent.until(({ health }) => health?.components?.["program"]?.healthy === true);
  expect(await readFile(file, "utf8")).toBe('{ "level": "info" }');
  for (const left of [`${file}.before`, `${file}.new`]) await expect(readFile(left)).rejects.toThrow("ENOENT");
});

test("the page's supervisor goes back to an empty configuration", async () => {
  const { agent, file } = await supervised({ "program.json": "" });
  agent.offerConfig({ "program.json": "{}" });
  await agent.until((seen) => seen.hasFailed());
  expect(await readFile(file, "utf8")).toBe("");
});

test("the page's supervisor leaves no file of a first offer that failed", async () => {
  const { agent, file } = await supervised({});
  agent.offerConfig({ "program.json": "{}" });
  await agent.until(({ remoteConfig }) => remoteConfig?.status === "failed");
  await expect(readFile(file)).rejects.toThrow("ENOENT");
  await expect(readFile(`${file}.before`)).rejects.toThrow("ENOENT");
});

test("the page's program watches its parent", async () => {
  const { watch } = await runSnippet(snippetNamed("supervisor-child"));
  const { stop } = watch as { stop(): void };
  stop();
  expect(watch).toEqual({ stop: expect.any(Function) });
});
