import { MockOpAMPServer, type RecordedRequest } from "@elastic/mockopampserver";
import { onTestFinished, vi } from "vitest";
import { OpAMPClient, type OpAMPClientOptions, type OpAMPError, type ServerErrorEvent } from "../../../src/index.js";

/** An AgentToServer as the mock decoded it. */
export type Message = NonNullable<RecordedRequest["a2s"]>;

type MockOptions = Partial<ConstructorParameters<typeof MockOpAMPServer>[0]>;

/** Elastic's mock server on a free port; it ends with the test. */
export async function startMock(options: MockOptions = {}): Promise<MockOpAMPServer> {
  const mock = new MockOpAMPServer({ hostname: "127.0.0.1", port: 0, logLevel: "fatal", testMode: true, ...options });
  await mock.start();
  // Closing it twice is an error.
  onTestFinished(() => mock.close().catch(() => undefined));
  return mock;
}

/** A client that polls quickly, and everything it complained of; it ends with the test. */
export function startClient(url: string, options: Partial<OpAMPClientOptions> = {}) {
  const client = new OpAMPClient({
    url,
    description: { identifying: { "service.name": "agent" }, nonIdentifying: { "os.type": "linux", cores: 4n } },
    heartbeat: { intervalMs: 15 },
    backoff: { minMs: 5, maxMs: 20 },
    ...options,
  });
  const errors: OpAMPError[] = [];
  const serverErrors: ServerErrorEvent[] = [];
  client.on("error", (error) => errors.push(error));
  client.on("serverError", (event) => serverErrors.push(event));
  onTestFinished(() => client.stop());
  client.start();
  return { client, errors, serverErrors };
}

/** Looks until there is something to see. */
export function until<T>(look: () => T | undefined): Promise<T> {
  return vi.waitFor(
    () => {
      const seen = look();
      if (seen === undefined) throw new Error(`not seen in time: ${look}`);
      return seen;
    },
    { timeout: 5_000, interval: 2 },
  );
}

/** The messages the mock has been sent, oldest first. */
export function messages(mock: MockOpAMPServer): readonly Message[] {
  return mock.testGetRequests().flatMap(({ a2s }) => a2s ?? []);
}

/** The messages, as soon as there are this many. */
export function untilMessages(mock: MockOpAMPServer, count: number): Promise<readonly Message[]> {
  return until(() => (messages(mock).length >= count ? messages(mock) : undefined));
}

/** Whether a message only shows life. */
export function isBare(message: Message): boolean {
  const { agentDescription, health, effectiveConfig, remoteConfigStatus, customCapabilities, flags } = message;
  const parts = [agentDescription, health, effectiveConfig, remoteConfigStatus, customCapabilities];
  return flags === 0n && parts.every((part) => part === undefined);
}

/** A configuration as the mock takes it. */
export function configMap(files: Record<string, string>) {
  const entries = Object.entries(files).map(([name, text]) => {
    return [name, { body: new TextEncoder().encode(text), contentType: "application/json" }] as const;
  });
  return { configMap: Object.fromEntries(entries) };
}

/** A promise and the way to resolve it. */
export function deferred() {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
