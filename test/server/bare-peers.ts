import { on, once } from "node:events";
import { isFieldSet } from "@bufbuild/protobuf";
import { type ClientOptions, WebSocket } from "ws";
import {
  AgentCapabilities,
  type AgentToServer,
  type ServerToAgent,
  ServerToAgentSchema,
} from "../../src/gen/opamp/v1/opamp_pb.js";
import {
  type AgentToServerInit,
  decodeServerToAgent,
  encodeAgentToServer,
  frame,
  unframe,
} from "../../src/wire/codec.js";

/** An AgentToServer as its fields. */
type Fields = Exclude<AgentToServerInit, AgentToServer>;

/** The i-th uid of a test. */
export function uid(index = 1): Uint8Array {
  return Uint8Array.from({ length: 16 }, (_, at) => (at === 15 ? index : at));
}

export const UID_TEXT = "00010203-0405-0607-0809-0a0b0c0d0e01";

/** A message with what every message carries. */
export function lean(sequenceNum: number, fields: Fields = {}): Fields {
  const capabilities = BigInt(AgentCapabilities.AgentCapabilities_ReportsStatus);
  return { instanceUid: uid(), sequenceNum: BigInt(sequenceNum), capabilities, ...fields };
}

/** A message that also describes the agent. */
export function full(sequenceNum: number, fields: Fields = {}): Fields {
  return lean(sequenceNum, { agentDescription: {}, ...fields });
}

/** The names of the fields that a message carries, in the schema's order. */
export function carried(message: ServerToAgent): string[] {
  return ServerToAgentSchema.fields.filter((field) => isFieldSet(message, field)).map(({ localName }) => localName);
}

/** A WebSocket without an OpAMP client behind it. */
export class BareSocket {
  readonly socket: WebSocket;
  readonly #messages: AsyncIterator<[Buffer, boolean]>;
  readonly #closed: Promise<unknown[]>;

  private constructor(socket: WebSocket) {
    this.socket = socket;
    this.#messages = on(socket, "message", { close: ["close"] }) as AsyncIterator<[Buffer, boolean]>;
    this.#closed = once(socket, "close");
    // A dial that fails is told by open().
    this.#closed.catch(() => undefined);
  }

  static async open(url: string, options: ClientOptions = {}): Promise<BareSocket> {
    const socket = new WebSocket(url, options);
    const bare = new BareSocket(socket);
    await once(socket, "open");
    return bare;
  }

  send(init: AgentToServerInit): void {
    this.socket.send(frame(encodeAgentToServer(init)));
  }

  /** The next WebSocket message as it came. */
  async raw(): Promise<{ data: Buffer; isBinary: boolean }> {
    const { value, done } = await this.#messages.next();
    if (done) throw new Error("the WebSocket closed");
    return { data: value[0], isBinary: value[1] };
  }

  async next(): Promise<ServerToAgent> {
    const unframed = unframe((await this.raw()).data);
    if (!unframed.ok) throw unframed.error;
    return decoded(unframed.payload);
  }

  async exchange(init: AgentToServerInit): Promise<ServerToAgent> {
    this.send(init);
    return this.next();
  }

  async closed(): Promise<{ code: unknown; reason: string }> {
    const [code, reason] = await this.#closed;
    return { code, reason: String(reason) };
  }
}

/** Sends a message by POST and decodes the answer. */
export async function exchange(url: string, init: AgentToServerInit): Promise<ServerToAgent> {
  const response = await post(url, encodeAgentToServer(init));
  if (response.status !== 200) throw new Error(`status ${response.status}`);
  return decoded(new Uint8Array(await response.arrayBuffer()));
}

export function post(url: string, body: Uint8Array, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(url, {
    method: "POST",
    body: new Uint8Array(body),
    headers: { "content-type": "application/x-protobuf", ...headers },
    redirect: "manual",
  });
}

function decoded(payload: Uint8Array): ServerToAgent {
  const result = decodeServerToAgent(payload);
  if (!result.ok) throw result.error;
  return result.message;
}
