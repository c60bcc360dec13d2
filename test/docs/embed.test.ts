import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { fromEnv } from "../../src/extension/index.js";
import { fileStore, OpAMPClient, OpAMPError, type Store } from "../../src/index.js";
import { OpAMPServer } from "../../src/testing/index.js";
import { folderWith, withoutSignals } from "./in-folder.js";
import { runSnippet, snippetNamed } from "./snippets.js";

const page = readFileSync(new URL("../../docs/embed.md", import.meta.url), "utf8");

test("the page's agent reports itself, applies, and keeps its identity after a restart", async () => {
  const server = await OpAMPServer.start();
  onTestFinished(() => server.close());
  const folder = await folderWith({ "agent.yaml": "level: info\ntoken: abc\n" });
  let reloads = 0;
  const { client, config, shutDown } = await withoutSignals(async () => {
    const made = await runSnippet(snippetNamed("embed-agent"), {
      replace: {
        "wss://opamp.example.com:4320/v1/opamp": server.url,
        '"/var/lib/my-agent"': JSON.stringify(join(folder, "state")),
        'readFile("agent.yaml")': `readFile(${JSON.stringify(join(folder, "agent.yaml"))})`,
        '"agent.yaml.new"': JSON.stringify(join(folder, "agent.yaml.new")),
        ', "agent.yaml");': `, ${JSON.stringify(join(folder, "agent.yaml"))});`,
        "logger: console": "logger: undefined",
      },
    });
    // Without one the restart command would be refused.
    reloads = process.listenerCount("SIGHUP");
    return made;
  });
  expect(reloads).toBe(1);
  if (!(client instanceof OpAMPClient) || typeof shutDown !== "function") throw new Error("the snippet makes no agent");
  onTestFinished(() => client.stop());

  const agent = await server.firstAgent();
  await agent.until(
    ({ health, reported: { effectiveConfig } }) => health?.status !== undefined && effectiveConfig !== undefined,
  );
  expect(agent.attributes.identifying["service.instance.id"]).toBe(client.instanceUid);
  expect(agent.attributes.nonIdentifying["process.pid"]).toBe(process.pid);
  expect(agent.effectiveFiles["agent.yaml"]?.text()).toBe("level: info\ntoken: '[REDACTED]'\n");
  expect(agent.health?.lastError).toBe("the queue is full");

  agent.offerConfig({ "agent.yaml": "level: debug\n" });
  await agent.until((seen) => seen.hasApplied());
  expect(await readFile(join(folder, "agent.yaml"), "utf8")).toBe("level: debug\n");
  await runSnippet(snippetNamed("embed-changed"), { given: { client, config } });

  await shutDown();
  expect(agent.health?.healthy).toBe(false);
  const store = fileStore(join(folder, "state"));
  onTestFinished(() => store.close());
  expect(await store.load()).toMatchObject({ remoteConfig: { status: "applied" } });
});

test("the page's resource describes an agent", async () => {
  const { description } = await runSnippet(snippetNamed("embed-resource"));
  if (typeof description !== "function") throw new Error("the snippet makes no description");
  expect(description({ instanceUid: "u" })).toMatchObject({
    identifying: { "service.instance.id": "u", "service.name": "my-agent", "service.version": "1.0.0" },
    nonIdentifying: { "cloud.region": "eu-1" },
  });
});

test("the page's store holds what it is given, for one agent at a time", async () => {
  const { store } = await runSnippet(snippetNamed("embed-store"));
  const { load, save, close } = store as Required<Store>;
  const told: OpAMPError[] = [];
  expect(load((error) => told.push(error))).toBe(undefined);
  expect(told[0]?.message).toBe("nothing is there yet");
  save({ heartbeatMs: 5 });
  expect(() => load()).toThrow(OpAMPError);
  close();
  expect(load()).toEqual({ heartbeatMs: 5 });
});

describe("the environment", () => {
  test("configures a client", async () => {
    const given = "{ env: { OTEL_OPAMP_ENDPOINT: 'ws://127.0.0.1:4320/v1/opamp' } }";
    const { client } = await runSnippet(snippetNamed("embed-env"), { replace: { "fromEnv()": `fromEnv(${given})` } });
    expect(client).toBeInstanceOf(OpAMPClient);
  });

  test("is listed with exactly the variables that are read", () => {
    const listed = [...page.matchAll(/`(OTEL_\w+)`/g)].map(([, name]) => name);
    const read = new Set<string | symbol>();
    const env: Record<string, string> = { OTEL_OPAMP_ENDPOINT: "ws://h" };
    fromEnv({
      env: new Proxy(env, {
        get: (variables, name) => {
          read.add(name);
          return Reflect.get(variables, name);
        },
      }),
    });
    expect(listed.toSorted()).toEqual([...read].sort());
  });
});
