import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test, vi } from "vitest";
import { OpAMPExtension } from "../../src/extension/index.js";
import { OpAMPClient } from "../../src/index.js";
import { OpAMPServer } from "../../src/testing/index.js";
import { withoutSignals } from "./in-folder.js";
import { runSnippet, snippetNamed } from "./snippets.js";

const cleanup: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of cleanup.splice(0).reverse()) await end();
});

test("the README's agent connects, reports itself, shows that it has no file yet and applies what it is offered", async () => {
  const folder = await mkdtemp(join(tmpdir(), "opamp-readme-"));
  cleanup.push(() => rm(folder, { recursive: true }));
  const file = join(folder, "agent.yaml");
  const server = await OpAMPServer.start();
  cleanup.push(() => server.close());

  const logged: string[] = [];
  const { client } = await withoutSignals(() =>
    runSnippet(snippetNamed("first-agent"), {
      replace: {
        "ws://127.0.0.1:4320/v1/opamp": server.url,
        'fileStore("state")': `fileStore(${JSON.stringify(join(folder, "state"))})`,
        'readFile("agent.yaml")': `readFile(${JSON.stringify(file)})`,
        'writeFile("agent.yaml"': `writeFile(${JSON.stringify(file)}`,
        "logger: console": "logger: { debug() {}, info() {}, warn: log, error: log }",
      },
      given: { log: (line: string) => logged.push(line) },
    }),
  );
  if (!(client instanceof OpAMPClient)) throw new Error("the snippet makes no client");
  cleanup.push(() => client.stop());

  const agent = await server.firstAgent();
  expect(agent.attributes.identifying["service.name"]).toBe("my-agent");
  await vi.waitFor(() => expect(logged.join()).toMatch(/ENOENT.*agent\.yaml/));
  const offered = "level: debug\npassword: hunter2\n";
  agent.offerConfig({ "agent.yaml": offered });
  await agent.until((seen) => seen.hasApplied() && seen.effectiveFiles["agent.yaml"] !== undefined);
  expect(await readFile(file, "utf8")).toBe(offered);
  expect(agent.effectiveFiles["agent.yaml"]?.text()).toBe("level: debug\npassword: '[REDACTED]'\n");

  const broken = agent.offerConfig({ "other.yaml": "level: error\n" });
  await agent.until((seen) => seen.remoteConfig?.status === "failed");
  expect(agent.remoteConfig?.hash).toEqual(broken);
  expect(agent.remoteConfig?.error).toBe("the offer has no agent.yaml");
  expect(await readFile(file, "utf8")).toBe(offered);
});

test("the README's extension reports its components", async () => {
  const server = await OpAMPServer.start();
  cleanup.push(() => server.close());
  const { agent: extension } = await withoutSignals(() =>
    runSnippet(snippetNamed("extension"), {
      replace: { "ws://127.0.0.1:4320/v1/opamp": server.url, ", logger: console": "" },
    }),
  );
  if (!(extension instanceof OpAMPExtension)) throw new Error("the snippet makes no extension");
  cleanup.push(() => extension.stop());
  const agent = await server.firstAgent();
  await agent.until(({ health }) => health?.components?.["pipeline:traces"]?.healthy === true);
});

test("the README's test runs to its end", async () => {
  const shown: string[] = [];
  const { agent } = await runSnippet(snippetNamed("test-server"), {
    given: { console: { log: (line: string) => shown.push(line) } },
  });
  expect(agent).toMatchObject({ disconnected: true });
  expect(shown).toEqual(["applied"]);
});
