import { expect, onTestFinished } from "vitest";
import {
  type ConfigFiles,
  type OfferEvent,
  OpAMPClient,
  type OpAMPClientOptions,
  type OpAMPError,
  type PhaseEvent,
  type RemoteConfig,
  type ServerErrorEvent,
} from "../../src/index.js";
import type { VirtualClock } from "../../src/testing/virtual-clock.js";
import { GoServer, type MessageEvent, type ServerToAgentInit } from "./go-server.js";

/** What every case runs over. */
export const transports = ["ws", "http"] as const;
export type TransportName = (typeof transports)[number];

/** The numbers that the wire has for the status of a remote config. */
export const APPLIED = 1;
export const APPLYING = 2;
export const FAILED = 3;

/** Longer than any test: whatever is sent has another reason than the time. */
export const NEVER_MS = 3_600_000;
const POLL_MS = 20;
const DISCONNECT_MS = 10_000;

type Message = MessageEvent["message"];

/** The reference server; it ends with the test. */
export async function startServer(...args: string[]): Promise<GoServer> {
  const server = await GoServer.start({ args });
  onTestFinished(() => server.stop());
  return server;
}

/** A client, and what it told its host. */
export interface Agent {
  client: OpAMPClient;
  phases: PhaseEvent[];
  errors: OpAMPError[];
  serverErrors: ServerErrorEvent[];
  statuses: OfferEvent[];
}

/**
 * A client that ends with the test. Over WebSocket it is silent unless it has something to say; over HTTP it polls
 * quickly, as that is how a server reaches it.
 */
export function startAgent(
  server: GoServer,
  transport: TransportName,
  { clock, ...options }: Partial<OpAMPClientOptions> & { clock?: VirtualClock } = {},
): Agent {
  const client = new OpAMPClient({
    url: server.url(transport),
    description: { identifying: { "service.name": "agent" } },
    heartbeat: { intervalMs: transport === "ws" ? NEVER_MS : POLL_MS },
    backoff: { minMs: 5, maxMs: 20 },
    ...(clock === undefined ? {} : { clock }),
    ...options,
  });
  const agent: Agent = { client, phases: [], errors: [], serverErrors: [], statuses: [] };
  client.on("phase", (event) => agent.phases.push(event));
  client.on("error", (error) => agent.errors.push(error));
  client.on("serverError", (event) => agent.serverErrors.push(event));
  client.on("offer", (event) => agent.statuses.push(event));
  onTestFinished(async () => {
    const stopped = client.stop();
    await clock?.advance(DISCONNECT_MS);
    await stopped;
  });
  client.start();
  return agent;
}

/** Handlers of an agent whose config is what it was last offered, unless that says "broken". */
export function configHost(initial: ConfigFiles = { "a.yaml": { body: "initial: true" } }) {
  const applied: RemoteConfig[] = [];
  let gate: Promise<void> | undefined;
  let current = initial;
  return {
    /** Every config handed over. */
    applied,
    /** Has applies wait from now on, until what is returned is called. */
    hold(): () => void {
      const { promise, resolve } = deferred();
      gate = promise;
      return resolve;
    },
    handlers: {
      effectiveConfig: () => current,
      remoteConfig: {
        async apply(config: RemoteConfig) {
          applied.push(config);
          await gate;
          if (config.files["a.yaml"]?.text() === "broken") throw new Error("a.yaml: line 1: broken");
          current = config.files;
        },
      },
    },
  };
}

/** An offer under a hash, with whatever else is to be in its message. */
export function offer(
  hash: string | Uint8Array,
  files: Record<string, string | Uint8Array>,
  rest: { flags?: bigint; command?: object } = {},
): ServerToAgentInit {
  const entries = Object.entries(files).map(([name, body]) => {
    return [name, { body: Buffer.from(body), contentType: "text/yaml" }] as const;
  });
  return {
    ...rest,
    remoteConfig: { configHash: Buffer.from(hash), config: { configMap: Object.fromEntries(entries) } },
  };
}

/** Has a message reach the agent by the nearest way: at once, or with the answer to the next poll. */
export function tell(server: GoServer, transport: TransportName, message: ServerToAgentInit): Promise<void> {
  return transport === "ws" ? server.push(message) : server.reply(message);
}

/** Has messages reach the agent one after the other; those that wait for the same poll would merge into one. */
export async function tellInTurn(
  server: GoServer,
  transport: TransportName,
  messages: readonly ServerToAgentInit[],
): Promise<void> {
  for (const message of messages) {
    await tell(server, transport, message);
    if (transport === "ws") continue;
    // The next poll may have been under way already; with the one after it, the answer before has been read.
    await untilCount(server, 2, await mark(server));
  }
}

/** All messages so far, oldest first. */
export function messages(server: GoServer, since = 0): readonly MessageEvent[] {
  return server.events.slice(since).filter((event) => event.event === "message");
}

/** All messages that the server has got by now, none of them still on its way from the child process. */
export async function received(server: GoServer, since = 0): Promise<readonly MessageEvent[]> {
  await mark(server);
  return messages(server, since);
}

/** The place in the events that all which have happened by now come before. */
export async function mark(server: GoServer): Promise<number> {
  await server.count();
  return server.events.length;
}

/** The first message that fits. */
export async function untilMessage(server: GoServer, fits: (message: Message) => boolean, since = 0): Promise<Message> {
  return (await server.until("message", ({ message }) => fits(message), { since })).message;
}

/** This many messages at least. */
export async function untilCount(server: GoServer, count: number, since = 0): Promise<readonly MessageEvent[]> {
  await server.until("message", () => messages(server, since).length >= count, { since });
  return messages(server, since);
}

/** The message with a number. */
export function untilNumber(server: GoServer, sequenceNum: bigint): Promise<Message> {
  return untilMessage(server, (message) => message.sequenceNum === sequenceNum);
}

/** The first report of this status of a remote config. */
export function untilStatus(server: GoServer, status: number, hash: string | Uint8Array): Promise<Message> {
  return untilMessage(server, ({ remoteConfigStatus }) => {
    return remoteConfigStatus?.status === status && Buffer.from(hash).equals(remoteConfigStatus.lastRemoteConfigHash);
  });
}

/** Reads the file of an effective config. */
export function effectiveText(message: Message | undefined, name = "a.yaml"): string | undefined {
  const file = message?.effectiveConfig?.configMap?.configMap[name];
  return file === undefined ? undefined : Buffer.from(file.body).toString();
}

/** Whether a message only shows life. */
export function isBare(message: Message): boolean {
  const { agentDescription, health, effectiveConfig, remoteConfigStatus, customCapabilities } = message;
  const parts = [agentDescription, health, effectiveConfig, remoteConfigStatus, customCapabilities];
  return (
    message.flags === 0n &&
    message.agentDisconnect === undefined &&
    message.customMessage === undefined &&
    parts.every((part) => part === undefined)
  );
}

/** SEQ-01: the server got every number from 1 on. */
export function expectNoGap(server: GoServer): void {
  const numbers = messages(server).map(({ message }) => message.sequenceNum);
  expect(numbers).toEqual(numbers.map((_, index) => BigInt(index + 1)));
}

/** The same where a message may be lost with its connection, which takes its number along. */
export function expectNoGapInConnections(server: GoServer): void {
  const seen = messages(server);
  const steps = seen.slice(1).map(({ conn, message }, index) => {
    const before = seen[index];
    return { isSame: conn === before?.conn, step: message.sequenceNum - (before?.message.sequenceNum ?? 0n) };
  });
  expect(steps.filter(({ isSame, step }) => (isSame ? step !== 1n : step < 1n))).toEqual([]);
}

/** A promise and the way to resolve it. */
export function deferred<T = void>() {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
