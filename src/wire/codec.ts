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
  type AgentToServer,
  AgentToServerSchema,
  type ServerToAgent,
  ServerToAgentSchema,
} from "../gen/opamp/v1/opamp_pb.js";
import { MAX_MESSAGE_DEPTH } from "./limits.js";

/** An AgentToServer as its fields, or a ready message. */
export type AgentToServerInit = MessageInitShape<typeof AgentToServerSchema>;

/** A ServerToAgent as its fields, or a ready message. */
export type ServerToAgentInit = MessageInitShape<typeof ServerToAgentSchema>;

/** What bytes turned out to be: a message, or ERR_OPAMP_MALFORMED with the reason as its cause. */
export type Decoded<T> = { ok: true; message: T } | { ok: false; error: OpAMPError };

const READ = { readUnknownFields: true, recursionLimit: MAX_MESSAGE_DEPTH } as const;

/** Serializes what an agent sends. Fields the schema does not know, kept from decoding, are written again (INTEROP-01). */
export function encodeAgentToServer(init: AgentToServerInit): Uint8Array {
  return toBinary(AgentToServerSchema, create(AgentToServerSchema, init));
}

/** Serializes what a server sends. Fields the schema does not know, kept from decoding, are written again (INTEROP-01). */
export function encodeServerToAgent(init: ServerToAgentInit): Uint8Array {
  return toBinary(ServerToAgentSchema, create(ServerToAgentSchema, init));
}

/**
 * Reads what a server sent. Never throws.
 *
 * Fields of type bytes are views of `bytes`: copy what outlives it. Map keys are the sender's choice, so read maps with
 * `Object.entries` or `Object.hasOwn`: a plain look-up of "constructor" finds what every object inherits.
 */
export function decodeServerToAgent(bytes: Uint8Array): Decoded<ServerToAgent> {
  return decode(ServerToAgentSchema, bytes, "server");
}

/** Reads what an agent sent, in the same way as {@link decodeServerToAgent}. */
export function decodeAgentToServer(bytes: Uint8Array): Decoded<AgentToServer> {
  return decode(AgentToServerSchema, bytes, "agent");
}

function decode<D extends DescMessage>(
  schema: D,
  bytes: Uint8Array,
  sender: "server" | "agent",
): Decoded<MessageShape<D>> {
  try {
    // A plain view: fields cut from a Buffer would be Buffers, whose slice() does not copy.
    const view = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return { ok: true, message: fromBinary(schema, view, READ) };
  } catch (thrown) {
    const error = new OpAMPError("ERR_OPAMP_MALFORMED", `not a valid ${schema.name}: ${messageOf(thrown)}`, {
      cause: thrown,
      hint: `the ${sender} sent bytes that are not an OpAMP message: check its version and any proxy`,
    });
    return { ok: false, error };
  }
}
