import { isDeepStrictEqual } from "node:util";
import { create } from "@bufbuild/protobuf";
import { checkFlag, isObject, isRecord, member, refuseUnknown, sameEntries, text, wrongKind } from "../base/checks.js";
import { unixNanoseconds } from "../base/time.js";
import { type ComponentHealth, ComponentHealthSchema } from "../gen/opamp/v1/opamp_pb.js";
import { type Attributes, MAX_ATTRIBUTE_DEPTH, toKeyValues, tooDeep } from "./attributes.js";

/** How an agent or one of its components is doing (HEALTH-01 to HEALTH-04). */
export interface Health {
  /** True only if it is up and well. */
  healthy: boolean;
  /** A word of your own, such as "StatusOK". Default: none. */
  status?: string | undefined;
  /** What is wrong, for people to read. Default: none. */
  lastError?: string | undefined;
  /**
   * When it started, as a Date or in nanoseconds since the Unix epoch; `0n` while it is not running. Default: for the
   * agent as a whole the time it was created, for a component none.
   */
  startTime?: Date | bigint | undefined;
  /** When this was observed, as a Date or in nanoseconds since the Unix epoch. Default: now. */
  statusTime?: Date | bigint | undefined;
  /** The components inside this one, by name. Default: none. */
  components?: Readonly<Record<string, Health>> | undefined;
  /** Anything else worth knowing. Default: none. */
  attributes?: Attributes | undefined;
}

const KEYS = {
  healthy: true,
  status: true,
  lastError: true,
  startTime: true,
  statusTime: true,
  components: true,
  attributes: true,
} as const satisfies Record<keyof Health, true>;
/** As the wire, the Collector and others call them. */
const FOREIGN = {
  error: "lastError",
  message: "lastError",
  componenthealthmap: "components",
  starttimeunixnano: "startTime",
  statustimeunixnano: "statusTime",
};

/** The times to assume where a {@link Health} has none, in nanoseconds since the Unix epoch. */
export interface HealthTimes {
  /** For the top level only. */
  startTime: bigint;
  /** For every level. */
  statusTime: bigint;
}

/**
 * Turns health into its wire form.
 *
 * @param where How to name it in an error.
 * @param depth How many levels down it is.
 * @throws {OpAMPError} ERR_OPAMP_OPTION naming the path of what is wrong; so too if components, and lists and records in
 * their attributes, nest more than 32 levels deep or contain themselves.
 */
export function toComponentHealth(health: Health, times: HealthTimes, where = "health", depth = 0): ComponentHealth {
  if (!isObject(health)) throw wrongKind(where, "an object such as { healthy }", health);
  if (depth > MAX_ATTRIBUTE_DEPTH) throw tooDeep(where);
  // A record's other keys are slips; an instance of a class may have fields of its own.
  if (isRecord(health)) refuseUnknown(where, health, KEYS, FOREIGN);
  const { healthy, status = "", lastError = "" } = health;
  checkFlag(`${where}.healthy`, healthy);
  const components = health.components ?? {};
  if (!isRecord(components)) throw wrongKind(`${where}.components`, "a record of components", components);
  const inner = { startTime: 0n, statusTime: times.statusTime };
  const levels = Object.entries(components).map(([name, component]) => {
    return [name, toComponentHealth(component, inner, member(`${where}.components`, name), depth + 1)] as const;
  });
  return create(ComponentHealthSchema, {
    healthy,
    status: text(`${where}.status`, status),
    lastError: text(`${where}.lastError`, lastError),
    startTimeUnixNano: given(`${where}.startTime`, health.startTime) ?? times.startTime,
    statusTimeUnixNano: given(`${where}.statusTime`, health.statusTime) ?? times.statusTime,
    // fromEntries makes even "__proto__" an entry.
    componentHealthMap: Object.fromEntries(levels),
    attributes: toKeyValues(health.attributes ?? {}, `${where}.attributes`, depth),
  });
}

function given(where: string, time: unknown): bigint | undefined {
  return time === undefined || time === null ? undefined : unixNanoseconds(where, time);
}

/** Whether two healths say the same, whenever each was observed: status times are not compared, at any level. */
export function sameHealth(a: ComponentHealth, b: ComponentHealth): boolean {
  return (
    a.healthy === b.healthy &&
    a.startTimeUnixNano === b.startTimeUnixNano &&
    a.lastError === b.lastError &&
    a.status === b.status &&
    isDeepStrictEqual(a.attributes, b.attributes) &&
    sameEntries(a.componentHealthMap, b.componentHealthMap, sameHealth)
  );
}
