import {
  checkDuration,
  checkFinite,
  checkFlag,
  checkFunction,
  checkFunctions,
  count,
  durations,
  flag,
  isObject,
  kindOf,
  oneOf,
  refuseUnknown,
  wrongOption,
} from "../../base/checks.js";
import { DAY_MS } from "../../base/time.js";
import { DEFAULT_BACKOFF } from "../../core/backoff.js";
import type { CapabilityName } from "../../core/capabilities.js";
import type { HeartbeatBounds } from "../../core/keepalive.js";
import { createRedactor, guardedRedactor, type Redactor } from "../../diagnostics/redactor.js";
import { capabilitiesOff, checkHandlers, handlerTable } from "../handlers/handler-table.js";
import type { OpAMPClientOptions, Timeouts } from "../options.js";
import { type NetworkSettings, readNetworkSettings } from "./network-settings.js";

/** The options, checked, with the defaults in place. */
export interface Settings extends NetworkSettings {
  heartbeat: HeartbeatBounds;
  backoff: { minMs: number; maxMs: number };
  throttle: { floorMs: number; maxMs: number };
  timeouts: Required<Timeouts>;
  reconnectReport: "changed" | "full";
  onForeignStore: "stop" | "newIdentity";
  /** `undefined`: as the heartbeat. */
  ping: { intervalMs: number | undefined } | false;
  maxCustomMessages: number;
  /** How long a custom message may wait for the server. */
  customMessageMs: number;
  keepAlive: boolean;
  requestInstanceUid: boolean;
  /** Capabilities that stay off. */
  off: ReadonlySet<CapabilityName>;
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
  onForeignStore: true,
  capabilities: true,
  heartbeat: true,
  backoff: true,
  throttle: true,
  timeouts: true,
  reconnectReport: true,
  maxMessageBytes: true,
  maxCustomMessages: true,
  tls: true,
  proxy: true,
  compression: true,
  maxRedirects: true,
  ping: true,
  customMessageMs: true,
  keepAlive: true,
  logger: true,
  redact: true,
  meter: true,
  clock: true,
  random: true,
  ...handlerTable,
} as const satisfies Record<keyof OpAMPClientOptions, unknown>;

const TIMEOUTS: Required<Timeouts> = {
  connectMs: 30_000,
  answerMs: 30_000,
  applyMs: 300_000,
  abortMs: 5_000,
  effectiveConfigMs: 5_000,
  closeMs: 1_000,
};

const HEARTBEAT: HeartbeatBounds = { intervalMs: 30_000, minMs: 1_000, maxMs: Number.POSITIVE_INFINITY };
const PING_AS_HEARTBEAT = { intervalMs: undefined };
/** For all clients that say nothing about it. */
let usualRedactor: Redactor | undefined;
const THROTTLE = { floorMs: 30_000, maxMs: DAY_MS };

/**
 * Checks everything that can be checked without acting on it.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION` naming the option, what is wrong with it and what would be right
 */
export function readSettings(options: OpAMPClientOptions): Settings {
  if (!isObject(options)) throw wrongOption("options", `must be an object, not ${kindOf(options)}`);
  refuseUnknown("", options, KEYS);
  if (options.url === undefined && (options.transport === undefined || options.transport === "auto")) {
    throw wrongOption("url", "is missing; give the server's URL, such as wss://opamp.example.com:4320/v1/opamp");
  }
  if (options.description === undefined) {
    throw wrongOption("description", 'is missing; give at least { identifying: { "service.name": "..." } }');
  }
  checkHandlers(options);
  checkFunctions("logger", options.logger, ["debug", "info", "warn", "error"]);
  checkFunctions("meter", options.meter, ["createCounter"]);
  checkFunctions("store", options.store, ["load", "save"]);
  checkFunction("store.close", options.store?.close);
  if (options.transport !== "auto") {
    checkFunctions("transport", options.transport, ["open", "send", "ping", "close"]);
    if (options.transport !== undefined) checkFlag("transport.duplex", options.transport.duplex);
  }
  checkFunctions("clock", options.clock, ["now", "wallNow", "after", "soon"]);
  checkFunction("random", options.random);
  const heartbeat = durations("heartbeat", options.heartbeat, HEARTBEAT);
  const backoff = durations("backoff", options.backoff, DEFAULT_BACKOFF);
  const throttle = durations("throttle", options.throttle, THROTTLE);
  checkFinite("backoff.minMs", backoff.minMs);
  checkFinite("throttle.floorMs", throttle.floorMs);
  checkBounds("heartbeat", "minMs", heartbeat.minMs, heartbeat.maxMs);
  checkBounds("backoff", "minMs", backoff.minMs, backoff.maxMs);
  checkBounds("throttle", "floorMs", throttle.floorMs, throttle.maxMs);
  const { customMessageMs = Number.POSITIVE_INFINITY } = options;
  checkDuration("customMessageMs", customMessageMs);
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
    reconnectReport: oneOf("reconnectReport", options.reconnectReport, ["changed", "full"]),
    onForeignStore: oneOf("onForeignStore", options.onForeignStore, ["stop", "newIdentity"]),
    ping: pings(options.ping),
    customMessageMs,
    maxCustomMessages: count("maxCustomMessages", options.maxCustomMessages, 100),
    keepAlive: flag("keepAlive", options.keepAlive),
    requestInstanceUid: flag("requestInstanceUid", options.requestInstanceUid),
    off: capabilitiesOff(options),
    redactor: readRedactor(options.redact),
  };
}

function checkBounds(where: string, least: string, minMs: number, maxMs: number): void {
  if (minMs > maxMs) throw wrongOption(where, `${least} (${minMs}) is above maxMs (${maxMs})`);
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
  if (!isObject(given)) throw wrongOption("redact", `must be an object, not ${kindOf(given)}`);
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
