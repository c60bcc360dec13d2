import { bytesOf, sameBytes } from "../../base/bytes.js";
import { wrongKind } from "../../base/checks.js";
import { parseInstanceUid } from "../../base/instance-uid.js";
import { checkByRules, isBytes, isCapability, isText, isTextOrBytes, isWholeNumber } from "../../base/rules.js";
import type { WaitOptions } from "../../base/wait-options.js";
import {
  CommandType,
  type ConnectionSettingsOffers,
  type ServerErrorResponseType,
  ServerToAgentFlags,
} from "../../gen/opamp/v1/opamp_pb.js";
import { checkFields, errorAnswer, type ServerToAgentFields } from "../answer.js";
import { checkClose, checkMisbehaviour } from "../misbehave/check-misbehaviour.js";
import type { AgentMisbehaviour } from "../misbehave/misbehaviour.js";
import type { AgentExchange } from "./agent-exchange.js";
import { offeredSettings } from "./offer-outline.js";
import { configOffer, type OfferedFile } from "./offers.js";
import type { ReceivedCustomMessage, ReportedConfig } from "./plain-values.js";
import { ReportedAgent } from "./reported-agent.js";
import { heartbeatOffer, type OfferedSettings, settingsOffer } from "./settings-offer.js";
import { type IssueCertificateOptions, issueCertificate, refuseSigningRequest } from "./signing.js";

/** The largest value of an enum (protobuf: int32). */
const MAX_ENUM = 2 ** 31 - 1;

/**
 * One agent as its server sees it: what it reported, and what can be done to it.
 *
 * Messages to the agent leave at once over an open WebSocket. Without one they wait, and the next answer takes as many
 * as fit in one message. Nothing checks the agent's capabilities, so that a test can offer what an agent did not declare.
 */
export class ServerAgent extends ReportedAgent {
  readonly #exchange: AgentExchange;
  /** Makes the agent known under one more uid. */
  readonly #claim: (uid: Uint8Array) => void;

  constructor(exchange: AgentExchange, claim: (uid: Uint8Array) => void) {
    super(exchange);
    this.#exchange = exchange;
    this.#claim = claim;
  }

  /**
   * Resolves once the predicate holds: at once if it does already, otherwise after the change that makes it true. Waits in
   * real time, whatever the server's `clock` is, and keeps the process alive meanwhile.
   *
   * Rejects with ERR_OPAMP_TIMEOUT, and with what was seen of the agent, after 5 seconds, 3 under vitest and Jest (`timeoutMs`), or when the signal
   * aborts, with ERR_OPAMP_STOPPED if the server closes first, and with whatever the predicate throws.
   */
  until(predicate: (agent: this) => boolean, options: WaitOptions = {}): Promise<this> {
    return this.#exchange.waits.until({ name: "agent.until", method: this.until }, this, predicate, options);
  }

  /** Whether the agent reported this configuration as applied. Default: the one on offer. */
  hasApplied(hash: Uint8Array | undefined = this.#exchange.offer?.configHash): boolean {
    return reports(this.remoteConfig, "applied", hash);
  }

  /** Whether the agent reported that this configuration failed. Default: the one on offer. */
  hasFailed(hash: Uint8Array | undefined = this.#exchange.offer?.configHash): boolean {
    return reports(this.remoteConfig, "failed", hash);
  }

  /**
   * Offers a configuration: at once over an open WebSocket, and in every answer until the agent reports its hash.
   *
   * @returns The hash: the one given, or SHA-256 over names, bodies and media types in the order given.
   * @throws {OpAMPError} ERR_OPAMP_OPTION naming the file that is not one
   */
  offerConfig(
    files: Readonly<Record<string, OfferedFile>>,
    options: { hash?: Uint8Array | undefined } = {},
  ): Uint8Array {
    checkByRules("offerConfig", options, { hash: isBytes });
    const offer = configOffer(files, options.hash);
    this.#exchange.offer = offer;
    if (this.connected) this.send({ remoteConfig: offer });
    return offer.configHash;
  }

  /** Stops offering. */
  withdrawConfig(): void {
    this.#exchange.offer = undefined;
  }

  /**
   * Whether the agent reported these connection settings as applied. Default: those that it was offered last, here; on the server that
   * it was moved to, give the hash that {@link ServerAgent.offerSettings} returned.
   */
  hasAppliedSettings(hash: Uint8Array | undefined = offeredSettings(this.#exchange)?.hash): boolean {
    return reports(this.connectionSettings, "applied", hash);
  }

  /** Whether the agent reported that these connection settings failed. Default: those that it was offered last, here. */
  hasFailedSettings(hash: Uint8Array | undefined = offeredSettings(this.#exchange)?.hash): boolean {
    return reports(this.connectionSettings, "failed", hash);
  }

  /**
   * Offers connection settings: at once over an open WebSocket, and in every answer until the agent reports their hash. An agent
   * that is moved to another server reports APPLIED there; once it has left for an offered endpoint, it is not offered that again.
   *
   * @returns The hash: the one given, or SHA-256 over the offer.
   * @throws {OpAMPError} ERR_OPAMP_OPTION naming what is wrong. What an agent must refuse goes with {@link ServerAgent.send}.
   */
  offerSettings(settings: OfferedSettings): Uint8Array {
    return this.#offer(settingsOffer(settings));
  }

  /** Stops offering connection settings, certificates included. */
  withdrawSettings(): void {
    this.#exchange.settings = undefined;
  }

  /**
   * Offers a certificate for {@link signingRequest}, without a private key (CERT-07), as {@link ServerAgent.offerSettings} does.
   *
   * @returns the hash of the offer
   * @throws {OpAMPError} ERR_OPAMP_OPTION without a good request, and on a server without `signingRequests`
   */
  async issueCertificate(options: IssueCertificateOptions = {}): Promise<Uint8Array> {
    return this.#offer(await issueCertificate(this.#exchange, options));
  }

  /**
   * Answers {@link signingRequest} with BAD_REQUEST (CERT-08): at once over an open WebSocket, otherwise in place of the next answer.
   * Throws ERR_OPAMP_OPTION where there is no request.
   */
  refuseSigningRequest(message?: string): void {
    if (message !== undefined) isText("message", message);
    this.send(refuseSigningRequest(this.#exchange, message));
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

  /**
   * Sends a custom message, text as UTF-8, and announces its capability to the agent, which can then answer (CUSTOM-04).
   * Throws ERR_OPAMP_OPTION for values of the wrong kind.
   */
  sendCustom(capability: string, type: string, data: string | Uint8Array = ""): void {
    isCapability("capability", capability);
    isText("type", type);
    isTextOrBytes("data", data);
    this.#exchange.announce(capability);
    this.send({ customMessage: { capability, type, data: bytesOf(data) } });
  }

  /**
   * The first custom message of this capability and type, as soon as there is one. Announces the capability to the agent,
   * which sends nothing for it before (CUSTOM-04). Waits and rejects as {@link ServerAgent.until} does.
   */
  async receiveCustom(capability: string, type: string, options: WaitOptions = {}): Promise<ReceivedCustomMessage> {
    isCapability("capability", capability);
    isText("type", type);
    if (this.#exchange.announce(capability) && this.connected) this.send({});
    const name = `agent.receiveCustom(${JSON.stringify(capability)}, ${JSON.stringify(type)})`;
    const isIt = (message: ReceivedCustomMessage) => message.capability === capability && message.type === type;
    const probe = () => this.customMessages.find(isIt);
    return this.#exchange.waits.first({ name, method: this.receiveCustom }, probe, options);
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
   * Offers a heartbeat interval in seconds and nothing else (HB-02), once; connection settings that are on offer are
   * withdrawn. An interval of 0 makes an offer that names nothing: an agent that accepts settings for its connection refuses it
   * unless its option `heartbeat.zero` is `"off"`, and any other sends no more heartbeats.
   *
   * @returns The hash of the offer.
   */
  offerHeartbeat(seconds: number | bigint): Uint8Array {
    const connectionSettings = heartbeatOffer(seconds);
    this.withdrawSettings();
    this.send({ connectionSettings });
    return connectionSettings.hash;
  }

  /** Makes the next answer an error (MSG-03), with a delay in nanoseconds if one is given (THR-02). */
  respondWithError(type: ServerErrorResponseType, message = "", retryAfterNanoseconds?: bigint): void {
    isWholeNumber(0, MAX_ENUM)("type", type);
    isText("message", message);
    if (retryAfterNanoseconds !== undefined && typeof retryAfterNanoseconds !== "bigint") {
      throw wrongKind("retryAfterNanoseconds", "a bigint", retryAfterNanoseconds);
    }
    this.#exchange.refuseNext(errorAnswer(type, message, retryAfterNanoseconds));
  }

  /**
   * Answers this agent's next messages badly, before anything that {@link OpAMPServer.misbehave} has in store. Throws
   * ERR_OPAMP_OPTION for what is not a misbehaviour towards messages.
   */
  misbehave(misbehaviour: AgentMisbehaviour): void {
    checkMisbehaviour(misbehaviour, ["message"]);
    this.#exchange.misbehaviours.add(misbehaviour, misbehaviour.times);
  }

  /** Sends any fields; `instance_uid` is filled in unless given. Throws for values that do not fit the schema. */
  send(fields: ServerToAgentFields): void {
    checkFields("send", fields);
    this.#exchange.deliver(fields);
  }

  /** Sends a binary WebSocket message of exactly these bytes, past the log. Throws ERR_OPAMP_CLOSED without a WebSocket. */
  sendRaw(bytes: Uint8Array): void {
    isBytes("bytes", bytes);
    this.#exchange.sendAsIs(bytes);
  }

  /** Sends a WebSocket text message, past the log. Throws ERR_OPAMP_CLOSED without a WebSocket. */
  sendText(text: string): void {
    isText("text", text);
    this.#exchange.sendAsIs(text);
  }

  /** Cuts the agent's TCP connections, without any handshake. */
  drop(): void {
    for (const link of this.#exchange.links) link.destroy();
    this.#exchange.changed();
  }

  /** Starts the closing handshake on the agent's WebSockets. Default: 1000, no reason. */
  close(code = 1000, reason = ""): void {
    checkClose(code, reason);
    for (const link of this.#exchange.links) {
      if (link.transport === "ws" && link.isOpen()) link.close(code, reason);
    }
    this.#exchange.changed();
  }

  /** Forgets what the agent reported, its sequence_num included, as a restarted server would. */
  forget(): void {
    this.#exchange.forget();
  }

  #offer(settings: ConnectionSettingsOffers): Uint8Array {
    this.#exchange.settings = settings;
    if (this.connected) this.send({ connectionSettings: settings });
    return settings.hash;
  }
}

function reports(
  report: ReportedConfig | undefined,
  status: "applied" | "failed",
  hash: Uint8Array | undefined,
): boolean {
  if (hash !== undefined) isBytes("hash", hash);
  return report?.status === status && sameBytes(hash, report.hash);
}
