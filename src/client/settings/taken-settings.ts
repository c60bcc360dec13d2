import { isObject, refuseUnknown, text, wrongKind } from "../../base/checks.js";
import type { ConnectionSettingsOptions } from "../connection-options.js";
import type { OpAMPClientOptions } from "../options.js";
import { type CertificateRules, readCertificateRules } from "./certificate-rules.js";
import { readSettingsRules, type SettingsRules } from "./settings-rules.js";

/** Which connection settings an agent takes from its server. */
export interface TakenSettings {
  /** For the agent's own connection; `undefined` for none. */
  readonly opamp: SettingsRules | undefined;
  /** How certificates for it are asked for; `undefined`: they are not. */
  readonly certificates: CertificateRules | undefined;
  /** The host's word for what was accepted so far; another one puts that aside. */
  readonly epoch: string;
}

const WHERE = "connectionSettings";
const KEYS = { opamp: true, certificates: true, settingsEpoch: true } as const satisfies Record<
  keyof ConnectionSettingsOptions,
  true
>;

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
  return opamp && { opamp, certificates, epoch };
}
