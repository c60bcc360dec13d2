import { isObject, refuseUnknown, text, wrongKind } from "../../base/checks.js";
import type { CapabilityName } from "../../core/capabilities.js";
import type { CertificateRules } from "../certificate-options.js";
import type { ConnectionSettingsOptions } from "../connection-options.js";
import { checkHandler } from "../handlers/handler-table.js";
import type { OpAMPClientOptions } from "../options.js";
import { readCertificateRules } from "./certificate-rules.js";
import { type PartHandlers, partKindNames, partKinds } from "./part-kinds.js";
import { readSettingsRules, type SettingsRules } from "./settings-rules.js";

/** Which connection settings an agent takes from its server. */
export interface TakenSettings {
  /** For the agent's own connection; `undefined` for none. */
  readonly opamp: SettingsRules | undefined;
  /** For other connections. */
  readonly handlers: PartHandlers;
  /** How certificates for it are asked for; `undefined`: they are not. */
  readonly certificates: CertificateRules | undefined;
  /** The host's word for what was accepted so far; another one puts that aside. */
  readonly epoch: string;
}

const WHERE = "connectionSettings";
const KEYS = {
  opamp: true,
  certificates: true,
  ...partKinds,
  settingsEpoch: true,
} as const satisfies Record<keyof ConnectionSettingsOptions, unknown>;
const HANDLER = { members: ["apply"], optional: ["validate"] } as const;

/**
 * Checks which connection settings an agent takes.
 *
 * @returns `undefined` for none
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export function readTakenSettings(options: OpAMPClientOptions): TakenSettings | undefined {
  const { connectionSettings: given } = options;
  if (given === undefined) return undefined;
  if (!isObject(given)) throw wrongKind(WHERE, "an object", given);
  refuseUnknown(WHERE, given, KEYS);
  const epoch = text(`${WHERE}.settingsEpoch`, given.settingsEpoch ?? "");
  const opamp = readSettingsRules(`${WHERE}.opamp`, given.opamp, options);
  const at = `${WHERE}.certificates`;
  const certificates = readCertificateRules(at, given.certificates, opamp !== undefined, options);
  for (const kind of partKindNames) checkHandler(`${WHERE}.${kind}`, given[kind], HANDLER);
  const { ownMetrics, ownTraces, ownLogs, other }: PartHandlers = given;
  const handlers = { ownMetrics, ownTraces, ownLogs, other };
  const isNone = opamp === undefined && partKindNames.every((kind) => handlers[kind] === undefined);
  return isNone ? undefined : { opamp, certificates, handlers, epoch };
}

/** What goes with the settings that are taken (CONN-01). */
export function settingsCapabilities({ opamp, handlers }: TakenSettings): readonly CapabilityName[] {
  const own: readonly CapabilityName[] = opamp === undefined ? [] : ["acceptsOpAMPConnectionSettings"];
  const others = partKindNames.filter((kind) => handlers[kind] !== undefined).map((kind) => partKinds[kind].capability);
  return [...own, ...others, "reportsConnectionSettingsStatus"];
}
