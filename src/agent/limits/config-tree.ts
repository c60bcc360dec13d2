import type { Node, Pair } from "yaml";
import { attempt } from "../../base/checks.js";
import { atOnce } from "../../base/steps.js";
import { readYaml, yaml } from "../../extension/reader/yaml-source.js";

/** What a configuration file says, with the keys as they are written. */
export type Tree = ReadonlyMap<string, Tree> | readonly Tree[] | string | number | boolean | null;

/** A text that cannot be looked into, and why. */
export class Unreadable extends Error {}

/** Enough for any configuration; aliases can make a short text into more than memory holds. */
const MOST_NODES = 200_000;
const DEEPEST = 200;
/** Line breaks to some programs, and to others not. */
const ODD_BREAK = /\r(?!\n)|[\u0085\u2028\u2029]/;
const KNOWN_TAG = /^!!(?:str|int|float|bool|null|map|seq)$/;

/**
 * The documents of a YAML or JSON file. Refuses what programs read in different ways, since it would be another
 * configuration to the program than to the check: keys that are there twice, merge keys, tags, directives, and line breaks
 * that only some know.
 *
 * @param isJson whether it has to be JSON
 * @throws Unreadable that says what is in the way, as a part of a sentence
 */
export function treesOf(body: Uint8Array, isJson: boolean): Tree[] {
  const text = attempt(() => new TextDecoder("utf-8", { fatal: true }).decode(body));
  if (text === undefined || text.includes("\0")) throw new Unreadable("is not UTF-8 text");
  if (ODD_BREAK.test(text)) throw new Unreadable("has line breaks that programs read in different ways");
  if (isJson && attempt(() => [JSON.parse(text)]) === undefined) throw new Unreadable("is not valid JSON");
  if (/^%/m.test(text)) throw new Unreadable("has a YAML directive");
  const source = atOnce(readYaml(text));
  if (source === undefined) throw new Unreadable("is not valid YAML or JSON");
  if (source.tags.some((tag) => !KNOWN_TAG.test(tag.source))) throw new Unreadable("has a YAML tag");
  let nodes = 0;

  return source.documents.map((document) => {
    function treeOf(node: unknown, depth: number): Tree {
      nodes += 1;
      if (nodes > MOST_NODES || depth > DEEPEST) throw new Unreadable("has too many values, or values too deep");
      const { isAlias, isMap, isSeq, isScalar } = yaml();
      if (node === null || node === undefined) return null;
      if (isAlias(node)) return treeOf(node.resolve(document), depth + 1);
      if (isSeq<Node>(node)) return node.items.map((item) => treeOf(item, depth + 1));
      if (isMap<Node, Node>(node)) return mapOf(node.items, depth);
      return isScalar(node) ? scalarOf(node.value) : null;
    }

    function mapOf(pairs: readonly Pair<Node, Node | null>[], depth: number): Tree {
      const map = new Map<string, Tree>();
      for (const { key, value } of pairs) {
        if (!yaml().isScalar(key)) throw new Unreadable("has a key that is not plain text");
        const name = String(key.value ?? "");
        if (name === "<<") throw new Unreadable("has a merge key (<<)");
        if (map.has(name)) throw new Unreadable(`has the key ${JSON.stringify(name)} twice in one map`);
        map.set(name, treeOf(value, depth + 1));
      }
      return map;
    }

    return treeOf(document.contents, 0);
  });
}

function scalarOf(value: unknown): Tree {
  const isPlain = typeof value === "number" || typeof value === "boolean" || value === null;
  return isPlain ? value : String(value);
}
