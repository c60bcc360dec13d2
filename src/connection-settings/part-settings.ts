import {
  type Check,
  type ClientCertificate,
  decodePlain,
  encodePlain,
  has,
  isHeaders,
  isText,
  MEMBERS,
  type OfferedProxy,
  type OfferedTls,
  samePlain,
} from "./snapshot.js";

/** What the settings of every connection have besides where it leads. What is not there is not to be used. */
interface CommonSettings {
  /** Request headers, where the connection is made over HTTP; names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** A client certificate. */
  readonly certificate?: ClientCertificate | undefined;
  /** How to verify, and with which versions. */
  readonly tls?: OfferedTls | undefined;
  /** The proxy to go through. */
  readonly proxy?: OfferedProxy | undefined;
}

/** Where an agent sends metrics, traces or logs about itself, by OTLP over HTTP (OWN-01). */
export interface TelemetrySettings extends CommonSettings {
  /** An http or https URL with its path, to be used as it is (OWN-06). */
  readonly endpoint: string;
}

/** Settings for a connection whose meaning the agent defines (CONN-16). */
export interface OtherSettings extends CommonSettings {
  /** Which connection it is, as agent and server call it. */
  readonly name: string;
  /** In whatever form the agent understands; `""` as long as none was offered. */
  readonly endpoint: string;
  /** For the agent to make sense of. */
  readonly otherSettings: Readonly<Record<string, string>>;
}

/** Settings for a connection other than the agent's own to its server. */
export type PartSettings = TelemetrySettings | OtherSettings;

/** A member of settings that can be another one than before. */
export type SettingsMember = "endpoint" | "headers" | "certificate" | "tls" | "proxy" | "otherSettings";

const MEMBER_NAMES = ["endpoint", "headers", "certificate", "tls", "proxy", "otherSettings"] as const;
const TELEMETRY: Readonly<Record<string, Check>> = MEMBERS;
const OTHER: Readonly<Record<string, Check>> = { ...MEMBERS, name: isText, otherSettings: isHeaders };

/** Whether these are settings by a name. */
export function isOther(settings: PartSettings): settings is OtherSettings {
  return "name" in settings;
}

/**
 * The members in which settings differ from those before.
 *
 * @param before `undefined` for none: then all that is set differs
 */
export function changedMembers(before: PartSettings | undefined, settings: PartSettings): readonly SettingsMember[] {
  const from: Readonly<Record<string, unknown>> = { headers: {}, otherSettings: {}, endpoint: "", ...before };
  const to: Readonly<Record<string, unknown>> = { otherSettings: {}, ...settings };
  return MEMBER_NAMES.filter((name) => !samePlain({ value: from[name] }, { value: to[name] }));
}

/** Settings of {@link encodePlain}; `undefined` for anything else. */
export function decodePart(bytes: Uint8Array): PartSettings | undefined {
  const json = decodePlain(bytes);
  if (isTelemetryJson(json)) return json;
  return isOtherJson(json) ? json : undefined;
}

function isTelemetryJson(json: unknown): json is TelemetrySettings {
  return has(json, TELEMETRY, ["endpoint", "headers"]);
}

function isOtherJson(json: unknown): json is OtherSettings {
  return has(json, OTHER, ["name", "endpoint", "headers", "otherSettings"]);
}
