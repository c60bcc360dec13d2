import { readFileSync } from "node:fs";
import type { Spread } from "./cpu-profile.js";

/** The form in which V8 writes a heap snapshot: one flat list of numbers, some of them indices into lists of names. */
interface Snapshot {
  snapshot: { meta: { node_fields: readonly string[]; node_types: readonly [readonly string[], ...unknown[]] } };
  nodes: readonly number[];
  strings: readonly string[];
}

/** Kinds whose names say where they come from; all others are taken together. */
const NAMED = new Set(["object", "closure", "native"]);

/** Reads a `.heapsnapshot`: bytes by constructor, function or kind. */
export function readHeapSnapshot(file: string): Spread {
  const { snapshot, nodes, strings }: Snapshot = JSON.parse(readFileSync(file, "utf8"));
  const { node_fields: fields, node_types: types } = snapshot.meta;
  const at = { kind: fields.indexOf("type"), name: fields.indexOf("name"), bytes: fields.indexOf("self_size") };
  const spread = new Map<string, number>();
  for (let start = 0; start < nodes.length; start += fields.length) {
    const read = (offset: number): number => nodes[start + offset] ?? 0;
    const kind = types[0][read(at.kind)] ?? "unknown";
    const name = NAMED.has(kind) ? `${kind} ${strings[read(at.name)]}` : kind;
    spread.set(name, (spread.get(name) ?? 0) + read(at.bytes));
  }
  return spread;
}
