import {
  type Complete,
  checkDuration,
  checkFinite,
  checkFlag,
  checkFunction,
  checkFunctions,
  checkOptions,
  count,
  durations,
  flag,
  isObject,
  oneOf,
  refuseUnknown,
  wrongKind,
  wrongOption,
} from "../../base/checks.js";
import { DAY_MS } from "../../base/time.js";
import type { CapabilityName } from "../../core/capabilities.js";
import { type BackoffBounds, DEFAULT_BACKOFF } from "../../core/link/backoff.js";
import type { HeartbeatBounds } from "../../core/link/keepalive.js";
import { createRedactor, guardedRedactor, type Redactor } from "../../diagnostics/redactor.js";
import { checkHandlers, handlerTable, readWithheld } from "../handlers/handler-table.js";
import type { OpAMPClientOptions, Timeouts } from "../options.js";
import { foreignNames } from "./foreign-names.js";
import { type NetworkSettings, readNetworkSettings } from "./network-settings.js";
import { readTakenSettings, type TakenSettings } from "./taken-settings.js";

/** The options, checked, with the defaults in place. */
export interface Settings extends NetworkSettings {
  heartbeat: HeartbeatBounds;
  backoff: Readonly<BackoffBounds>;
  throttle: { minMs: number; maxMs: number };
  timeouts: Complete<Timeouts>;
  reconnectReport: "changed" | "full";
  onForeignStore: "stop" | "newIdentity";
  /** `undefined`: as the heartbeat. */
  ping: { intervalMs: number | undefined } | false;
  /** How many custom messages may wait for the server, and how long. */
  customMessages: { max: number; ttlMs: number };
  keepAlive: boolean;
  /** `undefined`: the server may offer no connection settings. */
  connection: TakenSettings | undefined;
  requestInstanceUid: boolean;
  withheld: ReadonlySet<CapabilityName>;
  redactor: Redactor;
}

const KEYS = {
  url: true,
  transport: true,
  headers: true,
  description: true,
  health: true,
  availableComponents: true,
  instanceUid: true,
  requestInstanceUid: true,
  store: true,
  connectionSettings: true,
  onForeignStore: true,
  withhold: true,
  heartbeat: true,
  backoff: true,
  throttle: true,
  timeouts: true,
  reconnectReport: true,
  maxMessageBytes: true,
  customMessages: true,
  tls: true,
  proxy: true,
  compression: true,
  maxRedirects: true,
  ping: true,
  keepAlive: true,
  logger: true,
  redact: true,
  meter: true,
  clock: true,
  random: true,
  ...handlerTable,
} as const satisfies Record<keyof OpAMPClientOptions, unknown>;

const TIMEOUTS: Complete<Timeouts> = {
  connectMs: 30_000,
  answerMs: 30_000,
  applyMs: 300_000,
  abortMs: 5_000,
  effectiveConfigMs: 5_000,
  closeMs: 1_000,
};

const CUSTOM_MESSAGES = { max: 100, ttlMs: Number.POSITIVE_INFINITY };
const HEARTBEAT: HeartbeatBounds = { intervalMs: 30_000, minMs: 1_000, maxMs: Number.POSITIVE_INFINITY };
const PING_AS_HEARTBEAT = { intervalMs: undefined };
/** For all clients that say nothing about it. */
let usualRedactor: Redactor | undefined;
const THROTTLE = { minMs: 30_000, maxMs: DAY_MS };

/**
 * Checks everything that can be checked without acting on it.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION` naming the option, what is wrong with it and what would be right
 */
export function readSettings(options: OpAMPClientOptions): Settings {
  if (!isObject(options)) throw wrongKind("options", "an object", options);
  refuseUnknown("", options, KEYS, foreignNames);
  if (options.url === undefined && (options.transport === undefined || options.transport === "auto")) {
    throw wrongOption("url", "is missing; give the server's URL, such as wss://opamp.example.com:4320/v1/opamp");
  }
  if (options.description === undefined) {
    throw wrongOption("description", 'is missing; give at least { identifying: { "service.name": "..." } }');
  }
  checkHandlers(options);
  checkFunctions("logger", options.logger, ["debug", "info", "warn", "error"]);
  checkFunction("logger.entry", options.logger?.entry);
  checkFunctions("meter", options.meter, ["createCounter"]);
  checkFunctions("store", options.store, ["load", "save"]);
  checkFunction("store.close", options.store?.close);
  if (options.transport !== "auto" && typeof options.transport !== "function") {
    checkFunctions("transport", options.transport, ["open", "send", "ping", "close"]);
    if (options.transport !== undefined) checkFlag("transport.duplex", options.transport.duplex);
  }
  checkFunctions("clock", options.clock, ["now", "wallNow", "after", "soon"]);
  checkFunction("random", options.random);
  const heartbeat = readHeartbeat(options.heartbeat);
  const backoff = readBackoff(options.backoff);
  const throttle = durations("throttle", options.throttle, THROTTLE);
  checkFinite("throttle.minMs", throttle.minMs);
  checkBounds("heartbeat", heartbeat);
  checkBounds("throttle", throttle);
  const network = readNetworkSettings(options);
  // Each member by name: an object that is spread gets a hidden class of its own, half a kilobyte for each client.
  return {
    tls: network.tls,
    proxy: network.proxy,
    compression: network.compression,
    maxRedirects: network.maxRedirects,
    maxMessageBytes: network.maxMessageBytes,
    heartbeat,
    backoff,
    throttle,
    timeouts: durations("timeouts", options.timeouts, TIMEOUTS),
    reconnectReport: oneOf("reconnectReport", options.reconnectReport, ["full", "changed"]),
    onForeignStore: oneOf("onForeignStore", options.onForeignStore, ["stop", "newIdentity"]),
    ping: pings(options.ping),
    customMessages: readCustomMessages(options.customMessages),
    keepAlive: flag("keepAlive", options.keepAlive),
    connection: readTakenSettings(options),
    requestInstanceUid: flag("requestInstanceUid", options.requestInstanceUid),
    withheld: readWithheld(options.withhold),
    redactor: readRedactor(options.redact),
  };
}

function readBackoff(given: OpAMPClientOptions["backoff"]): Readonly<BackoffBounds> {
  if (given === undefined) return DEFAULT_BACKOFF;
  const { minMs, maxMs, spreadMs } = durations("backoff", given, { ...DEFAULT_BACKOFF, spreadMs: 0 });
  checkFinite("backoff.minMs", minMs);
  checkFinite("backoff.spreadMs", spreadMs);
  checkBounds("backoff", { minMs, maxMs });
  return spreadMs === 0 ? { minMs, maxMs } : { minMs, maxMs, spreadMs };
}

function readHeartbeat(given: OpAMPClientOptions["heartbeat"]): HeartbeatBounds {
  if (!isObject(given)) return durations("heartbeat", given, HEARTBEAT);
  const { zero, ...bounds } = given;
  oneOf("heartbeat.zero", zero, ["unset", "off"]);
  return durations("heartbeat", bounds, HEARTBEAT);
}

function checkBounds(where: string, { minMs, maxMs }: { minMs: number; maxMs: number }): void {
  if (minMs > maxMs) throw wrongOption(where, `minMs (${minMs}) is above maxMs (${maxMs})`);
}

function readCustomMessages(given: OpAMPClientOptions["customMessages"]): Settings["customMessages"] {
  if (given === undefined) return CUSTOM_MESSAGES;
  checkOptions("customMessages", given, CUSTOM_MESSAGES);
  const { max, ttlMs = CUSTOM_MESSAGES.ttlMs } = given;
  checkDuration("customMessages.ttlMs", ttlMs);
  return { max: count("customMessages.max", max, CUSTOM_MESSAGES.max), ttlMs };
}

function pings(given: OpAMPClientOptions["ping"]): Settings["ping"] {
  if (given === undefined) return PING_AS_HEARTBEAT;
  if (given === false) return false;
  const { intervalMs } = durations("ping", given, { intervalMs: 0 });
  return { intervalMs: intervalMs === 0 ? undefined : intervalMs };
}

function readRedactor(given: OpAMPClientOptions["redact"]): Redactor {
  if (given === undefined) {
    usualRedactor ??= createRedactor();
    return usualRedactor;
  }
  if (!isObject(given)) throw wrongKind("redact", "an object", given);
  if (isRedactor(given)) {
    checkFunctions("redact", given, ["text", "value", "record"]);
    return guardedRedactor(given);
  }
  refuseUnknown("redact", given, { allow: true, deny: true });
  return createRedactor(given);
}

function isRedactor(given: NonNullable<OpAMPClientOptions["redact"]>): given is Redactor {
  return "text" in given || "value" in given || "record" in given;
}
