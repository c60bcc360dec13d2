import type { IncomingMessage, ServerResponse } from "node:http";
import type { WebSocket } from "ws";
import { OpAMPError } from "../errors.js";
import { AgentRegistry } from "./agents/agent-registry.js";
import { Links } from "./agents/links.js";
import { type LogEntry, MessageLog } from "./agents/message-log.js";
import { MessageScript, type Throttle } from "./agents/message-script.js";
import { type MalformedInput, Receiver } from "./agents/receiver.js";
import type { ServerAgent } from "./agents/server-agent.js";
import { BoundedList } from "./bounded-list.js";
import { httpLink } from "./link/http-link.js";
import type { LinkCounts, LinkOrigin, ServerLinkCounts, TransportName } from "./link/link.js";
import { type AgentEnd, memoryLink, type ServerEnd } from "./link/memory-link.js";
import { refuse } from "./link/refusal.js";
import type { ServerTlsOptions, TlsFailure } from "./link/server-tls.js";
import { listenTo, webSocketLink } from "./link/ws-link.js";
import type { Attempt } from "./listen/attempts.js";
import type { Auth } from "./listen/auth.js";
import type { Traffic } from "./listen/connections.js";
import { Door, type ScriptedRefusal } from "./listen/door.js";
import { Listener } from "./listen/listener.js";
import { readBody } from "./listen/request-body.js";
import type { Misbehaviour } from "./misbehave/misbehaviour.js";
import { type OpAMPServerOptions, type ServerSettings, settingsOf } from "./server-options.js";
import { Timers } from "./timers.js";
import { type WaitOptions, Waits } from "./waits.js";

/**
 * A small OpAMP server for tests and demonstrations: WebSocket and HTTP on one port, with TLS, credentials and
 * compression if need be.
 *
 * It keeps agents by instance uid, answers every message, asks for the full state when it lacks something, and offers
 * configuration until its hash comes back. Whatever it does follows from a message or a call: it has no timers but those
 * for delays that were ordered. On order it also turns agents away and misbehaves in every way that a network or a broken
 * server can.
 */
export class OpAMPServer {
  readonly #maxMessageBytes: number;
  readonly #waits: Waits;
  readonly #log: MessageLog;
  readonly #links: Links;
  readonly #registry: AgentRegistry;
  readonly #receiver: Receiver;
  readonly #listener: Listener;
  readonly #timers: Timers;
  readonly #door: Door;
  readonly #script: MessageScript;
  readonly #attempts: BoundedList<Attempt>;
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
    this.#timers = new Timers(settings.clock);
    this.#door = new Door(settings);
    this.#attempts = new BoundedList(keepMessages);
    this.#script = new MessageScript({
      timers: this.#timers,
      reset: ({ wire }) => wire && this.#listener.connections.reset(wire.socket),
    });
    const user = { hook: settings.onMessage, changed };
    this.#receiver = new Receiver(this.#registry, this.#links, this.#log, this.#script, user, keepMessages);
    this.#listener = new Listener({
      ...settings,
      door: this.#door,
      timers: this.#timers,
      attempts: this.#attempts,
      changed,
      webSocket: (webSocket, request, origin) => this.#converse(webSocket, request, origin),
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

  /** The WebSocket endpoint: ws, or wss with `tls`. */
  get url(): string {
    return this.#listener.url("ws");
  }

  /** The HTTP endpoint: http, or https with `tls`. */
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
    return this.#listener.connections.counts;
  }

  /** Bytes over all TCP connections there ever were; compression and TLS show here. */
  get traffic(): Traffic {
    return this.#listener.connections.traffic;
  }

  /** Every upgrade and POST, in order, with its time and how it was answered; those that were refused or mistreated too. */
  get attempts(): readonly Attempt[] {
    return this.#attempts.entries;
  }

  /** TCP connections whose TLS handshake failed. */
  get tlsFailures(): readonly TlsFailure[] {
    return this.#listener.connections.tlsFailures;
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
    const endpoint = this.#listener.url(transport);
    const { link, shut } = memoryLink(transport, { connection: this.#attached, endpoint }, agent);
    this.#links.add(link);
    return {
      payload: (payload) => this.#receiver.receive(link, payload),
      ended: () => {
        shut();
        this.#links.end(link);
      },
    };
  }

  /** Asks for other credentials from now on, or for none. Open connections stay: see {@link OpAMPServer.revoke}. */
  setAuth(auth: Auth | undefined): void {
    this.#door.auth = auth;
  }

  /**
   * Closes every WebSocket that the present `auth` would not let in; those that came while nobody had to show credentials
   * count as having none.
   */
  revoke(code = 1008, reason = "credentials revoked"): void {
    for (const link of this.#door.unwelcome(this.#links.open())) link.close(code, reason);
    this.#check();
  }

  /** Shows another certificate from the next handshake on. Throws ERR_OPAMP_OPTION on a server without TLS. */
  setTls(tls: ServerTlsOptions): void {
    this.#listener.setTls(tls);
  }

  /** Answers the next upgrades and POSTs with a status, before they are looked at. Throws as `misbehave` does. */
  refuseNext(refusal: ScriptedRefusal, times = 1): void {
    this.#door.refusals.add(refusal, times);
  }

  /** Answers the next messages with UNAVAILABLE (THR-01). Throws as `misbehave` does. */
  throttleNext(throttle: Throttle = {}): void {
    this.#script.throttles.add(throttle, throttle.times);
  }

  /**
   * Does something wrong the next time, or times, that there is an occasion. What is ordered first happens first; what an
   * occasion does not allow, such as a text message over HTTP, waits for the next. Throws ERR_OPAMP_OPTION for a number of
   * times that is none.
   */
  misbehave(misbehaviour: Misbehaviour): void {
    const { times } = misbehaviour;
    if (misbehaviour.on === "connect") this.#door.onConnect.add(misbehaviour, times);
    else if (misbehaviour.on === "request") this.#door.onRequest.add(misbehaviour, times);
    else this.#script.misbehaviours.add(misbehaviour, times);
  }

  /** Forgets every refusal, pause and misbehaviour that is still in store, those for single agents included. */
  behave(): void {
    this.#door.clear();
    this.#script.clear();
    this.#registry.behave();
  }

  /** Cuts every connection at once, without any handshake, and goes on listening. */
  drop(): void {
    this.#links.destroyAll();
    this.#listener.connections.drop();
    this.#check();
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
    this.#timers.end();
    const closed = this.#listener.close();
    this.drop();
    const stopped = new OpAMPError("ERR_OPAMP_STOPPED", "the server was closed", { hint: "start a new OpAMPServer" });
    this.#registry.end(stopped);
    this.#waits.end(stopped);
    await closed;
  }

  #converse(webSocket: WebSocket, request: IncomingMessage, origin: LinkOrigin): void {
    const link = webSocketLink(webSocket, request.socket, origin);
    this.#door.entered(link, request);
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

  #check(): void {
    this.#registry.check();
    this.#waits.check();
  }

  #counts(transport: TransportName): ServerLinkCounts {
    return { ...this.#links.counts(transport), maxOpenPerAgent: this.#registry.maxOpen(transport) };
  }
}
