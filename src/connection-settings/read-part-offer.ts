import type {
  OtherConnectionSettings,
  TelemetryConnectionSettings,
  TLSConnectionSettings,
} from "../gen/opamp/v1/opamp_pb.js";
import { readOfferedHeaders } from "./offered-headers.js";
import type { OtherSettings, PartSettings, TelemetrySettings } from "./part-settings.js";
import { refuseUnkept, refuseUnverified } from "./policy.js";
import { readCertificate } from "./read-certificate.js";
import { MAX_URL_CHARACTERS, readProxy } from "./read-offer.js";
import { readOfferedTls, tlsOver } from "./read-tls.js";
import { checkSize, refused } from "./refusal.js";
import type { OfferedTls } from "./snapshot.js";
import { encodePlain } from "./snapshot.js";

const MAX_NAME_CHARACTERS = 256;
const MAX_SETTINGS = 256;
const MAX_SETTING_CHARACTERS = 64 * 1024;
/** C0, DEL and C1: what ends a line, or does worse to a terminal. */
const CONTROLS = /\p{Cc}/u;

/** What offers for connections other than the agent's own are compared with. */
export interface PartGround {
  /** Milliseconds since the Unix epoch. */
  readonly wallNow: number;
  /** Whether settings outlive the process, keys included (CONN-11). */
  readonly isLasting: boolean;
  /** Whether a server may turn off the verification of certificates (D16). */
  readonly allowInsecureSkipVerify: boolean;
}

/**
 * Settings for telemetry, copied and checked. They are a whole: what is not named is not used, but for TLS and the proxy,
 * which stay (CONN-15, TLS-01).
 *
 * @throws OpAMPError `ERR_OPAMP_SETTINGS` with the member that cannot be used, and why
 */
export function readTelemetry(
  offer: TelemetryConnectionSettings,
  inForce: TelemetrySettings | undefined,
  ground: PartGround,
): TelemetrySettings {
  const { tls, proxy } = inForce ?? {};
  const { headers = {}, ...named } = readCommon(offer, ground);
  return checked({
    ...(tls && { tls }),
    ...(proxy && { proxy }),
    ...named,
    headers,
    endpoint: readTelemetryUrl("destination_endpoint", offer.destinationEndpoint),
  });
}

/**
 * Settings by a name, copied, checked, and laid over those in force: what is not named stays, the certificate included
 * (CONN-16).
 *
 * @throws OpAMPError `ERR_OPAMP_SETTINGS` with the member that cannot be used, and why
 */
export function readOther(
  name: string,
  offer: OtherConnectionSettings,
  inForce: OtherSettings | undefined,
  ground: PartGround,
): OtherSettings {
  const { destinationEndpoint: endpoint, otherSettings } = offer;
  if (name.length > MAX_NAME_CHARACTERS || CONTROLS.test(name))
    throw refused("its name", "is too long, or not one line");
  checkSize("destination_endpoint", endpoint, MAX_URL_CHARACTERS);
  if (CONTROLS.test(endpoint)) throw refused("destination_endpoint", "is more than one line");
  const named = readCommon(offer, ground);
  return checked({
    endpoint: "",
    headers: {},
    otherSettings: {},
    ...inForce,
    ...named,
    ...(endpoint !== "" && { endpoint }),
    ...(Object.keys(otherSettings).length > 0 && { otherSettings: readSettings("other_settings", otherSettings) }),
    name,
  });
}

function readCommon(
  { headers, certificate, tls, proxy }: TelemetryConnectionSettings | OtherConnectionSettings,
  { wallNow, isLasting, allowInsecureSkipVerify }: PartGround,
) {
  if (certificate !== undefined) refuseUnkept(isLasting);
  if (tls?.insecureSkipVerify === true) refuseUnverified(allowInsecureSkipVerify);
  return {
    ...(headers !== undefined && { headers: readOfferedHeaders("headers", headers) }),
    ...(certificate !== undefined && { certificate: readCertificate("certificate", certificate, wallNow, []) }),
    ...(tls !== undefined && { tls: readTls("tls", tls) }),
    ...(proxy !== undefined && { proxy: readProxy("proxy", proxy) }),
  };
}

/** No version below the least of this package, and none that leaves no version (D16). */
function readTls(where: string, offered: TLSConnectionSettings): OfferedTls {
  const tls = readOfferedTls(where, offered);
  tlsOver(where, undefined, tls);
  return tls;
}

/** OWN-06. It is handed over as it is, so nothing that a parser forgives may be in it but blanks around it. */
function readTelemetryUrl(where: string, untrimmed: string): string {
  checkSize(where, untrimmed, MAX_URL_CHARACTERS);
  const given = untrimmed.trim();
  const hint = "send an http or https URL with a host and a path, such as https://otlp.example.com/v1/metrics";
  if (given === "") throw refused(where, "is missing", hint);
  const url = URL.canParse(given) && !/[\s\p{Cc}]/u.test(given) ? new URL(given) : undefined;
  if (url === undefined || !["http:", "https:"].includes(url.protocol)) {
    throw refused(where, "is not an http or https URL", hint);
  }
  if (url.username !== "" || url.password !== "") {
    // No port or path of OpAMP's own is filled in here.
    const shown = `${url.protocol}//${url.host}${url.pathname}`;
    throw refused(where, `(${shown}) has a user or a password`, "send an Authorization header instead");
  }
  return given;
}

function readSettings(where: string, given: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  const entries = Object.entries(given);
  if (entries.length > MAX_SETTINGS) throw refused(where, `are more than ${MAX_SETTINGS}`);
  for (const [name, value] of entries) {
    checkSize(`a name in ${where}`, name, MAX_NAME_CHARACTERS);
    checkSize(`a value in ${where}`, value, MAX_SETTING_CHARACTERS);
  }
  return Object.fromEntries(entries);
}

/** Above their bound they are refused before anything is done. */
function checked<T extends PartSettings>(settings: T): T {
  encodePlain(settings);
  return settings;
}
