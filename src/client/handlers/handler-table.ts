import {
  checkFlag,
  checkFunction,
  checkFunctions,
  isObject,
  isRecord,
  kindOf,
  refuseUnknown,
  wrongOption,
} from "../../base/checks.js";
import { type CapabilityName, capabilityNames, maskOf } from "../../core/capabilities.js";
import type { OfferKind } from "../../core/io.js";
import type { Handlers, OpAMPClientOptions } from "../options.js";
import type { HandlerRow, OfferHandler } from "./handler-row.js";
import { remoteConfig } from "./remote-config.js";

/** The kinds of offers that a host can take. */
export const offerHandlers: Readonly<Record<OfferKind, OfferHandler>> = { remoteConfig };

export const offerKinds = Object.keys(offerHandlers) as readonly OfferKind[];

/** All that a host can supply, by the name of its option. */
export const handlerTable: { readonly [H in keyof Handlers]-?: HandlerRow } = {
  effectiveConfig: { capabilities: ["reportsEffectiveConfig"] },
  ...offerHandlers,
  restart: { capabilities: ["acceptsRestartCommand"] },
};

const handlerNames = Object.keys(handlerTable) as readonly (keyof Handlers)[];
/** What no handler turns on: it can always be had, or is always on. */
const OTHERS: readonly CapabilityName[] = [
  "reportsHealth",
  "reportsAvailableComponents",
  "reportsHeartbeat",
  "reportsStatus",
];
const NOTHING_OFF: ReadonlySet<CapabilityName> = new Set();

/** What the host supplies. */
export interface Supplied {
  handlers: Handlers;
  /** Health was given at some time. */
  health: boolean;
  /** Available components were given at some time. */
  components: boolean;
}

/** What of the options is a handler. */
export function handlersIn(options: Handlers): Handlers {
  return Object.fromEntries(handlerNames.map((name) => [name, options[name]]));
}

/** The capability mask that follows from what the host supplies, less what it wants left off (CAP-06, SEC-05). */
export function declaredMask({ handlers, health, components }: Supplied, off: ReadonlySet<CapabilityName>): bigint {
  const names: CapabilityName[] = ["reportsHeartbeat"];
  for (const name of handlerNames) if (handlers[name] !== undefined) names.push(...handlerTable[name].capabilities);
  if (health) names.push("reportsHealth");
  if (components) names.push("reportsAvailableComponents");
  return maskOf(names.filter((name) => !off.has(name)));
}

/**
 * Checks handlers that are given later than the options.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export function checkNewHandlers(handlers: Handlers): void {
  if (!isObject(handlers)) throw wrongOption("handlers", `must be an object, not ${kindOf(handlers)}`);
  refuseUnknown("", handlers, handlerTable);
  checkHandlers(handlers);
}

/** @throws OpAMPError `ERR_OPAMP_OPTION` */
export function checkHandlers(handlers: Handlers): void {
  for (const name of handlerNames) {
    const { members } = handlerTable[name];
    const handler: unknown = handlers[name];
    if (members === undefined) {
      checkFunction(name, handler);
      continue;
    }
    checkFunctions(name, handler, members);
    // A record's other keys are slips; an instance of a class may have fields of its own.
    if (isRecord(handler)) refuseUnknown(name, handler, Object.fromEntries(members.map((member) => [member, true])));
  }
}

/**
 * The capabilities that stay off.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export function capabilitiesOff(options: OpAMPClientOptions): ReadonlySet<CapabilityName> {
  const given = options.capabilities;
  if (given === undefined) return NOTHING_OFF;
  if (!isObject(given)) throw wrongOption("capabilities", `must be an object, not ${kindOf(given)}`);
  const off = new Set<CapabilityName>();
  refuseUnknown("capabilities", given, Object.fromEntries(capabilityNames.map((name) => [name, true])));
  for (const name of capabilityNames) {
    const wanted = given[name];
    if (wanted === undefined) continue;
    const where = `capabilities.${name}`;
    checkFlag(where, wanted);
    if (!wanted && name === "reportsStatus") throw wrongOption(where, "is always on (CAP-03)");
    if (!wanted) off.add(name);
    else if (!OTHERS.includes(name)) requireHandler(where, name, options);
  }
  return off;
}

function requireHandler(where: string, name: CapabilityName, options: OpAMPClientOptions): void {
  const handler = handlerNames.find((candidate) => handlerTable[candidate].capabilities.includes(name));
  if (handler === undefined) throw wrongOption(where, "is not supported by this version and cannot be turned on");
  if (options[handler] !== undefined) return;
  throw wrongOption(where, `follows from what you supply: give \`${handler}\` to turn it on`);
}
