import { CST, isAlias, isMap, isScalar, isSeq, type Node, type Pair, type Scalar } from "yaml";
import {
  type Hiding,
  isArgument,
  isHarmless,
  ofItem,
  type SecretKeys,
  secretBySibling,
  type ValueKind,
} from "../../diagnostics/secret-keys.js";
import { scrubEachLine, scrubLines } from "../../diagnostics/secret-lines.js";
import { REDACTED } from "../../diagnostics/secret-names.js";
import { type Piece, readYaml } from "../reader/yaml-source.js";
import { type Edit, splice } from "./redact-json.js";

/** Which a value may have and still be the text that replaces it. */
const TEXT_TAGS = new Set(["!", "tag:yaml.org,2002:str"]);
/** What may stand in single quotes on one line. */
const PRINTABLE = /^[\x20-\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]*$/;

/** A pair is taken apart when it is its turn: its key may be an alias of what comes before it. */
type Visit = {
  readonly hiding: Hiding;
  /** The key above. */
  readonly outer: string;
} & ({ readonly node: Node } | { readonly pair: Pair });

/**
 * Takes the secrets out of YAML and leaves everything else as it is written: comments, order, quotes, anchors, line ends.
 *
 * @returns `undefined` for text that is not YAML of maps or lists, or nests too deeply
 */
export function redactYaml(text: string, keys: SecretKeys): string | undefined {
  const source = readYaml(text);
  if (source === undefined) return undefined;
  const { documents, comments, tags } = source;
  if (!documents.some(({ contents }) => isMap(contents) || isSeq(contents))) return undefined;
  /** Where edits overlap, the one that hides a secret wins. */
  const hidden: Edit[] = [];
  const cleaned: Edit[] = [];

  for (const { contents } of documents) {
    const anchors = new Map<string, Node>();
    const visited = new Set<Node>();
    const open: Visit[] = contents === null ? [] : [{ node: contents, hiding: "nothing", outer: "" }];
    // Last in, first out, so what is put in is put in backwards: anchors come before their aliases.
    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      if ("pair" in next) {
        open.push(...insideOf(next.pair, next, keys, anchors));
        continue;
      }
      const { node, hiding, outer } = next;
      if (isAlias(node)) {
        const target = anchors.get(node.source);
        if (target === undefined || hiding === "nothing" || visited.has(target)) continue;
        visited.add(target);
        open.push({ node: target, hiding: "secret", outer });
        continue;
      }
      if ("anchor" in node && node.anchor !== undefined) anchors.set(node.anchor, node);
      if (isScalar(node)) {
        if (hiding === "nothing") cleaned.push(...cleanScalar(node, text, keys));
        else hidden.push(...hideScalar(node, tags));
      } else if (isMap(node)) {
        const bySibling = secretBySibling(
          node.items.map(({ key, value }) => [nameOf(key, anchors), textOf(value)]),
          keys,
        );
        for (const pair of node.items.toReversed()) {
          open.push({ pair, hiding: bySibling.has(nameOf(pair.key, anchors)) ? "secret" : hiding, outer });
        }
      } else if (isSeq(node)) {
        for (const [index, item] of [...node.items.entries()].toReversed()) {
          const isSecret = isArgument(textOf(node.items[index - 1]) ?? "", textOf(item) ?? "", keys);
          // A pair without a map around it is an entry of an ordered map, `!!omap`.
          if (isPair(item)) open.push({ pair: item, hiding, outer });
          else if (isNode(item)) {
            open.push({ node: item, hiding: isSecret ? "secret" : ofItem(hiding, kindOf(item)), outer });
          }
        }
      }
    }
  }
  return splice(text, [...hidden, ...cleaned, ...redactComments(text, comments, keys)]);
}

function insideOf(
  pair: Pair,
  { hiding: around, outer }: Visit,
  keys: SecretKeys,
  anchors: ReadonlyMap<string, Node>,
): Visit[] {
  const { key, value } = pair;
  const visits: Visit[] = [];
  if (isNode(value)) {
    const name = nameOf(key, anchors);
    visits.push({ node: value, hiding: keys.below(around, name, kindOf(value), outer), outer: name });
  }
  // Where it has no value, as in a set, a key is the secret itself.
  if (isNode(key)) visits.push({ node: key, hiding: value === null ? around : "nothing", outer });
  return visits;
}

function nameOf(key: unknown, anchors: ReadonlyMap<string, Node>): string {
  const named = isAlias(key) ? anchors.get(key.source) : key;
  return isScalar(named) ? String(named.value) : "";
}

function textOf(node: unknown): string | undefined {
  return isScalar(node) && typeof node.value === "string" ? node.value : undefined;
}

function kindOf(node: Node): ValueKind {
  if (isMap(node) || isAlias(node)) return "map";
  if (isSeq(node)) return "list";
  return isScalar(node) && typeof node.value === "string" ? "text" : "other";
}

function isNode(value: unknown): value is Node {
  return isScalar(value) || isMap(value) || isSeq(value) || isAlias(value);
}

function isPair(value: unknown): value is Pair {
  return typeof value === "object" && value !== null && "key" in value && "value" in value && !isNode(value);
}

function hideScalar(scalar: Scalar, tags: readonly Piece[]): Edit[] {
  const token = scalar.srcToken;
  if (!CST.isScalar(token) || scalar.value === null) return [];
  if (isHarmless(typeof scalar.value === "string" ? scalar.value : token.source)) return [];
  const edits: Edit[] = [];
  if (scalar.tag !== undefined && !TEXT_TAGS.has(scalar.tag)) {
    const tag = lastBefore(token.offset, tags);
    if (tag !== undefined) edits.push({ from: tag.offset, to: tag.offset + tag.source.length, text: "" });
  }
  if (token.type !== "block-scalar") {
    const quote = token.type === "double-quoted-scalar" ? '"' : "'";
    const text = `${quote}${REDACTED}${quote}`;
    return [...edits, { from: token.offset, to: token.offset + token.source.length, text }];
  }
  const header = token.props.find((prop): prop is CST.SourceToken => prop.type === "block-scalar-header");
  const body = bodyOffset(token);
  if (header === undefined) return edits;
  const inPlaceOfHeader = { from: header.offset, to: header.offset + header.source.length, text: `'${REDACTED}'` };
  return [...edits, inPlaceOfHeader, { from: body, to: body + token.source.length, text: "" }];
}

/** The secrets inside a value that is not one as a whole, such as the password in a URL. */
function cleanScalar(scalar: Scalar, text: string, keys: SecretKeys): Edit[] {
  const token = scalar.srcToken;
  if (!CST.isScalar(token) || typeof scalar.value !== "string") return [];
  if (token.type === "block-scalar") {
    const from = bodyOffset(token);
    const clean = scrubLines(token.source, keys);
    return clean === token.source ? [] : [{ from, to: from + token.source.length, text: clean }];
  }
  const clean = scrubLines(scalar.value, keys);
  if (clean === scalar.value) return [];
  const to = token.offset + token.source.length;
  const isDouble = text.charAt(token.offset) === '"' || !PRINTABLE.test(clean);
  return [{ from: token.offset, to, text: isDouble ? JSON.stringify(clean) : `'${clean.replaceAll("'", "''")}'` }];
}

function bodyOffset({ offset, props }: CST.BlockScalar): number {
  const last = props.at(-1);
  return last === undefined || !("source" in last) ? offset : last.offset + last.source.length;
}

function lastBefore(offset: number, pieces: readonly Piece[]): Piece | undefined {
  let [from, to] = [0, pieces.length];
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((pieces[middle]?.offset ?? 0) < offset) from = middle + 1;
    else to = middle;
  }
  return pieces[from - 1];
}

/** Takes the secrets out of comments: settings that were commented out, values that go on on the next line. */
function redactComments(text: string, comments: readonly Piece[], keys: SecretKeys): Edit[] {
  const edits: Edit[] = [];
  for (const run of runsOf(text, comments)) {
    const redacted = scrubEachLine(
      run.map(({ source }) => source),
      keys,
    );
    for (const [index, { offset, source }] of run.entries()) {
      const clean = redacted[index] ?? "#";
      if (clean !== source) edits.push({ from: offset, to: offset + source.length, text: clean });
    }
  }
  return edits;
}

/** Comments with nothing but white space in between belong together. */
function runsOf(text: string, comments: readonly Piece[]): Piece[][] {
  const runs: Piece[][] = [];
  let end = -1;
  for (const comment of comments) {
    const run = runs.at(-1);
    if (run !== undefined && text.slice(end, comment.offset).trim() === "") run.push(comment);
    else runs.push([comment]);
    end = comment.offset + comment.source.length;
  }
  return runs;
}
