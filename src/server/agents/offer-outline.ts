import { hexOf, sameBytes } from "../../base/bytes.js";
import { attempt } from "../../base/checks.js";
import { type CapabilityName, has } from "../../core/capabilities.js";
import type { ConnectionSettingsOffers, ServerToAgent } from "../../gen/opamp/v1/opamp_pb.js";
import { quoted } from "../quoted.js";
import { readSigningRequest } from "../signing/read-request.js";
import type { AgentExchange } from "./agent-exchange.js";
import { type ReportedConfig, reportedConfig, reportedSettings } from "./plain-values.js";

const HASH_DIGITS = 8;

/** The parts of an offer of connection settings, each with the capability of those who take it and the option for it. */
const PARTS = [
  ["opamp", "acceptsOpAMPConnectionSettings", "connectionSettings.opamp"],
  ["ownMetrics", "reportsOwnMetrics", "connectionSettings.ownMetrics"],
  ["ownTraces", "reportsOwnTraces", "connectionSettings.ownTraces"],
  ["ownLogs", "reportsOwnLogs", "connectionSettings.ownLogs"],
] as const satisfies readonly (readonly [keyof ConnectionSettingsOffers, CapabilityName, string])[];

/** What is on offer as a configuration, and what the agent says of it. */
export function configLines(exchange: AgentExchange): readonly string[] {
  const { offer, record, lastMessage } = exchange;
  const reported = reportWords(reportedConfig(record.parts.remoteConfigStatus));
  if (offer === undefined) return [`remote config: none on offer, ${reported}`];
  const hash = offer.configHash;
  const isSent = sentTo(exchange).some(({ remoteConfig }) => sameBytes(hash, remoteConfig?.configHash));
  const lines = [`remote config: ${short(hash)} on offer${isSent ? "" : ", not sent yet"}, ${reported}`];
  if (lastMessage === undefined) return lines;
  if (!has(record.capabilities, "acceptsRemoteConfig")) {
    lines.push("a config was offered, but the agent does not accept remote config (no `remoteConfig` option)");
  } else if (!has(record.capabilities, "reportsRemoteConfig")) {
    lines.push("a config was offered, but the agent does not report what becomes of it (no `reportsRemoteConfig`)");
  }
  return lines;
}

/** The same of connection settings; nothing where there never were any. */
export function settingsLines(exchange: AgentExchange): readonly string[] {
  const { settings, record, lastMessage } = exchange;
  const report = reportedSettings(record.parts.connectionSettingsStatus);
  const sent = settingsSent(exchange);
  const offer = offeredSettings(exchange);
  if (offer === undefined) {
    if (report === undefined) return [];
    const lines = [`connection settings: none on offer, ${reportWords(report)}`];
    if (report.hash.length > 0) {
      lines.push(
        "nothing was offered here: for what another server offered, give its hash, as in hasAppliedSettings(hash)",
      );
    }
    return lines;
  }
  const isSent = sent.some(({ hash }) => sameBytes(hash, offer.hash));
  const standing = exchange.hasLeft ? " until the agent left for them" : isSent ? "" : ", not sent yet";
  const state = settings === undefined ? "sent once" : `on offer${standing}`;
  const lines = [`connection settings: ${short(offer.hash)} ${state}${destination(offer)}, ${reportWords(report)}`];
  if (lastMessage === undefined) return lines;
  if (report?.status === "applying" && !record.disconnected && sameBytes(offer.hash, report.hash)) {
    lines.push(
      "still applying: a handler or `validate` is at work, or the agent has tried `maxPerHour` others (by default 6) within an hour, failed ones too, and these wait (its warning `settings-wait`)",
    );
  }
  const lacking = PARTS.filter(
    ([part, capability]) => offer[part] !== undefined && !has(record.capabilities, capability),
  );
  const hasOther = Object.keys(offer.otherConnections).length > 0;
  const options: string[] = lacking.map(([, , option]) => option);
  if (hasOther && !has(record.capabilities, "acceptsOtherConnectionSettings")) options.push("connectionSettings.other");
  for (const option of options)
    lines.push(`settings were offered that the agent does not accept (no \`${option}\` option)`);
  return lines;
}

/** The connection settings that the agent was offered last. */
export function offeredSettings(exchange: AgentExchange): ConnectionSettingsOffers | undefined {
  return exchange.settings ?? settingsSent(exchange).at(-1);
}

function settingsSent(exchange: AgentExchange): readonly ConnectionSettingsOffers[] {
  return sentTo(exchange).flatMap(({ connectionSettings }) => connectionSettings ?? []);
}

/** What became of a signing request; nothing where none came. */
export function signingLines({ signing }: AgentExchange): readonly string[] {
  if (signing === undefined) return [];
  const { csr, uid, answer } = signing;
  const read = attempt(() => readSigningRequest(csr, uid).shown);
  const name = read?.subject ? ` for ${quoted(read.subject)}` : "";
  const problem = read?.problem === undefined ? "" : `, which ${read.problem}`;
  const outcome = { issued: "a certificate was issued", refused: "it was refused" };
  return [`signing request${name}${problem}: ${answer === undefined ? "not dealt with yet" : outcome[answer]}`];
}

/** Why something went wrong, if that was said. */
export function reason(error: string): string {
  return error === "" ? "" : `, error ${quoted(error)}`;
}

function reportWords(report: ReportedConfig | undefined): string {
  if (report === undefined) return "nothing reported on it";
  if (report.status === "unset") return "reported unset";
  return `reported ${report.status} ${short(report.hash)}${reason(report.error)}`;
}

/** Where an offer leads. The query of a URL may be a secret. */
function destination({ opamp }: ConnectionSettingsOffers): string {
  if (!opamp?.destinationEndpoint) return "";
  const [endpoint = ""] = opamp.destinationEndpoint.split(/[?#]/);
  return ` (to ${quoted(endpoint)})`;
}

function sentTo({ log }: AgentExchange): readonly ServerToAgent[] {
  return log.entries.flatMap((entry) => (entry.direction === "out" ? [entry.message] : []));
}

function short(hash: Uint8Array): string {
  return hash.length === 0 ? "without a hash" : hexOf(hash).slice(0, HASH_DIGITS);
}
