import type { KeyValue } from "../../gen/opamp/v1/anyvalue_pb.js";
import type {
  ComponentHealth,
  ConnectionSettingsStatus,
  CustomMessage,
  EffectiveConfig,
  RemoteConfigStatus,
} from "../../gen/opamp/v1/opamp_pb.js";
import type { Health } from "../../values/health.js";
import { type PlainValue, plainAttributes } from "../../values/plain-attributes.js";

/** A file of an agent's effective configuration. */
export interface EffectiveFile {
  /** The content. */
  readonly body: Uint8Array;
  /** The media type, or empty. */
  readonly contentType: string;
  /** The body as UTF-8 text, with replacement characters for what is not UTF-8. */
  text(): string;
}

/** What an agent says of the configuration that it was offered. */
export interface ReportedConfig {
  /** `unset` before the first offer. */
  readonly status: "unset" | "applied" | "applying" | "failed";
  /** The hash of the offer that this is about; empty before the first. */
  readonly hash: Uint8Array;
  /** Why it failed; empty otherwise. */
  readonly error: string;
}

/** What an agent says of the connection settings that it was offered; `unset` also after it has gone back to its own. */
export type ReportedSettings = ReportedConfig;

/** A custom message that came from an agent. */
export interface ReceivedCustomMessage {
  /** The capability that it belongs to. */
  readonly capability: string;
  /** Unique only within the capability. */
  readonly type: string;
  /** In whatever format the capability defines. */
  readonly data: Uint8Array;
  /** The data as UTF-8 text, with replacement characters for what is not UTF-8. */
  text(): string;
}

/** By their numbers in the schema. */
const STATUS_WORDS = ["unset", "applied", "applying", "failed"] as const;

/** The files of a configuration by name, as a record without a prototype. */
export function effectiveFiles(config: EffectiveConfig | undefined): Record<string, EffectiveFile> {
  const files: Record<string, EffectiveFile> = Object.create(null);
  for (const [name, { body, contentType }] of Object.entries(config?.configMap?.configMap ?? {})) {
    files[name] = { body, contentType, text: () => textOf(body) };
  }
  return files;
}

export function reportedConfig(report: RemoteConfigStatus | undefined): ReportedConfig | undefined {
  return report && inWords(report, report.lastRemoteConfigHash);
}

export function reportedSettings(report: ConnectionSettingsStatus | undefined): ReportedSettings | undefined {
  return report && inWords(report, report.lastConnectionSettingsHash);
}

function inWords({ status, errorMessage: error }: RemoteConfigStatus | ConnectionSettingsStatus, hash: Uint8Array) {
  return { status: STATUS_WORDS[status] ?? "unset", hash, error };
}

/** Has only the members that say something. */
export function reportedHealth(health: ComponentHealth): Health {
  const { healthy, status, lastError, startTimeUnixNano, statusTimeUnixNano, componentHealthMap, attributes } = health;
  const components = Object.entries(componentHealthMap).map(([name, inner]) => [name, reportedHealth(inner)] as const);
  return {
    healthy,
    ...(status !== "" && { status }),
    ...(lastError !== "" && { lastError }),
    ...(startTimeUnixNano !== 0n && { startTime: startTimeUnixNano }),
    ...(statusTimeUnixNano !== 0n && { statusTime: statusTimeUnixNano }),
    ...(components.length > 0 && { components: Object.fromEntries(components) }),
    ...(attributes.length > 0 && { attributes: attributesOf(attributes) }),
  };
}

/** With the prototype that literals have, so that `deepStrictEqual` takes the two for equal. */
export function attributesOf(keyValues: readonly KeyValue[] = []): Record<string, PlainValue> {
  return { ...plainAttributes(keyValues) };
}

export function receivedCustomMessage({ capability, type, data }: CustomMessage): ReceivedCustomMessage {
  return { capability, type, data, text: () => textOf(data) };
}

function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
