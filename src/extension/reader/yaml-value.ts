import type { Alias, Document, Node, Pair, YAMLMap } from "yaml";
import { isObject } from "../../base/checks.js";
import { yaml } from "./yaml-source.js";

/** What can be wrong with a text whose syntax is right. */
export type ValueProblem = "BAD_ALIAS" | "BAD_MERGE" | "DUPLICATE_KEY" | "TOO_MUCH";

/** What a document comes to. */
export interface YamlValue {
  readonly value: unknown;
  /** In the order of the text; the value is of no use where there is one. */
  readonly problems: readonly { problem: ValueProblem; offset: number }[];
  /** The node that an alias stands for. */
  targetOf(alias: Alias): Node | undefined;
}

interface Found {
  value: unknown;
  /** What it amounts to with every alias in it written out, in characters. */
  weight: number;
}

/** What all aliases of a text together may amount to, in characters: room for thousands of blocks, and for no bomb. */
const MOST_ALIASED = 64 * 1_024 * 1_024;
/** What a node costs besides its text. */
const NODE_WEIGHT = 16;
const MERGE = "<<";

/**
 * The value of a document, in time in proportion to its text. The library's own way compares each key with all others of
 * its map, looks through all anchors for each alias, and bounds how many aliases there are, not what they amount to.
 *
 * A value with an anchor is made once, and all its aliases share it.
 */
export function yamlValueOf(document: Document): YamlValue {
  const anchors = new Map<string, { node: Node; found: Found }>();
  const targets = new Map<Alias, Node>();
  const problems: { problem: ValueProblem; offset: number }[] = [];
  let aliased = 0;

  function wrong(problem: ValueProblem, at: unknown): void {
    problems.push({ problem, offset: yaml().isNode(at) ? (at.range?.[0] ?? 0) : 0 });
  }

  function find(node: unknown): Found {
    if (yaml().isAlias(node)) return findAlias(node);
    const value: unknown = yaml().isMap(node)
      ? {}
      : yaml().isSeq(node)
        ? []
        : yaml().isScalar(node)
          ? node.value
          : null;
    const found: Found = { value, weight: NODE_WEIGHT + (typeof value === "string" ? value.length : 0) };
    // Before what is in it, which may refer to it.
    if (yaml().isNode(node) && node.anchor !== undefined) anchors.set(node.anchor, { node, found });
    if (yaml().isMap(node)) fillMap(node, found, found.value as Record<string, unknown>);
    if (yaml().isSeq(node)) for (const item of node.items) (found.value as unknown[]).push(inside(found, item));
    return found;
  }

  function inside(outer: Found, node: unknown): unknown {
    const { value, weight } = find(node);
    outer.weight += weight;
    return value;
  }

  function findAlias(alias: Alias): Found {
    const target = anchors.get(alias.source);
    if (target === undefined) {
      wrong("BAD_ALIAS", alias);
      return { value: null, weight: 0 };
    }
    targets.set(alias, target.node);
    const before = aliased;
    aliased += target.found.weight;
    if (before <= MOST_ALIASED && aliased > MOST_ALIASED) wrong("TOO_MUCH", alias);
    return target.found;
  }

  function fillMap(node: YAMLMap, found: Found, map: Record<string, unknown>): void {
    const given = new Set<string>();
    for (const pair of node.items) {
      const key = keyOf(pair);
      if (given.has(key)) wrong("DUPLICATE_KEY", pair.key);
      given.add(key);
      const value = inside(found, pair.value);
      if (isMerge(pair)) merge(map, value, pair);
      else put(map, key, value);
    }
  }

  function merge(map: Record<string, unknown>, given: unknown, pair: Pair): void {
    const sources: readonly unknown[] = Array.isArray(given) ? given : [given];
    if (!sources.every(isObject)) return wrong("BAD_MERGE", pair.key);
    // Where what is merged is too much already, copying it is what must not be done.
    if (aliased > MOST_ALIASED) return;
    for (const [key, value] of sources.flatMap((source) => Object.entries(source))) {
      if (!Object.hasOwn(map, key)) put(map, key, value);
    }
  }

  const { value } = find(document.contents);
  return { value, problems, targetOf: (alias) => targets.get(alias) };
}

/** The text of a key; the schema takes no other keys. */
export function keyOf({ key }: Pair): string {
  return yaml().isScalar(key) ? String(key.value) : "";
}

/** Whether a pair merges maps into the one that it is in. */
export function isMerge({ key }: Pair): boolean {
  return yaml().isScalar(key) && key.value === MERGE && (key.type ?? "PLAIN") === "PLAIN";
}

/** Even "__proto__" is a key like any other. */
function put(map: Record<string, unknown>, key: string, value: unknown): void {
  if (key in map) Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true });
  else map[key] = value;
}
