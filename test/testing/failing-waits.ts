import { onTestFinished } from "vitest";
import { OpAMPClient, type OpAMPClientOptions } from "../../src/index.js";
import { FaultProxy, memoryTransport, OpAMPServer, type OpAMPServerOptions } from "../../src/testing/index.js";
import { rejectionOf } from "./rejection.js";

/** How long the waits here last: nothing more is to come. */
const timeoutMs = 1;

/** A server that ends with the test, and an agent that has reported to it in memory. */
export async function meetInMemory(
  options: Partial<OpAMPClientOptions> = {},
  server: OpAMPServerOptions = {},
): Promise<{ server: OpAMPServer; client: OpAMPClient; agent: Awaited<ReturnType<OpAMPServer["firstAgent"]>> }> {
  const started = await OpAMPServer.start(server);
  onTestFinished(() => started.close());
  const client = new OpAMPClient({
    transport: memoryTransport(started),
    description: { identifying: { "service.name": "my-agent" } },
    ...options,
  });
  onTestFinished(() => client.stop());
  client.start();
  return { server: started, client, agent: await started.firstAgent() };
}

/** A wait of each kind that fails, by its name in the documentation. */
export const failingWaits = {
  async "config-failed"() {
    const apply = () => Promise.reject(new Error("no space left in /etc/agent"));
    const { agent } = await meetInMemory({ health: { healthy: true }, remoteConfig: { apply } });
    agent.offerConfig({ "agent.yaml": "level: debug" });
    await agent.until((seen) => seen.hasFailed());
    return rejectionOf(agent.until((seen) => seen.hasApplied(), { timeoutMs }));
  },

  async "config-not-accepted"() {
    const { agent } = await meetInMemory();
    agent.offerConfig({ "agent.yaml": "level: debug" });
    return rejectionOf(agent.until((seen) => seen.hasApplied(), { timeoutMs }));
  },

  async "agent-refused"() {
    const server = await OpAMPServer.start({ auth: { bearer: "right" } });
    onTestFinished(() => server.close());
    const headers = { authorization: "Bearer wrong" };
    for (let attempt = 0; attempt < 2; attempt += 1) await fetch(server.httpUrl, { method: "POST", headers });
    return rejectionOf(server.firstAgent({ timeoutMs }));
  },

  async "server-misbehaves"() {
    const { server } = await meetInMemory({ instanceUid: "0190b5a1-0000-7000-8000-000000000001" });
    server.refuseNext({ status: 503 }, 2);
    server.misbehave({ mode: "silence" });
    return rejectionOf(server.until(({ agents }) => agents.size === 2, { timeoutMs }));
  },

  async "proxy-idle"() {
    const proxy = await FaultProxy.start({ target: { port: 1 } });
    onTestFinished(() => proxy.close());
    proxy.latency(20, { jitterMs: 5, direction: "up" });
    proxy.cut({ after: 100, direction: "down" });
    return rejectionOf(proxy.until(({ connections }) => connections.total === 1, { timeoutMs }));
  },

  async "settings-refused"() {
    const server = await OpAMPServer.start();
    onTestFinished(() => server.close());
    const client = new OpAMPClient({
      url: "wss://127.0.0.1/v1/opamp",
      transport: memoryTransport({ "wss://127.0.0.1/v1/opamp": server }),
      description: { identifying: { "service.name": "my-agent" } },
      connectionSettings: { opamp: true },
    });
    onTestFinished(() => client.stop());
    client.start();
    const agent = await server.firstAgent();
    agent.offerSettings({ opamp: { endpoint: "wss://opamp.example.com/v1/opamp" } });
    await agent.until((seen) => seen.hasFailedSettings());
    return rejectionOf(agent.until((seen) => seen.hasAppliedSettings(), { timeoutMs }));
  },
} satisfies Record<string, () => Promise<Error>>;

/** The text with what differs from run to run as it stands in the documentation. */
export function documented(error: Error): string {
  return error.message
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, "0190b5a1-0000-7000-8000-000000000001")
    .replaceAll(/on port \d+/g, "on port 4320")
    .replaceAll(`${timeoutMs} ms`, "3000 ms");
}
