import { join } from "node:path";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { OpAMPConnectionSettingsSchema } from "../../../src/gen/opamp/v1/opamp_pb.js";
import type { OpAMPClientOptions, OpAMPSettingsPolicy } from "../../../src/index.js";
import { lastingStore } from "../../store/store-fixture.js";
import {
  type Agent,
  mark,
  messages,
  startAgent,
  startServer,
  type TransportName,
  tell,
  transports,
  untilMessage,
} from "../fixture.js";
import type { GoEventOf, GoServer, MessageEvent } from "../go-server.js";

export type OpAMPSettingsInit = MessageInitShape<typeof OpAMPConnectionSettingsSchema>;

/** What an agent has been told to send by its host; none of it is for another server. */
export const OWN_HEADERS = { Authorization: "Bearer bootstrap", "X-Static": "own", "X-Made": "own" };
const WORDS = ["UNSET", "APPLIED", "APPLYING", "FAILED"] as const;
const SECURE = { ws: "wss", http: "https" } as const;

/** Every way from one transport to another. */
export const ways = transports.flatMap((from) => transports.map((to) => ({ from, to })));

/** An agent whose connection its server may move. */
export function movable(
  server: GoServer,
  transport: TransportName,
  policy: true | OpAMPSettingsPolicy = true,
  more: Omit<Partial<OpAMPClientOptions>, "clock"> = {},
): Agent {
  const { Authorization, "X-Static": fixed, "X-Made": made } = OWN_HEADERS;
  return startAgent(server, transport, {
    headers: [{ Authorization, "X-Static": fixed }, () => ({ "X-Made": made })],
    store: lastingStore(),
    timeouts: { closeMs: 500 },
    connectionSettings: { opamp: policy },
    ...more,
  });
}

/** The same, once its first report was answered. */
export async function moved(...given: Parameters<typeof movable>): Promise<Agent> {
  const agent = movable(...given);
  await agent.client.connected({ timeoutMs: 5_000 });
  return agent;
}

/** Offers settings for the agent's own connection. */
export function offerSettings(
  server: GoServer,
  transport: TransportName,
  hash: string,
  opamp: OpAMPSettingsInit,
): Promise<void> {
  return tell(server, transport, {
    connectionSettings: { hash: Buffer.from(hash), opamp: create(OpAMPConnectionSettingsSchema, opamp) },
  });
}

/** The header that an offer of a token makes. */
export function token(value: string) {
  return { headers: { headers: [{ key: "Authorization", value: `Bearer ${value}` }] } };
}

/** The first report of this status. */
export async function untilSettings(
  server: GoServer,
  status: (typeof WORDS)[number],
  hash: string,
  since = 0,
): Promise<MessageEvent["message"]> {
  return untilMessage(server, (message) => settingsStatus(message)?.startsWith(`${status} ${hash}`) === true, since);
}

/** What was reported of settings, repetitions left out: `FAILED h1: reason`, for instance. */
export async function settingsStatuses(server: GoServer, since = 0): Promise<readonly string[]> {
  await mark(server);
  const told = messages(server, since).flatMap(({ message }) => settingsStatus(message) ?? []);
  return told.filter((status, index) => status !== told[index - 1]);
}

function settingsStatus({ connectionSettingsStatus }: MessageEvent["message"]): string | undefined {
  if (connectionSettingsStatus === undefined) return undefined;
  const { status, lastConnectionSettingsHash, errorMessage } = connectionSettingsStatus;
  const what = `${WORDS[status]} ${Buffer.from(lastConnectionSettingsHash)}`;
  return errorMessage === "" ? what : `${what}: ${errorMessage}`;
}

/** Every upgrade and POST so far. */
export async function connections(server: GoServer, since = 0): Promise<readonly GoEventOf<"connecting">[]> {
  await mark(server);
  return server.events.slice(since).filter((event) => event.event === "connecting");
}

/** The values that were sent under any name. */
export async function valuesSeen(server: GoServer, since = 0): Promise<ReadonlySet<string>> {
  return new Set((await connections(server, since)).flatMap(({ headers }) => Object.values(headers)));
}

/** A Go server behind TLS with an authority of its own, or that of a folder. */
export async function secureServer(
  folder: string,
  clients: "any" | "known" | "optional" = "any",
  ...more: readonly string[]
): Promise<GoServer> {
  const ca = join(folder, "ca.pem");
  const asks = clients === "any" ? [] : ["-client-ca", ca, ...(clients === "optional" ? ["-client-optional"] : [])];
  return startServer("-authority", folder, ...asks, ...more);
}

/** Where a server behind TLS is. */
export function secureUrl(server: GoServer, transport: TransportName): string {
  return server.url(SECURE[transport]);
}
