import type { AgentToServer, ServerToAgent } from "../../gen/opamp/v1/opamp_pb.js";
import { BoundedList } from "../bounded-list.js";
import type { Link, TransportName } from "../link/link.js";

interface LogPosition {
  /** The place in the server's whole log, from 0. */
  readonly at: number;
  readonly transport: TransportName;
  /** The number of the TCP connection, from 1 in the order they were accepted. */
  readonly connection: number;
  /** The agent's instance uid as UUID text; empty if the server could not tell the agent. */
  readonly uid: string;
}

/** A message from an agent. */
export interface ReceivedEntry extends LogPosition {
  readonly direction: "in";
  readonly message: AgentToServer;
}

/** A message to an agent. */
export interface SentEntry extends LogPosition {
  readonly direction: "out";
  readonly message: ServerToAgent;
}

/** One line of the message log. */
export type LogEntry = ReceivedEntry | SentEntry;

/** Every message of the server in the order of sending and arrival, or an agent's share of it. */
export class MessageLog {
  readonly #list: BoundedList<LogEntry>;
  #next = 0;

  constructor(
    /** How many entries are kept for certain; older ones go. */
    keep: number,
  ) {
    this.#list = new BoundedList(keep);
  }

  get entries(): readonly LogEntry[] {
    return this.#list.entries;
  }

  received(link: Link, uid: string, message: AgentToServer): ReceivedEntry {
    return this.keep({ ...this.#position(link, uid), direction: "in", message });
  }

  sent(link: Link, uid: string, message: ServerToAgent): SentEntry {
    return this.keep({ ...this.#position(link, uid), direction: "out", message });
  }

  /** Takes over an entry of another log. */
  keep<Entry extends LogEntry>(entry: Entry): Entry {
    this.#list.add(entry);
    return entry;
  }

  #position(link: Link, uid: string): LogPosition {
    return { at: this.#next++, transport: link.transport, connection: link.origin.connection, uid };
  }
}
