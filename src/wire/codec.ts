import {
  create,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type MessageShape,
  toBinary,
} from "@bufbuild/protobuf";
import { messageOf, OpAMPError } from "../errors.js";
import {
  AgentDisconnectSchema,
  type AgentToServer,
  AgentToServerSchema,
  CustomMessageSchema,
  type ServerToAgent,
  ServerToAgentSchema,
} from "../gen/opamp/v1/opamp_pb.js";
import { MAX_MESSAGE_DEPTH } from "./limits.js";
import { scan, TOO_MANY_FIELDS } from "./scan.js";

/** An AgentToServer as its fields, or a ready message. */
export type AgentToServerInit = MessageInitShape<typeof AgentToServerSchema>;

/** A ServerToAgent as its fields, or a ready message. */
export type ServerToAgentInit = MessageInitShape<typeof ServerToAgentSchema>;

/** What bytes turned out to be: a message, or ERR_OPAMP_MALFORMED, whose text says why. */
export type Decoded<T> = { ok: true; message: T } | Malformed;

interface Malformed {
  ok: false;
  error: OpAMPError;
}

/** What an agent sends, with words where the schema has numbers. What is not small is a message already. */
export type ReportInit = Omit<AgentToServer, "$typeName" | "$unknown" | keyof Small> & Partial<Small>;

interface Small {
  flags: bigint;
  remoteConfigStatus: StatusInWords;
  connectionSettingsStatus: StatusInWords;
  agentDisconnect: MessageInitShape<typeof AgentDisconnectSchema>;
  customMessage: MessageInitShape<typeof CustomMessageSchema>;
}

interface StatusInWords {
  hash: Uint8Array;
  status: keyof typeof STATUS;
  error: string;
}

const READ_OPTIONS = {
  server: { readUnknownFields: false, recursionLimit: MAX_MESSAGE_DEPTH },
  agent: { readUnknownFields: true, recursionLimit: MAX_MESSAGE_DEPTH },
};

const STATUS = { unset: 0, applied: 1, applying: 2, failed: 3 } as const;

/** Serializes what an agent reports. */
export function encodeReport(report: ReportInit): Uint8Array {
  const { remoteConfigStatus: inWords, connectionSettingsStatus: settings, agentDisconnect, customMessage } = report;
  // Messages as `create` would make them, which costs as much as all else here; all fields, so that all have one shape.
  const message = {
    $typeName: "opamp.proto.v1.AgentToServer",
    instanceUid: report.instanceUid,
    sequenceNum: report.sequenceNum,
    agentDescription: report.agentDescription,
    capabilities: report.capabilities,
    health: report.health,
    effectiveConfig: report.effectiveConfig,
    remoteConfigStatus: inWords && {
      $typeName: "opamp.proto.v1.RemoteConfigStatus",
      lastRemoteConfigHash: inWords.hash,
      status: STATUS[inWords.status],
      errorMessage: inWords.error,
    },
    packageStatuses: report.packageStatuses,
    agentDisconnect: agentDisconnect && create(AgentDisconnectSchema, agentDisconnect),
    flags: report.flags ?? 0n,
    connectionSettingsRequest: report.connectionSettingsRequest,
    customCapabilities: report.customCapabilities,
    customMessage: customMessage && create(CustomMessageSchema, customMessage),
    availableComponents: report.availableComponents,
    connectionSettingsStatus: settings && {
      $typeName: "opamp.proto.v1.ConnectionSettingsStatus",
      lastConnectionSettingsHash: settings.hash,
      status: STATUS[settings.status],
      errorMessage: settings.error,
    },
  } satisfies Record<Exclude<keyof AgentToServer, "$unknown">, unknown>;
  return toBinary(AgentToServerSchema, message as AgentToServer);
}

/** Serializes what an agent sends. Fields the schema does not know, kept from decoding, are written again (INTEROP-01). */
export function encodeAgentToServer(init: AgentToServerInit): Uint8Array {
  return toBinary(AgentToServerSchema, create(AgentToServerSchema, init));
}

/** Serializes what a server sends. */
export function encodeServerToAgent(init: ServerToAgentInit): Uint8Array {
  return toBinary(ServerToAgentSchema, create(ServerToAgentSchema, init));
}

/**
 * Reads what a server sent. Never throws. Fields the schema does not know are passed over (INTEROP-01).
 *
 * A message that would take up far more memory than it has bytes, or whose parts do not fit into each other, is refused
 * before it is decoded (SEC-01): see {@link scan}.
 *
 * Fields of type bytes are views of `bytes`: copy what outlives it. Map keys are the sender's choice, so read maps with
 * `Object.entries` or `Object.hasOwn`: a plain look-up of "constructor" finds what every object inherits.
 */
export function decodeServerToAgent(bytes: Uint8Array): Decoded<ServerToAgent> {
  return decode(ServerToAgentSchema, bytes, "server");
}

/** Reads what an agent sent, in the same way as {@link decodeServerToAgent}, but keeps the fields the schema does not know. */
export function decodeAgentToServer(bytes: Uint8Array): Decoded<AgentToServer> {
  return decode(AgentToServerSchema, bytes, "agent");
}

type Sender = keyof typeof READ_OPTIONS;

function decode<D extends DescMessage>(schema: D, bytes: Uint8Array, sender: Sender): Decoded<MessageShape<D>> {
  // A plain view: fields cut from a Buffer would be Buffers, whose slice() does not copy.
  const view = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fault = scan(schema, view);
  if (fault !== undefined) return malformed(schema, sender, fault);
  try {
    return { ok: true, message: fromBinary(schema, view, READ_OPTIONS[sender]) };
  } catch (cause) {
    return malformed(schema, sender, messageOf(cause), cause);
  }
}

function malformed(schema: DescMessage, sender: string, reason: string, cause?: unknown): Malformed {
  const hint =
    reason === TOO_MANY_FIELDS
      ? `the ${sender} must send less at once: fewer files, packages, components or attributes`
      : `the ${sender} sent bytes that are not an OpAMP message: check its version and any proxy`;
  const error = new OpAMPError("ERR_OPAMP_MALFORMED", `not a valid ${schema.name}: ${reason}`, { cause, hint });
  return { ok: false, error };
}

/** What a WebSocket message turned out to be: a payload, or ERR_OPAMP_MALFORMED. */
export type Unframed = { ok: true; payload: Uint8Array } | Malformed;

/** A uint64 takes at most this many bytes as a varint. */
const MAX_HEADER_BYTES = 10;

/** Puts the header, a zero as a one-byte varint, in front of a serialized message (WS-02). Copies the payload. */
export function frame(payload: Uint8Array): Uint8Array {
  // From the pool: it lives no longer than the sending of it.
  const message = Buffer.allocUnsafe(payload.byteLength + 1);
  message[0] = 0;
  message.set(payload, 1);
  return message;
}

/**
 * Takes the header off a binary WebSocket message: a varint of 1 to 10 bytes whose value is zero (WS-03, WS-04).
 * No bytes after it are a payload too (WS-05). The payload is a view of `message`.
 */
export function unframe(message: Uint8Array): Unframed {
  const header = message.subarray(0, MAX_HEADER_BYTES);
  // Of 64 bits, the tenth byte holds the last one.
  const last = header.findIndex((byte, index) => byte < (index === MAX_HEADER_BYTES - 1 ? 2 : 0x80));
  if (last < 0) {
    if (header.length === MAX_HEADER_BYTES) return badFrame("the WebSocket message's header does not fit 64 bits");
    return badFrame(`the WebSocket message ${header.length === 0 ? "is empty" : "ends within its header"}`);
  }
  const isZero = header.subarray(0, last + 1).every((byte) => (byte & 0x7f) === 0);
  if (!isZero) return badFrame("the WebSocket message's header is not zero");
  // A plain view, also of a Buffer, whose own subarray() gives Buffers that slice() without copying.
  const payload = new Uint8Array(message.buffer, message.byteOffset + last + 1, message.byteLength - last - 1);
  return { ok: true, payload };
}

function badFrame(reason: string): Unframed {
  return { ok: false, error: new OpAMPError("ERR_OPAMP_MALFORMED", reason) };
}
