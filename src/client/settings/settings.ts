import {
  checkFinite,
  checkFlag,
  checkFunction,
  checkFunctions,
  count,
  durations,
  flag,
  oneOf,
  refuseUnknown,
} from "../../base/checks.js";
import { isOptions, isRecord, kindOf, wrongOption } from "../../base/option-path.js";
import { DAY_MS } from "../../base/time.js";
import { DEFAULT_BACKOFF } from "../../core/backoff.js";
import { type CapabilityName, capabilityNames } from "../../core/capabilities.js";
import type { HeartbeatBounds } from "../../core/config.js";
import type { Redactor } from "../../diagnostics/redactor.js";
import type { Handlers, OpAMPClientOptions, Timeouts } from "../options.js";
import { type NetworkSettings, readNetworkSettings } from "./network-settings.js";
import { readRedactor } from "./read-redactor.js";

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
  effectiveConfig: true,
  remoteConfig: true,
  restart: true,
} as const satisfies Record<keyof OpAMPClientOptions, true>;

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
const NOTHING_OFF: ReadonlySet<CapabilityName> = new Set();
const THROTTLE = { floorMs: 30_000, maxMs: DAY_MS };

/** Which option turns a capability on, for those that one can. */
const SUPPLIED_BY: Partial<Record<CapabilityName, string>> = {
  acceptsRemoteConfig: "remoteConfig",
  reportsRemoteConfig: "remoteConfig",
  reportsEffectiveConfig: "effectiveConfig",
  acceptsRestartCommand: "restart",
  reportsHealth: "health",
  reportsAvailableComponents: "availableComponents",
  reportsHeartbeat: "heartbeat",
  reportsStatus: "description",
};

/**
 * Checks everything that can be checked without acting on it.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION` naming the option, what is wrong with it and what would be right
 */
export function readSettings(options: OpAMPClientOptions): Settings {
  if (!isOptions(options)) throw wrongOption("options", `must be an object, not ${kindOf(options)}`);
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
  for (const [where, { minMs, maxMs }] of [
    ["heartbeat", heartbeat],
    ["backoff", backoff],
  ] as const) {
    if (minMs > maxMs) throw wrongOption(where, `minMs (${minMs}) is above maxMs (${maxMs})`);
  }
  if (throttle.floorMs > throttle.maxMs) {
    throw wrongOption("throttle", `floorMs (${throttle.floorMs}) is above maxMs (${throttle.maxMs})`);
  }
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
    customMessageMs: durations(
      "",
      options.customMessageMs === undefined ? undefined : { customMessageMs: options.customMessageMs },
      { customMessageMs: Number.POSITIVE_INFINITY },
    ).customMessageMs,
    maxCustomMessages: count("maxCustomMessages", options.maxCustomMessages, 100),
    keepAlive: flag("keepAlive", options.keepAlive),
    requestInstanceUid: flag("requestInstanceUid", options.requestInstanceUid),
    off: narrowed(options),
    redactor: readRedactor(options.redact),
  };
}

const HANDLERS = { effectiveConfig: true, remoteConfig: true, restart: true } as const satisfies Record<
  keyof Handlers,
  true
>;

/**
 * Checks handlers that are given later than the options.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export function checkNewHandlers(handlers: Handlers): void {
  if (!isOptions(handlers)) throw wrongOption("handlers", `must be an object, not ${kindOf(handlers)}`);
  refuseUnknown("", handlers, HANDLERS);
  checkHandlers(handlers);
}

function checkHandlers(handlers: Handlers): void {
  checkFunction("effectiveConfig", handlers.effectiveConfig);
  checkFunction("restart", handlers.restart);
  checkFunctions("remoteConfig", handlers.remoteConfig, ["apply"]);
  // A record's other keys are slips; an instance of a class may have fields of its own.
  if (isRecord(handlers.remoteConfig)) refuseUnknown("remoteConfig", handlers.remoteConfig, { apply: true });
}

function narrowed(options: OpAMPClientOptions): ReadonlySet<CapabilityName> {
  const given = options.capabilities;
  if (given === undefined) return NOTHING_OFF;
  if (!isOptions(given)) throw wrongOption("capabilities", `must be an object, not ${kindOf(given)}`);
  const off = new Set<CapabilityName>();
  refuseUnknown("capabilities", given, Object.fromEntries(capabilityNames.map((name) => [name, true])));
  for (const name of capabilityNames) {
    const wanted = given[name];
    if (wanted === undefined) continue;
    const where = `capabilities.${name}`;
    checkFlag(where, wanted);
    if (!wanted && name === "reportsStatus") throw wrongOption(where, "is always on (CAP-03)");
    if (!wanted) off.add(name);
    else requireSupply(where, name, options);
  }
  return off;
}

function requireSupply(where: string, name: CapabilityName, options: OpAMPClientOptions): void {
  const option = SUPPLIED_BY[name];
  if (option === undefined) throw wrongOption(where, "is not supported by this version and cannot be turned on");
  const always = option === "heartbeat" || option === "health" || option === "availableComponents";
  const supplied = Object.entries(options).some(([key, value]) => key === option && value !== undefined);
  if (!always && !supplied) throw wrongOption(where, `follows from what you supply: give \`${option}\` to turn it on`);
}

function pings(given: OpAMPClientOptions["ping"]): Settings["ping"] {
  if (given === undefined) return PING_AS_HEARTBEAT;
  if (given === false) return false;
  const { intervalMs } = durations("ping", given, { intervalMs: 0 });
  return { intervalMs: intervalMs === 0 ? undefined : intervalMs };
}
