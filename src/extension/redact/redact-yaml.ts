import type { CST, Document, Node, Pair, Scalar } from "yaml";
import { atOnce, type Steps, stepOf } from "../../base/steps.js";
import { LEAST_CHARACTERS, STEP_CHARACTERS, scrubEachLine, scrubLines } from "../../diagnostics/secret-lines.js";
import {
  type Hiding,
  isHarmless,
  ofItem,
  REDACTED,
  type SecretNames,
  secretBySibling,
  type ValueKind,
} from "../../diagnostics/secret-names.js";
import { type Piece, readYaml, yaml } from "../reader/yaml-source.js";

/** Which a value may have and still be the text that replaces it. */
const TEXT_TAGS = new Set(["!", "tag:yaml.org,2002:str"]);
/** What may stand in single quotes on one line. */
const PRINTABLE = /^[\x20-\x7e\u00a0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd]*$/;

/** What replaces a part of a text. */
export interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** A node to be looked at, and the key above it. */
interface Visit {
  readonly node: Node;
  readonly hiding: Hiding;
  readonly outer: string;
}

/**
 * Takes the secrets out of YAML and leaves everything else as it is written: comments, order, quotes, anchors, line ends.
 *
 * @returns `undefined` for text that is not YAML of maps or lists, or nests too deeply
 */
export function* redactYaml(text: string, names: SecretNames): Steps<string | undefined> {
  const source = yield* readYaml(text);
  if (source === undefined) return undefined;
  const { documents, comments, tags } = source;
  if (!documents.some(({ contents }) => yaml().isMap(contents) || yaml().isSeq(contents))) return undefined;
  /** Where edits overlap, the one that hides a secret wins. */
  const hidden: Edit[] = [];
  const cleaned: Edit[] = [];
  const isTime = stepOf(STEP_CHARACTERS);

  for (const document of documents) {
    const targets = aliasTargets(document, text);
    const visited = new Set<Node>();
    const open: Visit[] = document.contents === null ? [] : [{ node: document.contents, hiding: "nothing", outer: "" }];

    function nameOf(key: unknown): string {
      const named = yaml().isAlias(key) ? targets.get(key) : key;
      return yaml().isScalar(named) ? String(named.value) : "";
    }

    function openPair({ key, value }: Pair, around: Hiding, outer: string): void {
      if (yaml().isNode(value)) {
        const name = nameOf(key);
        open.push({ node: value, hiding: names.below(around, name, kindOf(value), outer), outer: name });
      }
      // Where it has no value, as in a set, a key is the secret itself.
      if (yaml().isNode(key)) open.push({ node: key, hiding: value === null ? around : "nothing", outer });
    }

    for (let next = open.pop(); next !== undefined; next = open.pop()) {
      const { node, hiding, outer } = next;
      if (isTime(LEAST_CHARACTERS)) yield;
      if (yaml().isAlias(node)) {
        const target = targets.get(node);
        if (target === undefined || hiding === "nothing" || visited.has(target)) continue;
        visited.add(target);
        open.push({ node: target, hiding: "secret", outer });
      } else if (yaml().isScalar(node)) {
        if (hiding === "nothing") cleaned.push(...cleanScalar(node, text, names));
        else hidden.push(...hideScalar(node, tags));
      } else if (yaml().isMap(node)) {
        const bySibling = secretBySibling(
          node.items.map(({ key, value }) => [nameOf(key), textOf(value)]),
          names,
        );
        for (const pair of node.items) openPair(pair, bySibling.has(nameOf(pair.key)) ? "secret" : hiding, outer);
      } else {
        for (const [index, item] of node.items.entries()) {
          // A pair without a map around it is an entry of an ordered map, `!!omap`.
          if (yaml().isPair(item)) openPair(item, hiding, outer);
          if (!yaml().isNode(item)) continue;
          const inside = ofItem(hiding, kindOf(item), textOf(item), textOf(node.items[index - 1]), names);
          open.push({ node: item, hiding: inside, outer });
        }
      }
    }
  }
  return splice(text, [...hidden, ...cleaned, ...(yield* redactComments(text, comments, names))]);
}

/** What each alias stands for: the last node before it that has its anchor. */
function aliasTargets(document: Document.Parsed, text: string): ReadonlyMap<Node, Node> {
  const anchors = new Map<string, Node>();
  const targets = new Map<Node, Node>();
  if (!text.includes("*")) return targets;
  yaml().visit(document, {
    Node(_key, node) {
      const target = yaml().isAlias(node) ? anchors.get(node.source) : undefined;
      if (target !== undefined) targets.set(node, target);
      if (!yaml().isAlias(node) && node.anchor !== undefined) anchors.set(node.anchor, node);
    },
  });
  return targets;
}

function textOf(node: unknown): string | undefined {
  return yaml().isScalar(node) && typeof node.value === "string" ? node.value : undefined;
}

function kindOf(node: Node): ValueKind {
  if (yaml().isMap(node) || yaml().isAlias(node)) return "map";
  if (yaml().isSeq(node)) return "list";
  return textOf(node) === undefined ? "other" : "text";
}

function hideScalar(scalar: Scalar, tags: readonly Piece[]): Edit[] {
  const token = scalar.srcToken;
  if (!yaml().CST.isScalar(token) || scalar.value === null) return [];
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
function cleanScalar(scalar: Scalar, text: string, names: SecretNames): Edit[] {
  const token = scalar.srcToken;
  if (!yaml().CST.isScalar(token) || typeof scalar.value !== "string") return [];
  if (token.type === "block-scalar") {
    const from = bodyOffset(token);
    const clean = atOnce(scrubLines(token.source, names));
    return clean === token.source ? [] : [{ from, to: from + token.source.length, text: clean }];
  }
  const clean = atOnce(scrubLines(scalar.value, names));
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
function* redactComments(text: string, comments: readonly Piece[], names: SecretNames): Steps<Edit[]> {
  const edits: Edit[] = [];
  for (const run of runsOf(text, comments)) {
    const sources = run.map(({ source }) => source);
    const redacted = yield* scrubEachLine(sources, names);
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

/** A text with parts of it replaced; of two edits at the same place the one that comes first in the list counts. */
export function splice(text: string, edits: readonly Edit[]): string {
  const pieces: string[] = [];
  let done = 0;
  for (const edit of edits.toSorted((a, b) => a.from - b.from)) {
    if (edit.from < done) continue;
    pieces.push(text.slice(done, edit.from), edit.text);
    done = edit.to;
  }
  pieces.push(text.slice(done));
  return pieces.join("");
}
