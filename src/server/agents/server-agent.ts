import { sameBytes, uidText } from "../../base/bytes.js";
import { parseInstanceUid } from "../../base/instance-uid.js";
import {
  type AgentToServer,
  CommandType,
  RemoteConfigStatuses,
  type ServerErrorResponseType,
  type ServerToAgent,
  ServerToAgentFlags,
} from "../../gen/opamp/v1/opamp_pb.js";
import { type PlainValue, plainAttributes } from "../../values/plain-attributes.js";
import { errorAnswer, type ServerToAgentFields } from "../answer.js";
import type { AgentLink, AgentLinkCounts } from "../link/link.js";
import type { LogEntry } from "../message-log.js";
import type { AgentMisbehaviour } from "../misbehave/misbehaviour.js";
import type { WaitOptions } from "../waits.js";
import type { AgentExchange, AgentView } from "./agent-exchange.js";
import { AgentRecord } from "./agent-record.js";
import { configOffer, heartbeatOffer, type OfferedFile } from "./offers.js";
import { type EffectiveFile, effectiveFiles } from "./plain-values.js";

/**
 * One agent as its server sees it: what it reported, and what can be done to it.
 *
 * Messages to the agent leave at once over an open WebSocket. Without one they wait, and the next answer takes as many
 * as fit in one message. Nothing checks the agent's capabilities, so that a test can offer what an agent did not declare.
 */
export class ServerAgent extends AgentRecord implements AgentView {
  /** The instance uid that the agent used last, 16 bytes. */
  readonly uid: Uint8Array;
  /** The link over which the agent spoke last, open or not: transport, TLS, compression. Undefined before its first words. */
  readonly link: AgentLink | undefined;
  /** The message that came last. */
  readonly lastMessage: AgentToServer | undefined;
  readonly #exchange: AgentExchange;
  /** Makes the agent known under one more uid. */
  readonly #claim: (uid: Uint8Array) => void;

  constructor(exchange: AgentExchange, claim: (uid: Uint8Array) => void) {
    super();
    this.uid = exchange.view.uid;
    this.#exchange = exchange;
    this.#claim = claim;
    // From now on the exchange writes what it learns where users read it.
    exchange.view = this;
  }

  /** The same as UUID text. */
  get uidText(): string {
    return uidText(this.uid);
  }

  /** Whether a WebSocket is open on which the agent has spoken. */
  get connected(): boolean {
    return this.#exchange.webSocket !== undefined;
  }

  /** The agent's WebSocket connections. */
  get connections(): AgentLinkCounts {
    return this.#exchange.counts("ws");
  }

  /** The agent's POSTs. */
  get requests(): AgentLinkCounts {
    return this.#exchange.counts("http");
  }

  /** The attributes of the description as plain values; empty records before the first. */
  get attributes(): { identifying: Record<string, PlainValue>; nonIdentifying: Record<string, PlainValue> } {
    const { identifyingAttributes = [], nonIdentifyingAttributes = [] } = this.description ?? {};
    return {
      identifying: plainAttributes(identifyingAttributes),
      nonIdentifying: plainAttributes(nonIdentifyingAttributes),
    };
  }

  /** The files of the effective configuration by name; empty before the first report. */
  get effectiveFiles(): Record<string, EffectiveFile> {
    return effectiveFiles(this.effectiveConfig);
  }

  /** The agent's part of the server's log. */
  get messages(): readonly LogEntry[] {
    return this.#exchange.log.entries;
  }

  /** The messages from the agent, out of {@link messages}. */
  get received(): AgentToServer[] {
    return this.messages.flatMap((entry) => (entry.direction === "in" ? [entry.message] : []));
  }

  /** The messages to the agent, out of {@link messages}. */
  get sent(): ServerToAgent[] {
    return this.messages.flatMap((entry) => (entry.direction === "out" ? [entry.message] : []));
  }

  /**
   * Resolves once the predicate holds: at once if it does already, otherwise after the change that makes it true.
   *
   * Rejects with ERR_OPAMP_TIMEOUT if the signal aborts first, with ERR_OPAMP_STOPPED if the server closes first, and
   * with whatever the predicate throws.
   */
  until(predicate: (agent: this) => boolean, options: WaitOptions = {}): Promise<this> {
    return this.#exchange.waits.until(this, predicate, options);
  }

  /** Whether the agent reported this configuration as applied. Default: the one on offer. */
  hasApplied(hash: Uint8Array | undefined = this.#exchange.offer?.configHash): boolean {
    const status = this.remoteConfigStatus;
    return (
      hash !== undefined &&
      status?.status === RemoteConfigStatuses.RemoteConfigStatuses_APPLIED &&
      sameBytes(hash, status.lastRemoteConfigHash)
    );
  }

  /**
   * Offers a configuration: at once over an open WebSocket, and in every answer until the agent reports its hash.
   *
   * @returns The hash: the one given, or SHA-256 over names, bodies and media types in the order given.
   */
  offerConfig(
    files: Readonly<Record<string, OfferedFile>>,
    options: { hash?: Uint8Array | undefined } = {},
  ): Uint8Array {
    const offer = configOffer(files, options.hash);
    this.#exchange.offer = offer;
    if (this.connected) this.send({ remoteConfig: offer });
    return offer.configHash;
  }

  /** Stops offering. */
  withdrawConfig(): void {
    this.#exchange.offer = undefined;
  }

  /** Asks for a complete report (STATUS-07). */
  requestFullState(): void {
    this.send({ flags: BigInt(ServerToAgentFlags.ServerToAgentFlags_ReportFullState) });
  }

  /** Asks for the map of available components (COMP-05). */
  requestComponents(): void {
    this.send({ flags: BigInt(ServerToAgentFlags.ServerToAgentFlags_ReportAvailableComponents) });
  }

  /** Sends the restart command, in a message of its own (CMD-02). */
  restart(): void {
    this.send({ command: { type: CommandType.CommandType_Restart } });
  }

  /** Sends a custom message, and announces its capability to the agent, which can then answer (CUSTOM-04). */
  sendCustom(capability: string, type: string, data: Uint8Array = new Uint8Array()): void {
    this.#exchange.announce(capability);
    this.send({ customMessage: { capability, type, data } });
  }

  /**
   * Gives the agent another uid (UID-05). From now on the server knows it under both; {@link uid} changes with the
   * first message that carries the new one. Takes what {@link OpAMPServer.agent} does. Throws ERR_OPAMP_INSTANCE_UID for
   * what is not a uid, and for a uid in use.
   */
  assignUid(newUid: string | Uint8Array): void {
    const newInstanceUid = parseInstanceUid(newUid, "newUid");
    this.#claim(newInstanceUid);
    this.send({ agentIdentification: { newInstanceUid } });
  }

  /**
   * Offers a heartbeat interval in seconds (HB-02), with the endpoint by which the agent reached this server.
   *
   * @returns The hash of the offer.
   */
  offerHeartbeat(seconds: number | bigint): Uint8Array {
    const connectionSettings = heartbeatOffer(this.#exchange.endpoint, seconds);
    this.send({ connectionSettings });
    return connectionSettings.hash;
  }

  /** Makes the next answer an error (MSG-03), with a delay in nanoseconds if one is given (THR-02). */
  respondWithError(type: ServerErrorResponseType, message = "", retryAfterNanoseconds?: bigint): void {
    this.#exchange.refuseNext(errorAnswer(type, message, retryAfterNanoseconds));
  }

  /**
   * Answers this agent's next messages badly, before anything that {@link OpAMPServer.misbehave} has in store. Throws
   * ERR_OPAMP_OPTION unless `times` is a whole number or Infinity.
   */
  misbehave(misbehaviour: AgentMisbehaviour): void {
    this.#exchange.misbehaviours.add(misbehaviour, misbehaviour.times);
  }

  /** Sends any fields; `instance_uid` is filled in unless given. Throws for values that do not fit the schema. */
  send(fields: ServerToAgentFields): void {
    this.#exchange.deliver(fields);
  }

  /** Sends a binary WebSocket message of exactly these bytes, past the log. Throws ERR_OPAMP_CLOSED without a WebSocket. */
  sendRaw(bytes: Uint8Array): void {
    this.#exchange.sendAsIs(bytes);
  }

  /** Sends a WebSocket text message, past the log. Throws ERR_OPAMP_CLOSED without a WebSocket. */
  sendText(text: string): void {
    this.#exchange.sendAsIs(text);
  }

  /** Cuts the agent's TCP connections, without any handshake. */
  drop(): void {
    for (const link of this.#exchange.links) link.destroy();
    this.#exchange.changed();
  }

  /** Starts the closing handshake on the agent's WebSockets. Default: 1000, no reason. */
  close(code = 1000, reason = ""): void {
    for (const link of this.#exchange.links) {
      if (link.transport === "ws" && link.isOpen()) link.close(code, reason);
    }
    this.#exchange.changed();
  }

  /** Forgets what the agent reported, its sequence_num included, as a restarted server would. */
  forget(): void {
    this.#exchange.forget();
  }
}
