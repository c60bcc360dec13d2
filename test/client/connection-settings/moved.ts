import { onTestFinished } from "vitest";
import {
  type ConnectionSettingsOptions,
  OpAMPClient,
  type OpAMPClientOptions,
  type OpAMPSettingsPolicy,
  type Store,
  type Transport,
} from "../../../src/index.js";
import {
  type MemoryTransport,
  memoryTransport,
  OpAMPServer,
  type OpAMPServerOptions,
  virtualClock,
} from "../../../src/testing/index.js";
import { lastingStore } from "../../store/store-fixture.js";
import { ended, escapes } from "../hosted.js";
import type { OfferInit, OffersInit } from "./offers.js";

export const OLD = "wss://old.example.com/v1/opamp";
export const NEW = "wss://new.example.com/v1/opamp";

interface Given {
  store?: Store | undefined;
  policy?: OpAMPSettingsPolicy;
  settings?: ConnectionSettingsOptions;
  options?: Partial<OpAMPClientOptions>;
  duplex?: boolean;
  servers?: Servers;
  /** One of many in a test, of which one watches the process. */
  isOneOfMany?: boolean;
}

/** Two servers, by the host in their URLs. */
export interface Servers {
  old: OpAMPServer;
  new: OpAMPServer;
}

/** Both of them. @param given how they are */
export async function servers(given: { old?: OpAMPServerOptions; new?: OpAMPServerOptions } = {}): Promise<Servers> {
  const both = { old: await OpAMPServer.start(given.old), new: await OpAMPServer.start(given.new) };
  onTestFinished(async () => {
    await both.old.close();
    await both.new.close();
  });
  return both;
}

/** A client on virtual time that its server may move to another one, both in memory. */
export async function moved({
  store = lastingStore(),
  policy = {},
  settings,
  options,
  duplex = true,
  servers: given,
  isOneOfMany = false,
}: Given = {}) {
  const both = given ?? (await servers());
  const clock = virtualClock();
  /** Where was dialled, in order, and the transports by host. */
  const dialled: string[] = [];
  const transports: Record<string, MemoryTransport> = {};
  const client = new OpAMPClient({
    url: OLD,
    transport: ({ endpoint: { url } }) => {
      const to: keyof Servers = url.hostname.startsWith("old") ? "old" : "new";
      const transport = memoryTransport(both[to], { duplex });
      transports[to] = transport;
      return tracked(transport, () => dialled.push(to));
    },
    clock,
    random: () => 0,
    store,
    description: { identifying: { "service.name": "guest" } },
    connectionSettings: settings ?? { opamp: { endpoints: ["*.example.com"], ...policy } },
    ...options,
  });
  onTestFinished(() => ended(client, clock));
  const escaped = isOneOfMany ? [] : escapes();
  const errors: string[] = [];
  client.on("error", ({ code, message }) => errors.push(`${code} ${message}`));
  const states: unknown[] = [];
  client.on("connection", ({ state }) => states.push(state));
  const statuses: string[] = [];
  client.on("offer", (event) =>
    statuses.push(event.error === undefined ? event.status : `${event.status}: ${event.error}`),
  );
  const intervals: number[] = [];
  client.on("heartbeatInterval", (intervalMs) => intervals.push(intervalMs));
  client.start();
  await clock.advance(0);
  return { client, clock, servers: both, dialled, transports, escaped, errors, states, statuses, intervals, store };
}

export type Moved = Awaited<ReturnType<typeof moved>>;

/** Offers settings of any kind by the old server, and lets all that follows at once happen. */
export async function offers({ client, servers: { old }, clock }: Moved, offer: OffersInit, first = 1): Promise<void> {
  old.agent(client.instanceUid).send({ connectionSettings: { hash: Uint8Array.of(first), ...offer } });
  await clock.advance(500);
}

/** The same for the agent's own connection. */
export function offer(agent: Moved, opamp: OfferInit, first = 1): Promise<void> {
  return offers(agent, { opamp }, first);
}

/** What a server knows of the settings of an agent. */
export function known(server: OpAMPServer, { client }: Moved) {
  const { connectionSettingsStatus: status } = server.agent(client.instanceUid);
  return status && [status.status, status.lastConnectionSettingsHash[0], status.errorMessage];
}

function tracked(transport: MemoryTransport, note: () => void): Transport {
  return {
    get duplex() {
      return transport.duplex;
    },
    name: "memory",
    open(sink) {
      note();
      transport.open(sink);
    },
    send: (payload) => transport.send(payload),
    ping: () => transport.ping(),
    close: (code, reason) => transport.close(code, reason),
  };
}
