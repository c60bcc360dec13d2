import { type InspectOptions, inspect } from "node:util";
import { uidText } from "../../base/bytes.js";
import { shown } from "../../base/shown.js";
import { type CapabilityName, namesIn } from "../../core/capabilities.js";
import type {
  AgentToServer,
  AvailableComponents,
  ConnectionSettingsStatus,
  PackageStatuses,
  RemoteConfigStatus,
  ServerToAgent,
} from "../../gen/opamp/v1/opamp_pb.js";
import type { Health } from "../../values/health.js";
import type { PlainValue } from "../../values/plain-attributes.js";
import type { AgentLink, AgentLinkCounts } from "../link/link.js";
import type { LogEntry } from "../message-log.js";
import { readSigningRequest } from "../signing/read-request.js";
import type { SigningRequest } from "../signing/signing-options.js";
import type { AgentExchange } from "./agent-exchange.js";
import type { ReportedParts } from "./agent-record.js";
import {
  attributesOf,
  type EffectiveFile,
  effectiveFiles,
  type ReceivedCustomMessage,
  type ReportedConfig,
  type ReportedSettings,
  receivedCustomMessage,
  reportedConfig,
  reportedHealth,
  reportedSettings,
} from "./plain-values.js";

/** What an agent has said and how it is connected, as its server sees it. */
export class ReportedAgent {
  readonly #exchange: AgentExchange;

  constructor(exchange: AgentExchange) {
    this.#exchange = exchange;
  }

  /** The instance uid that the agent used last, 16 bytes. */
  get uid(): Uint8Array {
    return this.#exchange.uid;
  }

  /** The same as UUID text. */
  get uidText(): string {
    return uidText(this.uid);
  }

  /** Whether a WebSocket is open on which the agent has spoken. */
  get connected(): boolean {
    return this.#exchange.webSocket !== undefined;
  }

  /** Whether the last message was agent_disconnect (CLOSE-01). */
  get disconnected(): boolean {
    return this.#exchange.record.disconnected;
  }

  /** The link over which the agent spoke last, open or not: transport, TLS, compression. Undefined before its first words. */
  get link(): AgentLink | undefined {
    return this.#exchange.link;
  }

  /** The agent's WebSocket connections. */
  get connections(): AgentLinkCounts {
    return this.#exchange.counts("ws");
  }

  /** The agent's POSTs. */
  get requests(): AgentLinkCounts {
    return this.#exchange.counts("http");
  }

  /** All parts that the agent has reported, as messages of the protocol. */
  get reported(): ReportedParts {
    return this.#exchange.record.parts;
  }

  /** The attributes of the description as plain values; empty records before the first. */
  get attributes(): { identifying: Record<string, PlainValue>; nonIdentifying: Record<string, PlainValue> } {
    const { description } = this.reported;
    return {
      identifying: attributesOf(description?.identifyingAttributes),
      nonIdentifying: attributesOf(description?.nonIdentifyingAttributes),
    };
  }

  /**
   * The health reported last, as a client's `setHealth` takes it: with the members that were reported, and times in
   * nanoseconds since the Unix epoch. Undefined before the first report.
   */
  get health(): Health | undefined {
    const { health } = this.reported;
    return health && reportedHealth(health);
  }

  /** What the agent says of the configuration on offer. Undefined before the first report. */
  get remoteConfig(): ReportedConfig | undefined {
    return reportedConfig(this.reported.remoteConfigStatus);
  }

  /**
   * What the agent says of the connection settings that it was offered last, by this server or by another one. Undefined before
   * the first report.
   */
  get connectionSettings(): ReportedSettings | undefined {
    return reportedSettings(this.reported.connectionSettingsStatus);
  }

  /** The signing request that came last, read (CERT-05). Throws ERR_OPAMP_OPTION where @peculiar/x509 is not installed. */
  get signingRequest(): SigningRequest | undefined {
    const { signing } = this.#exchange;
    return signing && readSigningRequest(signing.csr, signing.uid).shown;
  }

  /** The files of the effective configuration by name; empty before the first report. */
  get effectiveFiles(): Record<string, EffectiveFile> {
    return effectiveFiles(this.reported.effectiveConfig);
  }

  /**
   * The remote_config_status, as in {@link reported}.
   *
   * @deprecated use {@link remoteConfig}
   */
  get remoteConfigStatus(): RemoteConfigStatus | undefined {
    return this.reported.remoteConfigStatus;
  }

  /** The package_statuses, as in {@link reported}. */
  get packageStatuses(): PackageStatuses | undefined {
    return this.reported.packageStatuses;
  }

  /** The connection_settings_status, as in {@link reported}. */
  get connectionSettingsStatus(): ConnectionSettingsStatus | undefined {
    return this.reported.connectionSettingsStatus;
  }

  /** The available_components, as in {@link reported}. */
  get availableComponents(): AvailableComponents | undefined {
    return this.reported.availableComponents;
  }

  /** The capabilities that the last message declared; bits without a name are left out. */
  get capabilities(): ReadonlySet<CapabilityName> {
    return namesIn(this.capabilityMask);
  }

  /** The capability bits of the last message; 0 before the first. */
  get capabilityMask(): bigint {
    return this.#exchange.record.capabilities;
  }

  /** The custom capabilities reported last. */
  get customCapabilities(): readonly string[] {
    return this.#exchange.record.customCapabilities;
  }

  /** The custom messages that came, the oldest first; as far back as the server keeps messages. */
  get customMessages(): readonly ReceivedCustomMessage[] {
    return this.received.flatMap(({ customMessage }) => (customMessage ? [receivedCustomMessage(customMessage)] : []));
  }

  /** The sequence_num of the last message. */
  get sequenceNum(): bigint | undefined {
    return this.#exchange.record.sequenceNum;
  }

  /** How many messages had another sequence_num than the one due (SEQ-01). A restart at 0 or 1 with a full report does not count. */
  get gaps(): number {
    return this.#exchange.record.gaps;
  }

  /** The message that came last. */
  get lastMessage(): AgentToServer | undefined {
    return this.#exchange.lastMessage;
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

  /** How `console.log` shows it. @internal */
  [inspect.custom](depth: number, options: InspectOptions): string {
    const { uidText, connected, sequenceNum, capabilities, attributes, health, remoteConfig, effectiveFiles } = this;
    const { connectionSettings } = this;
    const [received, sent] = [this.received.length, this.sent.length];
    const reported = { capabilities, attributes, health, remoteConfig, effectiveFiles, connectionSettings };
    return shown("ServerAgent", { uidText, connected, sequenceNum, received, sent, ...reported }, depth, options);
  }
}
