import { isUint8Array } from "node:util/types";
import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { bytesOf, sha256 } from "../../base/bytes.js";
import { kindOf } from "../../base/checks.js";
import {
  checkByRules,
  isBytes,
  isFlag,
  isListOf,
  isOneOrMore,
  isRecordOf,
  isText,
  isTextOrBytes,
  type Rule,
  type RulesFor,
} from "../../base/rules.js";
import { OpAMPError } from "../../errors.js";
import {
  type ConnectionSettingsOffers,
  ConnectionSettingsOffersSchema,
  type OpAMPConnectionSettingsSchema,
  type OtherConnectionSettingsSchema,
  type TelemetryConnectionSettingsSchema,
} from "../../gen/opamp/v1/opamp_pb.js";

/** A certificate on offer, PEM throughout. */
export interface OfferedCertificate {
  /** The certificate, followed by its chain. */
  cert: string | Uint8Array;
  /** Its private key. Leave it out where the agent has the key itself, as after a signing request. */
  key?: string | Uint8Array | undefined;
  /** The authority that signed it; no agent should trust that authority in anything else (CERT-02). */
  ca?: string | Uint8Array | undefined;
}

/** TLS on offer; what is left out is not set in the message. */
export interface OfferedTls {
  /** Trusted authorities, PEM text. */
  ca?: string | undefined;
  /** Trusts the authorities of the operating system too. */
  includeSystemCa?: boolean | undefined;
  /** Turns the verification of the server's certificate off. */
  insecureSkipVerify?: boolean | undefined;
  /** Such as `1.2`. */
  minVersion?: string | undefined;
  /** Such as `1.3`. */
  maxVersion?: string | undefined;
  /** By their IANA names. */
  cipherSuites?: readonly string[] | undefined;
}

/** A proxy on offer. */
export interface OfferedProxy {
  /** Such as `http://proxy.example.com:3128`. */
  url: string;
  /** For the CONNECT request alone (PROXY-02). */
  headers?: Readonly<Record<string, string | readonly string[]>> | undefined;
}

/** A connection on offer; what is left out is not set in the message, and what that means is for the agent to say. */
export interface OfferedConnection {
  /** The URL to connect to. */
  endpoint?: string | undefined;
  /** HTTP headers by name; a list for a name that comes more than once. */
  headers?: Readonly<Record<string, string | readonly string[]>> | undefined;
  /** The client certificate. */
  certificate?: OfferedCertificate | undefined;
  /** How TLS is done. */
  tls?: OfferedTls | undefined;
  /** The proxy to go through. */
  proxy?: OfferedProxy | undefined;
}

/** The agent's own connection on offer. */
export interface OfferedOpAMP extends OfferedConnection {
  /** Seconds between heartbeats. */
  heartbeatSeconds?: number | bigint | undefined;
}

/** A connection on offer whose meaning the agent defines. */
export interface OfferedOther extends OfferedConnection {
  /** Further settings, by names that the agent knows. */
  settings?: Readonly<Record<string, string>> | undefined;
}

/** What {@link ServerAgent.offerSettings} offers: at least one part. */
export interface OfferedSettings {
  /** Default: SHA-256 over the offer. */
  hash?: Uint8Array | undefined;
  /** The agent's own connection. */
  opamp?: OfferedOpAMP | undefined;
  /** Where the agent sends its own metrics. */
  ownMetrics?: OfferedConnection | undefined;
  /** Where the agent sends its own traces. */
  ownTraces?: OfferedConnection | undefined;
  /** Where the agent sends its own logs. */
  ownLogs?: OfferedConnection | undefined;
  /** Other connections by name. */
  other?: Readonly<Record<string, OfferedOther>> | undefined;
}

const HINT = "`agent.send({ connectionSettings })` sends whatever is given, also what an agent must refuse";

const isPem: Rule = (where, value) => {
  isTextOrBytes(where, value);
  const text = isUint8Array(value) ? Buffer.from(value).toString("latin1") : String(value);
  if (!text.includes("-----BEGIN ")) throw refusal(where, "must be PEM text, which begins with -----BEGIN");
};

const isPemText: Rule = (where, value) => {
  isText(where, value);
  isPem(where, value);
};

const isHeaders = isRecordOf(isOneOrMore(isText));

const isSeconds: Rule = (where, value) => {
  if ((typeof value === "bigint" || (typeof value === "number" && Number.isSafeInteger(value))) && value >= 0) return;
  const given = typeof value === "bigint" || typeof value === "number" ? value : kindOf(value);
  throw refusal(where, `must be a whole number of seconds, 0 or more, not ${given}`);
};

function isUrl(...schemes: readonly string[]): Rule {
  return (where, value) => {
    isText(where, value);
    const url = String(value);
    if (URL.canParse(url) && schemes.includes(new URL(url).protocol.slice(0, -1))) return;
    throw refusal(where, `must be a URL that begins with ${schemes.map((scheme) => `${scheme}://`).join(", ")}`);
  };
}

const CERTIFICATE: RulesFor<OfferedCertificate> = { cert: isPem, key: isPem, ca: isPem };
const TLS: RulesFor<OfferedTls> = {
  ca: isPemText,
  includeSystemCa: isFlag,
  insecureSkipVerify: isFlag,
  minVersion: isText,
  maxVersion: isText,
  cipherSuites: isListOf(isText),
};
const PROXY: RulesFor<OfferedProxy> = { url: isText, headers: isHeaders };
const CONNECTION: RulesFor<OfferedConnection> = {
  endpoint: isUrl("http", "https"),
  headers: isHeaders,
  certificate: (where, value) => checkByRules(where, value, CERTIFICATE, ["cert"]),
  tls: (where, value) => checkByRules(where, value, TLS),
  proxy: (where, value) => checkByRules(where, value, PROXY, ["url"]),
};
const OPAMP: RulesFor<OfferedOpAMP> = {
  ...CONNECTION,
  endpoint: isUrl("ws", "wss", "http", "https"),
  heartbeatSeconds: isSeconds,
};
const OTHER: RulesFor<OfferedOther> = { ...CONNECTION, endpoint: isText, settings: isRecordOf(isText) };

const isTelemetry: Rule = (where, value) => checkByRules(where, value, CONNECTION);
const SETTINGS: RulesFor<OfferedSettings> = {
  hash: isBytes,
  opamp: (where, value) => checkByRules(where, value, OPAMP),
  ownMetrics: isTelemetry,
  ownTraces: isTelemetry,
  ownLogs: isTelemetry,
  other: isRecordOf((where, value) => checkByRules(where, value, OTHER)),
};

/** Makes an offer of connection settings. Throws ERR_OPAMP_OPTION naming what is wrong with it. */
export function settingsOffer(settings: OfferedSettings): ConnectionSettingsOffers {
  checkByRules("settings", settings, SETTINGS);
  const { hash, opamp, ownMetrics, ownTraces, ownLogs, other = {} } = settings;
  const offer = create(ConnectionSettingsOffersSchema, {
    ...(opamp && { opamp: opampOf(opamp) }),
    ...(ownMetrics && { ownMetrics: connectionOf(ownMetrics) }),
    ...(ownTraces && { ownTraces: connectionOf(ownTraces) }),
    ...(ownLogs && { ownLogs: connectionOf(ownLogs) }),
    otherConnections: Object.fromEntries(Object.entries(other).map(([name, one]) => [name, otherOf(one)])),
  });
  const content = toBinary(ConnectionSettingsOffersSchema, offer);
  if (content.length === 0) {
    throw refusal("settings", "must have opamp, ownMetrics, ownTraces, ownLogs or other, or it offers nothing");
  }
  offer.hash = hash ?? sha256([content]);
  return offer;
}

/** Makes an offer of a heartbeat interval and nothing else (AMB-05). Throws ERR_OPAMP_OPTION for other than whole seconds. */
export function heartbeatOffer(seconds: number | bigint): ConnectionSettingsOffers {
  isSeconds("seconds", seconds);
  return settingsOffer({ opamp: { heartbeatSeconds: seconds } });
}

function opampOf({ heartbeatSeconds, ...connection }: OfferedOpAMP) {
  return {
    ...connectionOf(connection),
    ...(heartbeatSeconds !== undefined && { heartbeatIntervalSeconds: BigInt(heartbeatSeconds) }),
  } satisfies MessageInitShape<typeof OpAMPConnectionSettingsSchema>;
}

function otherOf({ settings, ...connection }: OfferedOther) {
  return {
    ...connectionOf(connection),
    ...(settings && { otherSettings: { ...settings } }),
  } satisfies MessageInitShape<typeof OtherConnectionSettingsSchema>;
}

function connectionOf({ endpoint, headers, certificate, tls, proxy }: OfferedConnection) {
  return {
    ...(endpoint !== undefined && { destinationEndpoint: endpoint }),
    ...(headers && { headers: headersOf(headers) }),
    ...(certificate && {
      certificate: {
        cert: bytesOf(certificate.cert),
        privateKey: bytesOf(certificate.key ?? ""),
        caCert: bytesOf(certificate.ca ?? ""),
      },
    }),
    ...(tls && {
      tls: {
        caPemContents: tls.ca ?? "",
        includeSystemCaCertsPool: tls.includeSystemCa ?? false,
        insecureSkipVerify: tls.insecureSkipVerify ?? false,
        minVersion: tls.minVersion ?? "",
        maxVersion: tls.maxVersion ?? "",
        cipherSuites: [...(tls.cipherSuites ?? [])],
      },
    }),
    ...(proxy && { proxy: { url: proxy.url, ...(proxy.headers && { connectHeaders: headersOf(proxy.headers) }) } }),
  } satisfies MessageInitShape<typeof TelemetryConnectionSettingsSchema>;
}

function headersOf(headers: NonNullable<OfferedConnection["headers"]>) {
  const pairs = Object.entries(headers).flatMap(([key, values]) => [values].flat().map((value) => ({ key, value })));
  return { headers: pairs };
}

function refusal(where: string, problem: string): OpAMPError {
  return new OpAMPError("ERR_OPAMP_OPTION", `${where}: ${problem}`, { hint: HINT });
}
