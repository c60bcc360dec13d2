import type { IncomingMessage, ServerResponse } from "node:http";
import type { WebSocket } from "ws";
import { OpAMPError } from "../errors.js";
import { AgentRegistry } from "./agent-registry.js";
import { httpLink } from "./http-link.js";
import type { LinkCounts, LinkOrigin, TransportName } from "./link.js";
import { Links } from "./links.js";
import { Listener } from "./listener.js";
import { type AgentEnd, memoryLink, type ServerEnd } from "./memory-link.js";
import { type LogEntry, MessageLog } from "./message-log.js";
import { type MalformedInput, Receiver } from "./receiver.js";
import { refuse } from "./refusal.js";
import { readBody } from "./request-body.js";
import type { ServerAgent } from "./server-agent.js";
import { type OpAMPServerOptions, type ServerSettings, settingsOf } from "./server-options.js";
import { type WaitOptions, Waits } from "./waits.js";
import { listenTo, webSocketLink } from "./ws-link.js";

/** How many links a server has had. */
export interface ServerLinkCounts extends LinkCounts {
  /** The most that a single agent had open at the same time (DUP-01, HTTP-05). */
  readonly maxOpenPerAgent: number;
}

/**
 * A small OpAMP server for tests and demonstrations: WebSocket and plain HTTP on one port, without TLS.
 *
 * It keeps agents by instance uid, answers every message, asks for the full state when it lacks something, and offers
 * configuration until its hash comes back. It has no timers: whatever it does follows from a message or a call.
 */
export class OpAMPServer {
  readonly #maxMessageBytes: number;
  readonly #waits: Waits;
  readonly #log: MessageLog;
  readonly #links: Links;
  readonly #registry: AgentRegistry;
  readonly #receiver: Receiver;
  readonly #listener: Listener;
  #attached = 0;
  #closing: Promise<void> | undefined;

  private constructor(settings: ServerSettings) {
    const { announcement, keepMessages, maxMessageBytes } = settings;
    this.#maxMessageBytes = maxMessageBytes;
    this.#waits = new Waits(() => `the server on port ${this.port} (agents: ${this.agents.size})`);
    const changed = (): void => this.#waits.check();
    this.#log = new MessageLog(keepMessages);
    this.#links = new Links(changed);
    this.#registry = new AgentRegistry({ announcement, keepMessages, log: this.#log, changed }, () => this.url);
    this.#receiver = new Receiver(this.#registry, this.#links, this.#log, { hook: settings.onMessage, changed });
    this.#listener = new Listener({
      ...settings,
      changed,
      webSocket: (webSocket, origin) => this.#converse(webSocket, origin),
      request: (request, response, origin) => void this.#post(request, response, origin),
    });
  }

  /** Starts listening. Rejects with ERR_OPAMP_OPTION for options that do not work, such as a port in use. */
  static async start(options: OpAMPServerOptions = {}): Promise<OpAMPServer> {
    const server = new OpAMPServer(settingsOf(options));
    await server.#listener.start();
    return server;
  }

  /** The port it listens on. */
  get port(): number {
    return this.#listener.port;
  }

  /** The WebSocket endpoint. */
  get url(): string {
    return this.#listener.url("ws");
  }

  /** The plain HTTP endpoint. */
  get httpUrl(): string {
    return this.#listener.url("http");
  }

  /** The agents that have spoken, by their present uid as UUID text, in the order of their first words. */
  get agents(): ReadonlyMap<string, ServerAgent> {
    return this.#registry.seen;
  }

  /** Every message that was decoded or sent, in order. */
  get log(): readonly LogEntry[] {
    return this.#log.entries;
  }

  /** What arrived and was no message. */
  get malformed(): readonly MalformedInput[] {
    return this.#receiver.malformed;
  }

  /** WebSocket connections, those included over which no agent has spoken. */
  get connections(): ServerLinkCounts {
    return this.#counts("ws");
  }

  /** POSTs that carried a message. */
  get requests(): ServerLinkCounts {
    return this.#counts("http");
  }

  /** TCP connections, for either transport. */
  get sockets(): LinkCounts {
    return this.#listener.sockets;
  }

  /** The agent with this uid (16 bytes or UUID text), also one that has not spoken yet. Throws ERR_OPAMP_INSTANCE_UID. */
  agent(uid: string | Uint8Array): ServerAgent {
    return this.#registry.find(uid).agent;
  }

  /** The agent that spoke first, as soon as there is one. Rejects as {@link OpAMPServer.until} does. */
  firstAgent(options: WaitOptions = {}): Promise<ServerAgent> {
    return this.#waits.first(() => this.agents.values().next().value, options);
  }

  /**
   * Resolves once the predicate holds: at once if it does already, otherwise after the change that makes it true.
   *
   * Rejects as {@link ServerAgent.until} does.
   */
  until(predicate: (server: this) => boolean, options: WaitOptions = {}): Promise<this> {
    return this.#waits.until(this, predicate, options);
  }

  /**
   * Opens a link without a socket, as `memoryTransport` does: a connection on `ws`, a single POST on `http`. It counts and
   * is logged as one of these, numbered from 1 among its like, and `onConnect` is not asked.
   *
   * @returns The server's end of it; undefined once the server is closed.
   */
  attach(transport: TransportName, agent: AgentEnd): ServerEnd | undefined {
    if (this.#closing !== undefined) {
      return undefined;
    }
    this.#attached += 1;
    const origin = { connection: this.#attached, endpoint: this.#listener.url(transport) };
    const { link, shut } = memoryLink(transport, origin, agent);
    this.#links.add(link);
    return {
      payload: (payload) => this.#receiver.receive(link, payload),
      ended: () => {
        shut();
        this.#links.end(link);
      },
    };
  }

  /** Cuts every connection at once, without any handshake, and goes on listening. */
  drop(): void {
    this.#links.destroyAll();
    this.#listener.drop();
    this.#registry.check();
    this.#waits.check();
  }

  /** Cuts every connection, ends all waits with ERR_OPAMP_STOPPED and frees the port. Every call returns the same promise. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** The same as {@link OpAMPServer.close}, for `await using`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    const closed = this.#listener.close();
    this.drop();
    const stopped = new OpAMPError("ERR_OPAMP_STOPPED", "the server was closed", { hint: "start a new OpAMPServer" });
    this.#registry.end(stopped);
    this.#waits.end(stopped);
    await closed;
  }

  #converse(webSocket: WebSocket, origin: LinkOrigin): void {
    const link = webSocketLink(webSocket, origin);
    this.#links.add(link);
    listenTo(webSocket, {
      payload: (payload) => this.#receiver.receive(link, payload),
      malformed: (error) => this.#receiver.refuse(link, error),
      ended: () => this.#links.end(link),
    });
  }

  async #post(request: IncomingMessage, response: ServerResponse, origin: LinkOrigin): Promise<void> {
    const body = await readBody(request, this.#maxMessageBytes);
    if (response.destroyed) {
      return;
    }
    if (!body.ok) {
      refuse(response, body.refusal);
      return;
    }
    const link = httpLink(response, origin);
    this.#links.add(link);
    response.on("close", () => this.#links.end(link));
    this.#receiver.receive(link, body.payload);
  }

  #counts(transport: TransportName): ServerLinkCounts {
    return { ...this.#links.counts(transport), maxOpenPerAgent: this.#registry.maxOpen(transport) };
  }
}
