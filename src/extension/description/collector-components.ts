import { createHash } from "node:crypto";
import { checkOptions, isRecord, member, text, wrongKind } from "../../base/checks.js";
import { COMPONENTS_HASH, type Component, type Components } from "../../values/components.js";

/** Component types with the module that each comes from, such as "go.example.com/receiver v1.2.0"; or just the types. */
export type ComponentTypes = Readonly<Record<string, string>> | readonly string[];

/** What a Collector-like agent is built of. A group that is left out is empty. */
export interface CollectorComponents {
  /** Default: none. */
  receivers?: ComponentTypes | undefined;
  /** Default: none. */
  processors?: ComponentTypes | undefined;
  /** Default: none. */
  exporters?: ComponentTypes | undefined;
  /** Default: none. */
  extensions?: ComponentTypes | undefined;
  /** Default: none. */
  connectors?: ComponentTypes | undefined;
}

/** In the order in which they are hashed, by the name that they are hashed under. */
const GROUPS = {
  receivers: "receiver",
  processors: "processor",
  exporters: "exporter",
  extensions: "extension",
  connectors: "connector",
} as const satisfies Record<keyof CollectorComponents, string>;

type Modules = readonly (readonly [type: string, module: string])[];

/**
 * Components in the layout of the Collector's extension and with its hash, for `availableComponents`: five groups, with a
 * type's module under `code.namespace` (COMP-04, COMP-06).
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export function collectorComponents(types: CollectorComponents = {}): Components {
  checkOptions("collectorComponents", types, GROUPS);
  const digest = createHash("sha256");
  const groups: Record<string, Component> = {};
  for (const [group, hashedName] of Object.entries(GROUPS) as [keyof typeof GROUPS, string][]) {
    const modules = sortedModules(`collectorComponents.${group}`, types[group]);
    digest.update(`${hashedName}:${modules.map(([type, module]) => `${type}=${module};`).join("")}`);
    groups[group] = { components: Object.fromEntries(modules.map(([type, module]) => [type, detailsOf(module)])) };
  }
  return { ...groups, [COMPONENTS_HASH]: new Uint8Array(digest.digest()) };
}

/**
 * Components that are just names, for `availableComponents`.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export function componentsFromList(names: readonly string[]): Components {
  return Object.fromEntries(sortedModules("componentsFromList", names).map(([name]) => [name, {}]));
}

function detailsOf(module: string): Component {
  return module === "" ? {} : { metadata: { "code.namespace": module } };
}

function sortedModules(where: string, types: unknown): Modules {
  const entries = Array.isArray(types) ? fromList(where, types) : fromRecord(where, types ?? {});
  return entries.sort(([a], [b]) => (a < b ? -1 : 1));
}

function fromList(where: string, types: readonly unknown[]): [string, string][] {
  const named = types.map((type, index) => text(member(where, index), type));
  return [...new Set(named)].map((type) => [type, ""]);
}

function fromRecord(where: string, types: unknown): [string, string][] {
  if (!isRecord(types)) throw wrongKind(where, "a record of types and modules, or a list of types", types);
  return Object.entries(types).map(([type, module]) => [type, text(member(where, type), module)]);
}
