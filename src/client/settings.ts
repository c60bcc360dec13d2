import { DEFAULT_BACKOFF } from "../core/backoff.js";
import { type CapabilityName, capabilityNames } from "../core/capabilities.js";
import type { HeartbeatBounds } from "../core/config.js";
import { OpAMPError } from "../errors.js";
import { checkHeader, isHeaderRecord } from "../transport/headers.js";
import { DEFAULT_MAX_MESSAGE_BYTES } from "../wire/limits.js";
import { isOptions, isRecord, kindOf, member, wrongOption } from "./option-path.js";
import type { Handlers, OpAMPClientOptions, Timeouts } from "./options.js";

/** The options, checked, with the defaults in place. */
export interface Settings {
  heartbeat: HeartbeatBounds;
  backoff: { minMs: number; maxMs: number };
  throttle: { floorMs: number; maxMs: number };
  timeouts: Required<Timeouts>;
  reconnectReport: "changed" | "full";
  maxMessageBytes: number;
  maxCustomMessages: number;
  keepAlive: boolean;
  requestInstanceUid: boolean;
  /** Capabilities that stay off. */
  off: ReadonlySet<CapabilityName>;
}

const KEYS = {
  url: true,
  transport: true,
  headers: true,
  description: true,
  health: true,
  instanceUid: true,
  requestInstanceUid: true,
  store: true,
  capabilities: true,
  heartbeat: true,
  backoff: true,
  throttle: true,
  timeouts: true,
  reconnectReport: true,
  maxMessageBytes: true,
  maxCustomMessages: true,
  keepAlive: true,
  logger: true,
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
const NOTHING_OFF: ReadonlySet<CapabilityName> = new Set();
const THROTTLE = { floorMs: 30_000, maxMs: 86_400_000 };

/** Which option turns a capability on, for those that one can. */
const SUPPLIED_BY: Partial<Record<CapabilityName, string>> = {
  acceptsRemoteConfig: "remoteConfig",
  reportsRemoteConfig: "remoteConfig",
  reportsEffectiveConfig: "effectiveConfig",
  acceptsRestartCommand: "restart",
  reportsHealth: "health",
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
  if (options.url === undefined && options.transport === undefined) {
    throw wrongOption("url", "is missing; give the server's URL, such as wss://opamp.example.com:4320/v1/opamp");
  }
  if (options.description === undefined) {
    throw wrongOption("description", 'is missing; give at least { identifying: { "service.name": "..." } }');
  }
  checkHandlers(options);
  checkFunctions("logger", options.logger, ["debug", "info", "warn", "error"]);
  checkFunctions("store", options.store, ["load", "save"]);
  checkFunctions("transport", options.transport, ["open", "send", "close"]);
  if (options.transport !== undefined) checkFlag("transport.duplex", options.transport.duplex);
  checkFunctions("clock", options.clock, ["now", "wallNow", "after", "soon"]);
  checkFunction("random", options.random);
  checkHeaders(options.headers);
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
  return {
    heartbeat,
    backoff,
    throttle,
    timeouts: durations("timeouts", options.timeouts, TIMEOUTS),
    reconnectReport: oneOf("reconnectReport", options.reconnectReport, ["changed", "full"]),
    maxMessageBytes: count("maxMessageBytes", options.maxMessageBytes, DEFAULT_MAX_MESSAGE_BYTES),
    maxCustomMessages: count("maxCustomMessages", options.maxCustomMessages, 100),
    keepAlive: flag("keepAlive", options.keepAlive),
    requestInstanceUid: flag("requestInstanceUid", options.requestInstanceUid),
    off: narrowed(options),
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

function refuseUnknown(where: string, given: object, known: Readonly<Record<string, unknown>>): void {
  for (const key of Object.keys(given)) {
    if (Object.hasOwn(known, key)) continue;
    const path = where === "" ? key : `${where}.${key}`;
    throw wrongOption(path, `is not an option; known are ${Object.keys(known).join(", ")}`);
  }
}

function durations<T extends { readonly [K in keyof T]: number }>(
  where: string,
  given: { readonly [K in keyof T]?: number } | undefined,
  defaults: T,
): T {
  if (given === undefined) return defaults;
  if (!isOptions(given)) throw wrongOption(where, `must be an object, not ${kindOf(given)}`);
  refuseUnknown(where, given, defaults);
  // A member that is there and undefined is not given either.
  const present = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  for (const [key, value] of Object.entries(present)) {
    if (typeof value !== "number" || Number.isNaN(value) || value <= 0) {
      throw wrongOption(
        `${where}.${key}`,
        `must be milliseconds above 0, not ${kindOf(value) === "number" ? value : kindOf(value)}`,
      );
    }
  }
  return { ...defaults, ...present };
}

function checkFinite(where: string, value: number): void {
  if (!Number.isFinite(value)) throw wrongOption(where, "must be finite, or there would be no next attempt");
}

function count(where: string, value: number | undefined, fallback: number): number {
  if (value === undefined) return fallback;
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw wrongOption(where, "must be a whole number above 0");
}

function flag(where: string, value: boolean | undefined): boolean {
  if (value !== undefined) checkFlag(where, value);
  return value ?? false;
}

function checkFlag(where: string, value: unknown): void {
  if (typeof value !== "boolean") throw wrongOption(where, `must be true or false, not ${kindOf(value)}`);
}

function oneOf<T extends string>(where: string, value: T | undefined, allowed: readonly [T, ...T[]]): T {
  if (value === undefined) return allowed[0];
  if (allowed.includes(value)) return value;
  throw wrongOption(where, `must be one of ${allowed.map((word) => JSON.stringify(word)).join(", ")}`);
}

function checkFunction(where: string, value: unknown): void {
  if (value !== undefined && typeof value !== "function") {
    throw wrongOption(where, `must be a function, not ${kindOf(value)}`);
  }
}

function checkFunctions(where: string, value: unknown, names: readonly string[]): void {
  if (value === undefined) return;
  if (!isOptions(value)) throw wrongOption(where, `must be an object with ${names.join(", ")}, not ${kindOf(value)}`);
  for (const name of names) {
    if (typeof value[name] !== "function")
      throw wrongOption(`${where}.${name}`, `must be a function, not ${kindOf(value[name])}`);
  }
}

function checkHeaders(headers: OpAMPClientOptions["headers"]): void {
  if (headers === undefined || typeof headers === "function") return;
  if (!isHeaderRecord(headers)) throw wrongOption("headers", `must be a record or a function, not ${kindOf(headers)}`);
  for (const [name, value] of Object.entries(headers)) {
    try {
      checkHeader(name, value);
    } catch (cause) {
      if (!(cause instanceof OpAMPError)) throw cause;
      throw new OpAMPError("ERR_OPAMP_OPTION", `${member("headers", name)}: cannot be sent as it is`, {
        hint: cause.hint,
      });
    }
  }
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
  const always = option === "heartbeat" || option === "health";
  const supplied = Object.entries(options).some(([key, value]) => key === option && value !== undefined);
  if (!always && !supplied) throw wrongOption(where, `follows from what you supply: give \`${option}\` to turn it on`);
}
