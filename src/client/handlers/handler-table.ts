import {
  amongKnown,
  checkFunction,
  checkFunctions,
  isObject,
  isRecord,
  kindOf,
  member,
  refuseUnknown,
  wrongKind,
  wrongOption,
} from "../../base/checks.js";
import { type CapabilityName, capabilityNames, maskOf } from "../../core/capabilities.js";
import type { Handlers, OpAMPClientOptions } from "../options.js";
import type { HandledKind, HandlerRow, OfferHandler } from "./handler-row.js";
import { remoteConfig } from "./remote-config.js";

/** The kinds of offers that a host can take. */
export const offerHandlers: Readonly<Record<HandledKind, OfferHandler>> = { remoteConfig };

export const offerKinds = Object.keys(offerHandlers) as readonly HandledKind[];

/** All that a host can supply, by the name of its option. */
export const handlerTable: { readonly [H in keyof Handlers]-?: HandlerRow } = {
  effectiveConfig: {
    capabilities: ["reportsEffectiveConfig"],
    hint: "reports go without it until it is read again: after an apply, or with refreshEffectiveConfig()",
  },
  ...offerHandlers,
  restart: { capabilities: ["acceptsRestartCommand"] },
};

const handlerNames = Object.keys(handlerTable) as readonly (keyof Handlers)[];
const NONE_WITHHELD: ReadonlySet<CapabilityName> = new Set();

/** What the host supplies. */
export interface Supplied {
  handlers: Handlers;
  /** Health was given at some time. */
  health: boolean;
  /** Available components were given at some time. */
  components: boolean;
  /** What goes with the connection settings that are taken. */
  settings?: readonly CapabilityName[];
  /** What is not declared all the same. */
  readonly withheld: ReadonlySet<CapabilityName>;
}

/** What of the options is a handler. */
export function handlersIn(options: Handlers): Handlers {
  return Object.fromEntries(handlerNames.map((name) => [name, options[name]]));
}

/** The capability mask that follows from what the host supplies, less what it withholds (CAP-06, SEC-05). */
export function declaredMask({ handlers, health, components, settings, withheld }: Supplied): bigint {
  const names: CapabilityName[] = ["reportsHeartbeat"];
  for (const name of handlerNames) if (handlers[name] !== undefined) names.push(...handlerTable[name].capabilities);
  if (health) names.push("reportsHealth");
  if (components) names.push("reportsAvailableComponents");
  if (settings !== undefined) names.push(...settings);
  return maskOf(names.filter((name) => !withheld.has(name)));
}

/**
 * Checks handlers that are given later than the options.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export function checkNewHandlers(handlers: Handlers): void {
  if (!isObject(handlers)) throw wrongKind("handlers", "an object", handlers);
  refuseUnknown("", handlers, handlerTable);
  checkHandlers(handlers);
}

/** @throws OpAMPError `ERR_OPAMP_OPTION` */
export function checkHandlers(handlers: Handlers): void {
  for (const name of handlerNames) {
    checkHandler(name, handlers[name], handlerTable[name]);
  }
}

/**
 * @param name its path in the options
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export function checkHandler(
  name: string,
  handler: unknown,
  { members, optional = [] }: Pick<HandlerRow, "members" | "optional">,
): void {
  if (members === undefined) return checkFunction(name, handler);
  checkFunctions(name, handler, members);
  if (isObject(handler)) for (const extra of optional) checkFunction(`${name}.${extra}`, handler[extra]);
  // A record's other keys are slips; an instance of a class may have fields of its own.
  const known = Object.fromEntries([...members, ...optional].map((member) => [member, true]));
  if (isRecord(handler)) refuseUnknown(name, handler, known);
}

/**
 * The capabilities to withhold.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export function readWithheld(given: OpAMPClientOptions["withhold"]): ReadonlySet<CapabilityName> {
  if (given === undefined) return NONE_WITHHELD;
  if (!Array.isArray(given)) throw wrongKind("withhold", "a list of names", given);
  return new Set(given.map((name, index) => checkWithheld(member("withhold", index), name)));
}

function checkWithheld(where: string, name: unknown): CapabilityName {
  const known = capabilityNames.find((candidate) => candidate === name);
  if (known === "reportsStatus") throw wrongOption(where, "cannot be withheld: every agent reports its status");
  if (known !== undefined) return known;
  const [what, given] = typeof name === "string" ? [JSON.stringify(name), name] : [kindOf(name), ""];
  throw wrongOption(where, `must be the name of a capability, not ${what}${amongKnown(given, capabilityNames)}`);
}
