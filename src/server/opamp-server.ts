import { type InspectOptions, inspect } from "node:util";
import { fromCaller, notConstructed } from "../base/checks.js";
import { parseInstanceUid } from "../base/instance-uid.js";
import { shown } from "../base/shown.js";
import type { WaitOptions } from "../base/wait-options.js";
import { OpAMPError } from "../errors.js";
import { AgentRegistry } from "./agents/agent-registry.js";
import type { ServerAgent } from "./agents/server-agent.js";
import { type Auth, checkAuth } from "./auth.js";
import { HookFaults } from "./hook-faults.js";
import type { LinkCounts, ServerLinkCounts, TransportName } from "./link/link.js";
import type { AgentEnd, ServerEnd } from "./link/memory-link.js";
import type { ServerTlsOptions, TlsFailure } from "./link/server-tls.js";
import { Admission } from "./listen/admission.js";
import type { Attempt } from "./listen/attempts.js";
import { Connections, type Traffic } from "./listen/connections.js";
import { Listener } from "./listen/listener.js";
import { type LogEntry, type MalformedInput, MessageLog } from "./message-log.js";
import { checkClose } from "./misbehave/check-misbehaviour.js";
import type { Misbehaviour } from "./misbehave/misbehaviour.js";
import { Orders, type ScriptedRefusal, type Throttle } from "./misbehave/orders.js";
import { Receiver } from "./receiver.js";
import { type OpAMPServerOptions, type ServerSettings, settingsOf } from "./server-options.js";
import { serverOutline } from "./server-outline.js";
import { Signer } from "./signing/signer.js";
import { Waits } from "./waits.js";

/**
 * A small OpAMP server for tests and demonstrations: WebSocket and HTTP on one port, with TLS, credentials and
 * compression if need be.
 *
 * It keeps agents by instance uid, answers every message, asks for the full state when it lacks something, and offers
 * configuration until its hash comes back. Whatever it does follows from a message or a call: it has no timers but those
 * for delays that were ordered. On order it also turns agents away and misbehaves as a broken server does.
 */
export class OpAMPServer {
  readonly #waits: Waits;
  readonly #registry: AgentRegistry;
  readonly #connections: Connections;
  readonly #orders = new Orders();
  readonly #admission: Admission;
  readonly #receiver: Receiver;
  readonly #listener: Listener;
  #attached = 0;
  #closing: Promise<void> | undefined;

  private constructor(settings: ServerSettings, signer?: Signer, start?: typeof OpAMPServer.start) {
    if (start !== OpAMPServer.start) throw notConstructed("OpAMPServer");
    const faults = new HookFaults();
    this.#waits = new Waits(() => {
      const { attempts, agents, trouble } = outline();
      return [...attempts, `agents that have spoken: ${agents.join(", ") || "none"}`, ...trouble];
    });
    const outline = () => serverOutline(this, this.#registry.exchanges, faults.outline(), this.#orders.outline());
    const changed = (): void => this.#waits.check();
    const log = new MessageLog(settings.keepMessages);
    this.#registry = new AgentRegistry({ ...settings, signer, log, outline, changed });
    this.#connections = new Connections(changed, settings.keepMessages);
    this.#admission = new Admission(settings, this.#orders, faults);
    this.#receiver = new Receiver(settings, this.#registry, this.#orders, faults);
    const withCa = { ...settings, ca: signer?.ca };
    this.#listener = new Listener(withCa, this.#connections, this.#admission, this.#receiver, changed);
  }

  /** Starts listening. Rejects with ERR_OPAMP_OPTION for options that do not work, such as a port in use. */
  static async start(options: OpAMPServerOptions = {}): Promise<OpAMPServer> {
    const settings = fromCaller(OpAMPServer.start, () => settingsOf(options));
    const { signingRequests, clock } = settings;
    const wallNow = (): number => clock.wallNow?.() ?? Date.now();
    const signer = signingRequests && (await Signer.start(signingRequests, wallNow));
    const server = new OpAMPServer(settings, signer, OpAMPServer.start);
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

  /**
   * The certificate of the authority that signs what agents ask for, PEM text: what a server must have as its `tls.ca` to let these
   * agents in. Throws ERR_OPAMP_OPTION on a server without `signingRequests`.
   */
  get ca(): string {
    const { signer } = this.#registry.side;
    if (signer !== undefined) return signer.ca;
    throw new OpAMPError("ERR_OPAMP_OPTION", "ca: the server has no authority", {
      hint: 'start it with `signingRequests: { issue: "at once" }`',
    });
  }

  /** The agents that have spoken, by their present uid as UUID text, in the order of their first words. */
  get agents(): ReadonlyMap<string, ServerAgent> {
    return this.#registry.seen;
  }

  /** Every message that was decoded or sent, in order. */
  get log(): readonly LogEntry[] {
    return this.#registry.side.log.entries;
  }

  /** What arrived and was not a message. */
  get malformed(): readonly MalformedInput[] {
    return this.#receiver.malformed.entries;
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
    return this.#connections.counts;
  }

  /** Bytes over all TCP connections there ever were; compression and TLS show here. */
  get traffic(): Traffic {
    return this.#connections.traffic;
  }

  /** Every upgrade and POST, in order, with its time and how it was answered; those that were refused or mistreated too. */
  get attempts(): readonly Attempt[] {
    return this.#listener.attempts.entries;
  }

  /** TCP connections whose TLS handshake failed. */
  get tlsFailures(): readonly TlsFailure[] {
    return this.#connections.tlsFailures.entries;
  }

  /**
   * The agent with this uid, also one that has not spoken yet. Takes 16 bytes, a ULID, or a UUID in any of its forms.
   * Throws ERR_OPAMP_INSTANCE_UID.
   */
  agent(uid: string | Uint8Array): ServerAgent {
    return this.#registry.find(parseInstanceUid(uid, "uid")).agent;
  }

  /** The agent that spoke first, as soon as there is one. Rejects as {@link OpAMPServer.until} does. */
  firstAgent(options: WaitOptions = {}): Promise<ServerAgent> {
    const call = { name: "server.firstAgent", method: this.firstAgent };
    return this.#waits.first(call, () => this.agents.values().next().value, options);
  }

  /**
   * Resolves once the predicate holds: at once if it does already, otherwise after the change that makes it true.
   *
   * Rejects as {@link ServerAgent.until} does.
   */
  until(predicate: (server: this) => boolean, options: WaitOptions = {}): Promise<this> {
    return this.#waits.until({ name: "server.until", method: this.until }, this, predicate, options);
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
    return this.#receiver.attach(transport, { connection: this.#attached, endpoint }, agent);
  }

  /**
   * Asks for other credentials from now on, or for none. Open connections stay: see {@link OpAMPServer.revoke}. Throws
   * ERR_OPAMP_OPTION.
   */
  setAuth(auth: Auth | undefined): void {
    fromCaller(this.setAuth, () => checkAuth(auth));
    this.#admission.auth = auth;
  }

  /**
   * Closes every WebSocket that the present `auth` would not let in; those that came while nobody had to show credentials
   * count as having none.
   */
  revoke(code = 1008, reason = "credentials revoked"): void {
    checkClose(code, reason);
    for (const link of this.#admission.unwelcome(this.#receiver.links)) link.close(code, reason);
    this.#check();
  }

  /** Shows another certificate from the next handshake on. Throws ERR_OPAMP_OPTION on a server without TLS. */
  setTls(tls: ServerTlsOptions): void {
    this.#listener.setTls(tls);
  }

  /** Answers the next upgrades and POSTs with a status, before they are looked at. Throws ERR_OPAMP_OPTION. */
  refuseNext(refusal: ScriptedRefusal, times = 1): void {
    this.#orders.refuse(refusal, times);
  }

  /** Answers the next messages with UNAVAILABLE (THR-01). Throws ERR_OPAMP_OPTION. */
  throttleNext(throttle: Throttle = {}): void {
    this.#orders.throttle(throttle);
  }

  /**
   * Does something wrong at the next occasion, or as often as `times` says. What is ordered first happens first; `close`
   * waits for a WebSocket. Throws ERR_OPAMP_OPTION for what is not a misbehaviour.
   */
  misbehave(misbehaviour: Misbehaviour): void {
    this.#orders.misbehave(misbehaviour);
  }

  /** Forgets every refusal, pause and misbehaviour that is still in store, those for single agents included. */
  behave(): void {
    this.#orders.clear();
    for (const { misbehaviours } of this.#registry.exchanges) misbehaviours.clear();
  }

  /** Cuts every connection at once, without any handshake, and goes on listening. */
  drop(): void {
    for (const link of this.#receiver.links) link.destroy();
    this.#connections.drop();
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

  /** How `console.log` shows it. @internal */
  [inspect.custom](depth: number, options: InspectOptions): string {
    const { url, httpUrl, connections, requests, attempts, agents } = this;
    return shown("OpAMPServer", { url, httpUrl, connections, requests, attempts, agents }, depth, options);
  }

  async #close(): Promise<void> {
    const closed = this.#listener.close();
    this.drop();
    const stopped = new OpAMPError("ERR_OPAMP_STOPPED", "the server was closed", { hint: "start a new OpAMPServer" });
    this.#registry.end(stopped);
    this.#waits.end(stopped);
    await closed;
  }

  #check(): void {
    for (const { waits } of this.#registry.exchanges) waits.check();
    this.#waits.check();
  }

  #counts(transport: TransportName): ServerLinkCounts {
    const maxima = this.#registry.exchanges.map((exchange) => exchange.counts(transport).maxOpen);
    const maxOpenPerAgent = maxima.reduce((one, other) => Math.max(one, other), 0);
    return { ...this.#receiver.counts(transport), maxOpenPerAgent };
  }
}
