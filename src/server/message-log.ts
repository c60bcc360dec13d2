import { create } from "@bufbuild/protobuf";
import type { OpAMPError } from "../errors.js";
import { type AgentToServer, type ServerToAgent, ServerToAgentSchema } from "../gen/opamp/v1/opamp_pb.js";
import { encodeServerToAgent } from "../wire/codec.js";
import type { ServerToAgentFields } from "./answer.js";
import type { Link, TransportName } from "./link/link.js";

/** Where a message stands in the log, and over what it came or went. */
interface LogPosition {
  /** The place in the server's whole log, from 0. */
  readonly at: number;
  /** Over what it came or went. */
  readonly transport: TransportName;
  /** The number of the TCP connection, from 1 in the order they were accepted. */
  readonly connection: number;
  /** The agent's instance uid as UUID text; empty if the server could not tell the agent. */
  readonly uid: string;
}

/** A message from an agent. */
export interface ReceivedEntry extends LogPosition {
  /** Which way the message went. */
  readonly direction: "in";
  /** The message. */
  readonly message: AgentToServer;
}

/** A message to an agent. */
export interface SentEntry extends LogPosition {
  /** Which way the message went. */
  readonly direction: "out";
  /** The message. */
  readonly message: ServerToAgent;
}

/** Something that arrived and is not an AgentToServer. */
export interface MalformedInput {
  /** Over what it came or went. */
  readonly transport: TransportName;
  /** The number of the connection. */
  readonly connection: number;
  /** What is wrong with it. */
  readonly error: OpAMPError;
}

/** One line of the message log. */
export type LogEntry = ReceivedEntry | SentEntry;

/** A list that forgets its oldest entries. */
export class BoundedList<Entry> {
  readonly entries: Entry[] = [];
  readonly #keep: number;

  constructor(
    /** How many entries are kept for certain; older ones go. */
    keep: number,
  ) {
    this.#keep = keep;
  }

  /** Returns the entry. */
  add<E extends Entry>(entry: E): E {
    this.entries.push(entry);
    // In bulk, so that a bounded list costs constant time per entry.
    if (this.entries.length > 2 * this.#keep) this.entries.splice(0, this.entries.length - this.#keep);
    return entry;
  }
}

/** Every message of a server in the order of sending and arrival. */
export class MessageLog extends BoundedList<LogEntry> {
  #next = 0;

  received(link: Link, uid: string, message: AgentToServer): ReceivedEntry {
    return this.add({ ...this.#position(link, uid), direction: "in", message });
  }

  /** Sends a message over a link, or writes it in another way, and logs it in the form in which it went out. */
  send(
    link: Link,
    uid: string,
    fields: ServerToAgentFields,
    write: (payload: Uint8Array) => void = link.send,
  ): SentEntry {
    const message = create(ServerToAgentSchema, fields);
    write(encodeServerToAgent(message));
    return this.add({ ...this.#position(link, uid), direction: "out", message });
  }

  #position(link: Link, uid: string): LogPosition {
    return { at: this.#next++, transport: link.transport, connection: link.origin.connection, uid };
  }
}
