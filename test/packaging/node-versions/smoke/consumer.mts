import { OpAMPClient } from "opamp-client";
import { collectorComponents, type ExtensionHost, OpAMPExtension } from "opamp-client/extension";
import { type AgentToServer, AgentToServerSchema } from "opamp-client/proto";
import { OpAMPServer } from "opamp-client/testing";

// Compiled, never run: a user's program against the published types.

/** One client and one server, with the names that users meet first. */
export async function program(): Promise<string> {
  const server = await OpAMPServer.start();
  const client = new OpAMPClient({
    url: server.url,
    description: { identifying: { "service.name": "consumer" } },
    remoteConfig: {
      apply: async (config, { signal }) => {
        if (Object.keys(config.files).length === 0 || signal.aborted) throw new Error("nothing to apply");
      },
    },
  });
  client.on("phase", ({ phase }) => void phase);
  client.start();
  await client.stop();
  await server.close();
  const message: Pick<AgentToServer, "sequenceNum"> = { sequenceNum: 1n };
  return `${AgentToServerSchema.typeName} ${message.sequenceNum}`;
}

/** The Collector's extension, from its YAML. */
export async function extension(yaml: string): Promise<boolean> {
  const host: ExtensionHost = {
    service: { name: "consumer", version: "1.0.0" },
    effectiveConfig: () => ({ "a.yaml": { body: "x: 1", contentType: "text/yaml" } }),
    availableComponents: collectorComponents({ receivers: ["otlp"] }),
  };
  await using opamp = new OpAMPExtension(yaml, { ...host, client: { keepAlive: true } });
  opamp.health.component("pipeline:traces").set("StatusOK");
  opamp.on("orphaned", ({ message }) => void message);
  opamp.start();
  return opamp.client.phase === "stopped";
}
