import { onTestFinished } from "vitest";
import { partNames } from "../../../src/core/parts.js";
import { OpAMPClient, type OpAMPClientEvents, type OpAMPClientOptions } from "../../../src/index.js";
import type { OpAMPServerOptions, ServerAgent, ServerToAgentFields } from "../../../src/testing/index.js";
import type { ContractServer, ContractTransport } from "./transports.js";

/** How a meeting differs from the plainest one. */
export interface MeetingOptions {
  client?: Partial<OpAMPClientOptions>;
  server?: OpAMPServerOptions;
}

/** A client and the server that it is to meet, or has met. */
export interface Meeting extends ContractServer {
  client: OpAMPClient;
  /** The client as the server sees it. */
  agent: ServerAgent;
}

/** The description of every client that is not given another. */
export const IDENTIFYING = { "service.name": "contract", "service.version": "1.2.3" };

/** Seeds the jitter so that the first waits are short. */
const HASTY = () => 12_570 / 2 ** 32;

/** A client that has not started. Both sides end with the test. */
export async function prepare(transport: ContractTransport, options: MeetingOptions = {}): Promise<Meeting> {
  const contract = await transport.start(options.server);
  const client = another(contract, options.client);
  return { ...contract, client, agent: contract.server.agent(client.instanceUid) };
}

/** A client whose first report has been answered. */
export async function meet(transport: ContractTransport, options: MeetingOptions = {}): Promise<Meeting> {
  const meeting = await prepare(transport, options);
  meeting.client.start();
  await meeting.client.connected();
  return meeting;
}

/** One more client for the same server. It ends with the test. */
export function another(
  { options }: Pick<ContractServer, "options">,
  more: Partial<OpAMPClientOptions> = {},
): OpAMPClient {
  const client = new OpAMPClient({
    description: { identifying: IDENTIFYING },
    backoff: { minMs: 1, maxMs: 5 },
    random: HASTY,
    ...options,
    ...more,
  });
  onTestFinished(() => client.stop());
  return client;
}

/** The next event of a kind, with its first argument. */
export function next<E extends keyof OpAMPClientEvents>(
  client: OpAMPClient,
  name: E,
): Promise<Parameters<OpAMPClientEvents[E]>[0]> {
  return new Promise((resolve) => {
    const listener: OpAMPClientEvents[E] = (event: Parameters<OpAMPClientEvents[E]>[0]) => resolve(event);
    client.once(name, listener);
  });
}

/** All events of a kind from now on, as they come. */
export function collect<E extends keyof OpAMPClientEvents>(
  client: OpAMPClient,
  name: E,
): Parameters<OpAMPClientEvents[E]>[0][] {
  const events: Parameters<OpAMPClientEvents[E]>[0][] = [];
  const listener: OpAMPClientEvents[E] = (event: Parameters<OpAMPClientEvents[E]>[0]) => void events.push(event);
  client.on(name, listener);
  return events;
}

/** An offer of a configuration with files given as text. */
export function offerOf(hash: string | Uint8Array, files: Readonly<Record<string, string>>): ServerToAgentFields {
  const entries = Object.entries(files).map(([name, body]) => [name, { body: Buffer.from(body) }] as const);
  return {
    remoteConfig: { configHash: bytes(hash), config: { configMap: Object.fromEntries(entries) } },
  };
}

/** Text as bytes; bytes as they are. */
export function bytes(text: string | Uint8Array): Uint8Array {
  return typeof text === "string" ? new TextEncoder().encode(text) : text;
}

/** Resolves when the agent has said at least one thing more. */
export async function heardMore(agent: ServerAgent, times = 1): Promise<void> {
  const enough = agent.received.length + times;
  await agent.until(({ received }) => received.length >= enough);
}

/** The names of the status parts that a message carries, in field order. */
export function partsOf(message: ServerAgent["received"][number] | undefined): string[] {
  if (message === undefined) return [];
  return partNames.filter((part) => message[part] !== undefined);
}
