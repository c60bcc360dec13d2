import { fingerprintOf } from "../../connection-settings/fingerprint.js";
import { type ConnectionSettings, laidOver, type OwnSettings } from "../../connection-settings/laid-over.js";
import { isAllowed } from "../../connection-settings/policy.js";
import { NO_SNAPSHOT } from "../../connection-settings/snapshot.js";
import { has } from "../../core/capabilities.js";
import type { Input, Use } from "../../core/io.js";
import { oneLine } from "../../diagnostics/one-line.js";
import type { Redactor } from "../../diagnostics/redactor.js";
import { createTransport } from "../../transport/create-transport.js";
import type { TransportSettings } from "../../transport/settings/settings.js";
import { asKind } from "../../transport/url/endpoint.js";
import { CertificateEnd, type WatchedCertificate } from "../certificates/certificate-end.js";
import { Certificates } from "../certificates/certificates.js";
import type { Clock } from "../clock.js";
import { ConnectionMoves } from "../connection/connection-moves.js";
import { ConnectionRecord } from "../connection/connection-record.js";
import type { SparedParts } from "../connection/made-headers.js";
import { offeredHints } from "../connection/offered-hints.js";
import { PartRecord } from "../connection/part-record.js";
import { PartRunner } from "../connection/part-runner.js";
import { SettingsBlobs } from "../connection/settings-blobs.js";
import { SettingsOffers } from "../connection/settings-offers.js";
import { Transports } from "../connection/transports.js";
import type { MakeTransport } from "../connection-options.js";
import type { WarningEvent } from "../events.js";
import { madeBy } from "../handlers/host-transport.js";
import type { Failed } from "../observe/client-event.js";
import type { OpAMPClientOptions } from "../options.js";
import { partKinds } from "../settings/part-kinds.js";
import type { Settings } from "../settings/settings.js";
import type { TakenSettings } from "../settings/taken-settings.js";
import type { Persistence } from "../state/persistence.js";
import { notify, type Observed } from "./output-router.js";

/** The settings of a transport that no offer changes. */
export type FixedSettings = Omit<TransportSettings, "url" | "authorization" | "headers" | "tls" | "proxy">;

/** The transports of a client whose connection its server may change. */
export function assembleTransports(
  options: OpAMPClientOptions,
  settings: Settings,
  fixed: FixedSettings,
  around: Pick<SparedParts, "clock" | "failed">,
): Transports {
  const own = ownSettings(options, settings);
  const { transport } = options;
  const home: ConnectionSettings = laidOver(own, NO_SNAPSHOT, false);
  const { endpoints = [] } = settings.connection?.opamp ?? {};
  const make: MakeTransport = (connection, use) => {
    if (typeof transport === "function") return madeBy(transport, connection, use);
    const { endpoint, headers, tls, proxy } = connection;
    const { kind, url, authorization } = endpoint;
    const isHome = url.href === home.endpoint.url.href;
    // A server that may move the agent to some hosts only could otherwise redirect it from there to any other.
    const mayLead = isHome ? undefined : (to: URL) => isAllowed(to, { endpoints });
    const its: TransportSettings = { ...fixed, mayLead, url, authorization, headers, tls, proxy };
    // An endpoint that was offered says by its scheme what it speaks, also where it is the options' own.
    if (transport !== "auto" || connection.isOffered) return createTransport(kind, its);
    if (use === "committed") return createTransport("auto", its);
    // What is on trial is tried in the way that gets through now, and in no other.
    const current = transports.name === "http" ? "http" : "websocket";
    return createTransport(current, { ...its, url: asKind(url, current) });
  };
  const { connectMs, answerMs } = settings.timeouts;
  const hintsFor = (its: ConnectionSettings, use: Use) => offeredHints(own, its, use, () => fixed.clock.wallNow());
  const spared: SparedParts = { ...around, limitMs: Math.min(connectMs, answerMs) / 2 };
  const transports = new Transports(make, home, hintsFor, spared);
  return transports;
}

/** The parts of the assembled client that they use. */
interface Around {
  core: { readonly capabilities: bigint };
  /** Set where the server may change the agent's own connection. */
  transports: Transports | undefined;
  persistence: Persistence;
  clock: Clock;
  redactor: Redactor;
  failed: Failed;
  feed: (input: Input) => void;
  /** As UUID text. */
  instanceUid: () => string;
  observed: () => Observed;
}

interface AroundMoves {
  blobs: SettingsBlobs;
  redact: (text: string) => string;
  /** Set where the agent asks for certificates. */
  certificates: Certificates | undefined;
  certificateEnd: CertificateEnd | undefined;
  warn: (event: WarningEvent) => void;
}

/** What takes offers of connection settings. */
export function assembleSettings(
  options: OpAMPClientOptions,
  settings: Settings,
  taken: TakenSettings,
  around: Around,
): SettingsOffers {
  const { core, clock, failed, feed, redactor, persistence } = around;
  const { applyMs, abortMs } = settings.timeouts;
  const { handlers, opamp, epoch } = taken;
  const warn = (event: WarningEvent) => notify(around.observed(), { type: "warning", event });
  // The server is told it, and it is stored.
  const redact = (text: string) => oneLine(text, redactor.text);
  const blobs = new SettingsBlobs(options.store, persistence, failed);
  const record = new PartRecord(blobs, clock, epoch);
  const certificates = assembleCertificates(options, settings, taken, { ...around, warn });
  const watched = watchedCertificate(taken.certificates, () => moves);
  const certificateEnd = opamp && new CertificateEnd(clock, watched, warn);
  const moves = assembleMoves(options, settings, taken, {
    ...around,
    blobs,
    certificates,
    certificateEnd,
    redact,
    warn,
  });
  return new SettingsOffers({
    moves,
    certificates,
    certificateEnd,
    runner: new PartRunner({
      handlers,
      record,
      clock,
      failed,
      declares: (kind) => has(core.capabilities, partKinds[kind].capability),
      allowInsecureSkipVerify: opamp?.allowInsecureSkipVerify === true,
      abortMs,
    }),
    takesOpamp: () => has(core.capabilities, "acceptsOpAMPConnectionSettings"),
    clock,
    applyMs,
    feed,
    redact,
    warn,
  });
}

const OFFERED_END_HINT =
  "have the server offer another one, or give another connectionSettings.settingsEpoch to go back to the options";
const ISSUED_END_HINTS = {
  keep: 'have the server issue another one; with connectionSettings.certificates.expired "bootstrap" the agent goes back to its options',
  bootstrap:
    "the agent goes back to its options once an attempt to connect fails ten minutes later, as clocks may be wrong by so much",
} as const;

/** The certificate whose end is told: that of the options only where the agent asks for the ones after it. */
function watchedCertificate(
  rules: TakenSettings["certificates"],
  moves: () => ConnectionMoves | undefined,
): WatchedCertificate {
  return {
    current: () => (rules || moves()?.snapshot.certificate ? moves()?.facts.certificate : undefined),
    hint: rules === undefined ? OFFERED_END_HINT : ISSUED_END_HINTS[rules.expired],
  };
}

function assembleMoves(
  options: OpAMPClientOptions,
  settings: Settings,
  { opamp: rules, epoch }: TakenSettings,
  {
    transports,
    persistence,
    blobs,
    clock,
    failed,
    feed,
    observed,
    certificates,
    certificateEnd,
    redact,
    warn,
  }: Around & AroundMoves,
): ConnectionMoves | undefined {
  if (rules === undefined || transports === undefined) return undefined;
  const own = ownSettings(options, settings);
  const record = new ConnectionRecord(blobs, persistence, clock, fingerprintOf(own, options.transport, epoch));
  return new ConnectionMoves({
    own,
    rules,
    transports,
    record,
    clock,
    feed,
    redact,
    failed,
    certificates,
    notify(event, isRequest, trying) {
      notify(observed(), { type: "connection", event, isRequest, trying });
      certificateEnd?.review();
    },
    warn: (message, hint) => warn({ code: "settings-put-aside", message, hint }),
  });
}

function assembleCertificates(
  options: OpAMPClientOptions,
  settings: Settings,
  { certificates: rules, epoch }: TakenSettings,
  { persistence, clock, failed, feed, instanceUid, warn }: Around & Pick<AroundMoves, "warn">,
): Certificates | undefined {
  const blobs = options.store?.blobs;
  if (rules === undefined || blobs === undefined) return undefined;
  const origin = fingerprintOf(ownSettings(options, settings), options.transport, epoch);
  return new Certificates({ rules, blobs, persistence, origin, clock, failed, feed, instanceUid, warn });
}

function ownSettings({ url, headers }: OpAMPClientOptions, { tls, proxy }: Settings): OwnSettings {
  return { url: String(url), headers, tls, proxy };
}
