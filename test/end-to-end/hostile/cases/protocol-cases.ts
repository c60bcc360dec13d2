import { CommandType, ServerErrorResponseType as ErrorType } from "../../../../src/gen/opamp/v1/opamp_pb.js";
import type { ServerToAgentFields } from "../../../../src/testing/index.js";
import { CUSTOM } from "../stage.js";
import type { ProtocolCase } from "../virtual.js";

const MAX_UINT64 = 2n ** 64n - 1n;
/** A number that no enumeration has. */
const BEYOND: number = 999;
const NOBODY = new Uint8Array(16).fill(0xee);
/** Full reports come ever less often: five at once, and one every half minute in the end. */
const STORM = 60;

/** A uid for each number. */
function uid(number: number): Uint8Array {
  const bytes = new Uint8Array(16).fill(1);
  new DataView(bytes.buffer).setUint32(8, number);
  return bytes;
}

function always(fields: ServerToAgentFields): Pick<ProtocolCase, "reply"> {
  return { reply: () => fields };
}

function config(hash: string, body = "1"): ServerToAgentFields {
  const configMap = { "agent.yaml": { body: Buffer.from(body) } };
  return { remoteConfig: { configHash: Buffer.from(hash), config: { configMap } } };
}

function heartbeat(seconds: bigint): ServerToAgentFields {
  return { connectionSettings: { hash: Buffer.from("h"), opamp: { heartbeatIntervalSeconds: seconds } } };
}

function unavailable(retryAfterNanoseconds?: bigint): ServerToAgentFields {
  const info = retryAfterNanoseconds !== undefined && {
    Details: { case: "retryInfo" as const, value: { retryAfterNanoseconds } },
  };
  return { errorResponse: { type: ErrorType.ServerErrorResponseType_Unavailable, errorMessage: "busy", ...info } };
}

function refused(type: ErrorType): ServerToAgentFields {
  return { errorResponse: { type, errorMessage: "no" } };
}

/** Who is asked for what, and who is who. */
const demands: readonly ProtocolCase[] = [
  { name: "asks for the full state in every answer", ...always({ flags: 1n }), atMost: STORM },
  { name: "asks for the components in every answer", ...always({ flags: 2n }), atMost: STORM },
  { name: "sets every flag in every answer", ...always({ flags: MAX_UINT64 }), atMost: STORM },
  {
    name: "gives another uid in every answer",
    reply: (turn) => ({ agentIdentification: { newInstanceUid: uid(turn) } }),
    atMost: STORM,
  },
  {
    name: "gives one of two uids in turn",
    reply: (turn) => ({ agentIdentification: { newInstanceUid: uid(turn % 2) } }),
    atMost: STORM,
  },
  { name: "gives the same uid in every answer", ...always({ agentIdentification: { newInstanceUid: uid(1) } }) },
  {
    name: "gives a uid of zeros in every answer",
    ...always({ agentIdentification: { newInstanceUid: new Uint8Array(16) } }),
  },
  {
    name: "gives a uid of 15 bytes in every answer",
    ...always({ agentIdentification: { newInstanceUid: new Uint8Array(15) } }),
  },
  { name: "answers another agent", ...always({ instanceUid: NOBODY, flags: 1n, ...config("x") }), duplex: true },
  {
    name: "answers another agent",
    ...always({ instanceUid: NOBODY, flags: 1n, ...config("x") }),
    duplex: false,
    atLeast: 10,
  },
  { name: "orders a restart in every answer", ...always({ command: { type: CommandType.CommandType_Restart } }) },
  {
    name: "orders a restart beside everything else",
    ...always({ command: {}, flags: 1n, instanceUid: new Uint8Array(), ...config("x") }),
  },
  { name: "sends an unknown command", ...always({ command: { type: BEYOND } }) },
  {
    name: "orders a restart that never ends",
    ...always({ command: {} }),
    client: { restart: () => new Promise(() => undefined) },
  },
  {
    name: "orders a restart that fails",
    ...always({ command: {} }),
    client: { restart: () => Promise.reject(new Error("no")) },
  },
];

/** Offers that change nothing, or ought not to. */
const offers: readonly ProtocolCase[] = [
  { name: "offers the same config in every answer", ...always(config("x")) },
  { name: "offers another body for the same hash", reply: (turn) => config("x", String(turn)) },
  { name: "offers a config with an empty hash", ...always(config("")) },
  {
    name: "offers a hash without a config",
    reply: (turn) => ({ remoteConfig: { configHash: Buffer.from(String(turn)) } }),
  },
  {
    name: "offers a config that fails",
    ...always(config("x")),
    client: {
      remoteConfig: { apply: ({ files }) => ("healed" in files ? undefined : Promise.reject(new Error("no"))) },
    },
  },
  { name: "offers heartbeats every second", ...always(heartbeat(1n)), atMost: 620 },
  { name: "offers no heartbeats", ...always(heartbeat(0n)), duplex: true, atLeast: 1 },
  { name: "offers no heartbeats", ...always(heartbeat(0n)), duplex: false },
  { name: "offers heartbeats every 2^63 seconds", ...always(heartbeat(2n ** 63n)), atLeast: 1 },
  { name: "offers heartbeats every 2^64 - 1 seconds", ...always(heartbeat(MAX_UINT64)), atLeast: 1 },
  {
    name: "offers another heartbeat interval in every answer",
    reply: (turn) => heartbeat(BigInt(1 + (turn % 2))),
    atMost: 620,
  },
  {
    name: "turns heartbeats on and off in turn",
    reply: (turn) => heartbeat(BigInt(turn % 2)),
    atLeast: 1,
    atMost: 620,
  },
  {
    name: "offers packages in every answer",
    reply: (turn) => ({
      packagesAvailable: { packages: { "../x": { version: "\0" } }, allPackagesHash: Buffer.from(String(turn)) },
    }),
  },
  {
    name: "offers another server in every answer",
    reply: (turn) => ({
      connectionSettings: {
        hash: Buffer.from(String(turn)),
        opamp: { destinationEndpoint: `ws://127.0.0.1:1/${turn}`, heartbeatIntervalSeconds: 30n },
      },
    }),
  },
  {
    name: "offers a certificate in every answer",
    reply: (turn) => ({
      connectionSettings: {
        hash: Buffer.from(String(turn)),
        opamp: {
          heartbeatIntervalSeconds: 30n,
          certificate: { cert: Buffer.from("junk"), privateKey: Buffer.from("junk") },
        },
      },
    }),
  },
  {
    name: "offers destinations for telemetry in every answer",
    reply: (turn) => ({
      connectionSettings: {
        hash: Buffer.from(String(turn)),
        ownMetrics: { destinationEndpoint: "file:///etc/passwd" },
        ownTraces: {},
        ownLogs: {},
        otherConnections: { "": {}, constructor: {} },
      },
    }),
  },
];

/** Errors in every answer. */
const errors: readonly ProtocolCase[] = [
  { name: "calls every message a bad request", ...always(refused(ErrorType.ServerErrorResponseType_BadRequest)) },
  { name: "answers with an unknown error", ...always(refused(ErrorType.ServerErrorResponseType_Unknown)) },
  { name: "answers with an undefined error type", ...always(refused(BEYOND)) },
  {
    name: "answers with an error beside everything else",
    ...always({ ...refused(0), flags: 3n, ...config("x"), command: {} }),
  },
  { name: "is unavailable", ...always(unavailable()), atLeast: 4 },
  { name: "is unavailable with a retry time of 0", ...always(unavailable(0n)), atLeast: 4 },
  { name: "is unavailable for a nanosecond", ...always(unavailable(1n)), atMost: 1_400, atLeast: 10 },
  { name: "is unavailable for 2^64 - 1 nanoseconds", ...always(unavailable(MAX_UINT64)), atLeast: 1, atMost: 4 },
  {
    name: "is unavailable every other time",
    reply: (turn) => (turn % 2 === 0 ? unavailable(1_000_000n) : {}),
    atMost: 1_400,
  },
];

/** What a server says of itself. */
const words: readonly ProtocolCase[] = [
  {
    name: "declares other capabilities in every answer",
    reply: (turn) => ({ capabilities: turn % 2 === 0 ? 1n : MAX_UINT64 }),
    atMost: STORM,
  },
  { name: "declares every undefined capability", ...always({ capabilities: MAX_UINT64 ^ 0xffn }) },
  {
    name: "announces other custom capabilities in every answer",
    reply: (turn) => ({ customCapabilities: { capabilities: turn % 2 === 0 ? [CUSTOM] : [] } }),
  },
  {
    name: "announces twenty thousand custom capabilities",
    ...always({ customCapabilities: { capabilities: Array.from({ length: 20_000 }, (_, index) => `a.b${index}`) } }),
  },
  {
    name: "announces custom capabilities without a name",
    ...always({ customCapabilities: { capabilities: ["", "__proto__", "\0", "constructor"] } }),
  },
  {
    name: "sends a custom message in every answer",
    ...always({ customMessage: { capability: CUSTOM, type: "__proto__", data: new Uint8Array(1_000) } }),
  },
  {
    name: "sets every field at once",
    reply: (turn) => ({
      ...config("x"),
      ...heartbeat(30n),
      flags: MAX_UINT64,
      capabilities: MAX_UINT64,
      agentIdentification: { newInstanceUid: uid(turn) },
      packagesAvailable: {},
      customCapabilities: {},
      customMessage: {},
    }),
    atMost: STORM,
  },
];

/** More answers than there were messages, or fewer. */
const counts: readonly ProtocolCase[] = [
  { name: "answers nothing", reply: () => null, duplex: true, atLeast: 19 },
  { name: "answers nothing", reply: () => null, duplex: false, atLeast: 8 },
  { name: "answers every other message", reply: (turn) => (turn % 2 === 0 ? null : {}), atLeast: 10 },
  ...[2, 1_000].map(
    (times): ProtocolCase => ({
      name: `answers every message ${times} times`,
      duplex: true,
      reply: (_turn, _message, agent) => {
        for (let extra = 1; extra < times; extra++) agent.send({});
        return {};
      },
    }),
  ),
  {
    name: "sends a thousand custom messages with every answer",
    duplex: true,
    costly: true,
    reply: (_turn, _message, agent) => {
      for (let number = 0; number < 1_000; number++) agent.sendCustom(CUSTOM, "t", new Uint8Array(100));
      return {};
    },
  },
  {
    name: "asks for the full state a thousand times with every answer",
    duplex: true,
    costly: true,
    atMost: STORM,
    reply: (_turn, _message, agent) => {
      for (let number = 0; number < 1_000; number++) agent.send({ flags: 3n });
      return {};
    },
  },
];

/** What can be wrong with messages that are well formed. */
export const protocolCases: readonly ProtocolCase[] = [...demands, ...offers, ...errors, ...words, ...counts];
