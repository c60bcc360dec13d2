import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { OpAMPExtension } from "../../src/extension/index.js";
import { OpAMPClient } from "../../src/index.js";
import { OpAMPServer } from "../../src/testing/index.js";
import { folderWith, withoutSignals } from "./in-folder.js";
import { runSnippet, snippetNamed } from "./snippets.js";

async function startServer(): Promise<OpAMPServer> {
  const server = await OpAMPServer.start({ customCapabilities: ["com.example.pause/v1"] });
  onTestFinished(() => server.close());
  return server;
}

function yamlFor(server: OpAMPServer): string {
  return [
    "extensions:",
    "  opamp:",
    "    server:",
    `      ws: { endpoint: "${server.url}" }`,
    "    reports_raw_config: true",
    "receivers: { otlp: {} }",
    "service:",
    "  telemetry:",
    "    resource: { service.name: from-the-file }",
    "  extensions: [opamp]",
    "",
  ].join("\n");
}

test("the page's extension reports a program as the Collector does, and takes custom messages", async () => {
  const server = await startServer();
  const folder = await folderWith({ "otelcol.yaml": yamlFor(server) });
  const { agent: extension } = await withoutSignals(() =>
    runSnippet(snippetNamed("collector-extension"), {
      replace: {
        '"otelcol.yaml"': JSON.stringify(join(folder, "otelcol.yaml")),
        '"/var/lib/my-agent"': JSON.stringify(join(folder, "state")),
      },
    }),
  );
  if (!(extension instanceof OpAMPExtension)) throw new Error("the snippet makes no extension");
  onTestFinished(() => extension.stop());
  await runSnippet(snippetNamed("collector-custom"), { given: { agent: extension } });

  const agent = await server.firstAgent();
  expect(agent.attributes.identifying).toMatchObject({
    "service.instance.id": agent.uidText,
    "service.name": "from-the-file",
    "service.version": "1.0.0",
  });
  await agent.until(({ health }) => health?.status === "StatusRecoverableError");
  expect(agent.health?.lastError).toBe("queue is full");
  await agent.until(({ reported: { effectiveConfig } }) => effectiveConfig !== undefined);
  expect(agent.effectiveFiles[""]?.text()).toContain("authorization: '[REDACTED]'");
  expect(agent.effectiveFiles["raw"]?.text()).toContain("receivers: { otlp: {} }");
  expect(agent.availableComponents?.hash.length).toBe(32);

  agent.sendCustom("com.example.pause/v1", "pause");
  await agent.until(({ lastMessage }) => lastMessage?.customMessage?.type === "pause done");
});

test("the page's block makes a client's options", async () => {
  const { client } = await runSnippet(snippetNamed("collector-options"));
  expect(client).toBeInstanceOf(OpAMPClient);
});
