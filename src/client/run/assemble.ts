import { isDeepStrictEqual } from "node:util";
import { sameBytes, uidText } from "../../base/bytes.js";
import { parseInstanceUid } from "../../base/instance-uid.js";
import { Core } from "../../core/core.js";
import type { Use } from "../../core/io.js";
import { connectionSettings } from "../../core/offers/connection-settings.js";
import { remoteConfig } from "../../core/offers/remote-config.js";
import type { Comparisons } from "../../core/parts.js";
import { scrubbedError } from "../../diagnostics/one-line.js";
import type { OpAMPError } from "../../errors.js";
import { createTransport } from "../../transport/create-transport.js";
import { insecurities } from "../../transport/insecure.js";
import type { Transport } from "../../transport/transport.js";
import { parseEndpoint } from "../../transport/url/endpoint.js";
import { sameEffectiveConfig } from "../../values/config-files.js";
import { sameHealth } from "../../values/health.js";
import { newInstanceUid } from "../../values/instance-uid.js";
import { type Clock, systemClock } from "../clock.js";
import { hidingSecrets } from "../connection/known-secrets.js";
import type { SettingsOffers } from "../connection/settings-offers.js";
import { Transports } from "../connection/transports.js";
import type { WarningEvent } from "../events.js";
import type { CustomChannels } from "../handlers/custom-channels.js";
import { HandlerRunner } from "../handlers/handler-runner.js";
import { declaredMask, handlersIn, type Supplied } from "../handlers/handler-table.js";
import { madeBy } from "../handlers/host-transport.js";
import type { Failed, Observer } from "../observe/client-event.js";
import { countEvents, newCounters } from "../observe/counters.js";
import { publishEvents } from "../observe/diagnostics.js";
import type { Listeners } from "../observe/listeners.js";
import { logLines } from "../observe/log-lines.js";
import { meterEvents } from "../observe/meter.js";
import type { OpAMPClientOptions } from "../options.js";
import { readSettings, type Settings } from "../settings/settings.js";
import { settingsCapabilities } from "../settings/taken-settings.js";
import { Persistence } from "../state/persistence.js";
import { assembleSettings, assembleTransports, type FixedSettings } from "./assemble-settings.js";
import { Driver } from "./driver.js";
import { InsecureInForce } from "./insecure-in-force.js";
import { notify, OutputRouter } from "./output-router.js";
import { Waiters } from "./waiters.js";

const NO_WARNINGS: readonly WarningEvent[] = [];

/**
 * Makes and connects what a client is made of.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION`, `ERR_OPAMP_INSTANCE_UID`
 */
export function assemble(options: OpAMPClientOptions) {
  const settings = readSettings(options);
  const { requestInstanceUid, timeouts } = settings;
  const clock = options.clock ?? systemClock(settings.keepAlive);
  const supplied: Supplied = {
    handlers: handlersIn(options),
    health: false,
    components: false,
    withheld: settings.withheld,
  };
  const { connection } = settings;
  if (connection !== undefined) supplied.settings = settingsCapabilities(connection);
  const instanceUid = options.instanceUid === undefined ? newInstanceUid() : parseInstanceUid(options.instanceUid);
  const core = createCore(settings, instanceUid, declaredMask(supplied), options.random ?? Math.random);
  const instanceUidText = (): string => uidText(parts.uidBefore ?? core.instanceUid);
  const fixed = fixedSettings(settings, clock, instanceUidText);
  const around = { clock, failed: (error: OpAMPError) => failed(error) };
  const transports = connection?.opamp && assembleTransports(options, settings, fixed, around);
  const transport = transports ?? transportFor(options, settings, fixed);
  const redactor = transports ? hidingSecrets(settings.redactor, () => transports.secrets) : settings.redactor;

  const failed: Failed = (error, isLogged = false, counts = undefined) =>
    notify(parts, { type: "error", error: scrubbedError(error, redactor), isLogged, counts });
  const waiters = new Waiters(clock);
  const counters = newCounters();
  const log =
    options.logger && logLines(options.logger, clock, redactor, instanceUidText, () => transports?.shownEndpoint);
  const count = countEvents(counters, clock);
  const meter = options.meter && meterEvents(options.meter, failed);
  const publish = publishEvents(core, clock, redactor);
  const warnings = warningsAbout(options, settings);
  const isOurs = typeof options.transport !== "function";
  const warn = (event: WarningEvent) => notify(parts, { type: "warning", event });
  const insecure = transports && isOurs ? new InsecureInForce(transports, warnings, warn) : undefined;
  const review: Observer | undefined = insecure && (({ type }) => void (type === "connection" && insecure.review()));
  const observers = [log, count, meter, review].filter((observer) => observer !== undefined);

  const both: Observer | undefined =
    meter &&
    ((event) => {
      count(event);
      meter(event);
    });
  const chosen = transport instanceof Transports ? (use: Use) => transport.for(use) : () => transport;
  const driver = new Driver(core, chosen, clock, both ?? count, publish);
  const feed = driver.feed.bind(driver);
  const persistence = new Persistence(options.store, clock, failed, feed, settings.onForeignStore);
  const parts = {
    core,
    clock,
    transport,
    redactor,
    driver,
    handlers: new HandlerRunner(supplied, clock, feed, failed),
    persistence,
    settings: undefined as SettingsOffers | undefined,
    channels: undefined as CustomChannels | undefined,
    waiters,
    listeners: undefined as Listeners | undefined,
    counters,
    // Sliced, since a filtered array has room for twelve more, which every client would pay for.
    observers: observers.slice(),
    publish,
    failed,
    supplied,
    /** Told at the start, whatever is stored. */
    warnings: insecure === undefined ? warnings : NO_WARNINGS,
    insecure,
    /** Whether the server may move it. */
    isMovable: transports !== undefined,
    requestInstanceUid,
    instanceUidText,
    /** Of an earlier process, until the core is told. */
    uidBefore: undefined as Uint8Array | undefined,
    isUidGiven: options.instanceUid !== undefined,
    closeMs: timeouts.closeMs,
    customMessageTtlMs: settings.customMessages.ttlMs,
  };
  if (connection !== undefined) {
    const common = { core, transports, persistence, clock, redactor, failed, feed, instanceUid: instanceUidText };
    parts.settings = assembleSettings(options, settings, connection, { ...common, observed: () => parts });
  }
  driver.routeTo(new OutputRouter(parts));
  return parts;
}

function createCore(settings: Settings, instanceUid: Uint8Array, capabilities: bigint, random: () => number): Core {
  const { timeouts, throttle, connection } = settings;
  return new Core({
    ...(connection?.opamp !== undefined && { settings: connection.opamp.limits }),
    ...(connection !== undefined && { offers: [remoteConfig, connectionSettings] }),
    instanceUid,
    requestInstanceUid: settings.requestInstanceUid,
    capabilities,
    reconnectReport: settings.reconnectReport,
    link: {
      connectMs: timeouts.connectMs,
      answerMs: timeouts.answerMs,
      closeMs: timeouts.closeMs,
      backoff: settings.backoff,
      throttleFloorMs: throttle.minMs,
      throttleMaxMs: throttle.maxMs,
    },
    apply: { applyMs: timeouts.applyMs, abortMs: timeouts.abortMs },
    heartbeat: settings.heartbeat,
    ping: settings.ping,
    effectiveConfigMs: timeouts.effectiveConfigMs,
    maxCustomMessages: settings.customMessages.max,
    seed: Math.floor(random() * 2 ** 32),
    same: samePart,
  });
}

/** The host's own transport, or the one that its options ask for. */
function transportFor(options: OpAMPClientOptions, { tls, proxy }: Settings, fixed: FixedSettings): Transport {
  const given = options.transport;
  if (typeof given === "object") return given;
  const endpoint = parseEndpoint(options.url ?? "");
  const { headers } = options;
  if (typeof given === "function") return madeBy(given, { endpoint, headers, tls, proxy }, "committed");
  const { url, authorization } = endpoint;
  return createTransport(given ?? endpoint.kind, { ...fixed, url, authorization, headers, tls, proxy });
}

/** What every transport of a client has, wherever it leads. */
function fixedSettings(settings: Settings, clock: Clock, instanceUid: () => string): FixedSettings {
  const { keepAlive, maxMessageBytes, compression, maxRedirects } = settings;
  const { send: maxSendBytes, receive: maxReceiveBytes } = maxMessageBytes;
  return { keepAlive, maxSendBytes, maxReceiveBytes, compression, maxRedirects, instanceUid, clock };
}

/** What is not safe about how a client is set up. Of a transport of the host's own nothing is known. */
function warningsAbout({ url, transport }: OpAMPClientOptions, { tls, proxy }: Settings): readonly WarningEvent[] {
  if (url === undefined || (transport !== undefined && transport !== "auto")) return NO_WARNINGS;
  const found = insecurities(parseEndpoint(url).url, tls, proxy);
  return found.length === 0 ? NO_WARNINGS : found.map(({ code, message, hint }) => ({ code, message, hint }));
}

/**
 * Health has times that do not count; the effective config is large, and compared after every apply; the hash of
 * components says all about them (COMP-04).
 */
const samePart: Comparisons = {
  agentDescription: isDeepStrictEqual,
  health: sameHealth,
  effectiveConfig: sameEffectiveConfig,
  remoteConfigStatus: isDeepStrictEqual,
  packageStatuses: isDeepStrictEqual,
  customCapabilities: isDeepStrictEqual,
  availableComponents: (a, b) => sameBytes(a.hash, b.hash),
  connectionSettingsStatus: isDeepStrictEqual,
};
