import type { Document, ErrorCode, LineCounter, Node } from "yaml";
import { OpAMPError } from "../../errors.js";
import { type KeyPath, type Position, placeText } from "./key-path.js";
import { errorOfAll } from "./mistakes.js";
import { nestsTooDeeply, yaml } from "./yaml-source.js";
import { isMerge, keyOf, type ValueProblem, type YamlValue, yamlValueOf } from "./yaml-value.js";

/** A configuration as it was given. */
export interface ConfigSource {
  readonly root: unknown;
  /** Where in the text a key stands, or the nearest one above it that does; `undefined` where that cannot be told. */
  positionOf(path: KeyPath): Position | undefined;
}

/** In our words: the library's have pieces of the text in them, which may be secrets. */
const PROBLEMS: Readonly<Record<ErrorCode | ValueProblem, string>> = {
  ALIAS_PROPS: "an alias has an anchor or a tag",
  BAD_ALIAS: "an alias has no anchor before it",
  BAD_COLLECTION_TYPE: "a tag does not fit what follows it",
  BAD_DIRECTIVE: "a directive is not known",
  BAD_DQ_ESCAPE: "a backslash in a quoted text is followed by what it cannot escape",
  BAD_INDENT: "the indentation is wrong",
  BAD_MERGE: "what `<<` merges is not a map",
  BAD_PROP_ORDER: "an anchor or a tag is in the wrong place",
  BAD_SCALAR_START: "a text starts with a character that needs quotes around the text",
  BLOCK_AS_IMPLICIT_KEY: "two values stand on one line, or a text with a colon needs quotes",
  BLOCK_IN_FLOW: "a block stands inside brackets",
  DUPLICATE_KEY: "duplicate key",
  IMPOSSIBLE: "the text cannot be read",
  KEY_OVER_1024_CHARS: "a key is too long",
  MISSING_CHAR: "a quote, a bracket, a comma or a colon is missing",
  MULTILINE_IMPLICIT_KEY: "a key goes over several lines, or a colon is missing",
  MULTIPLE_ANCHORS: "a value has two anchors",
  MULTIPLE_DOCS: "there is more than one document",
  MULTIPLE_TAGS: "a value has two tags",
  NON_STRING_KEY: "a key is not text",
  RESOURCE_EXHAUSTION: "it nests too deeply",
  TAB_AS_INDENT: "a tab is used as indentation",
  TAG_RESOLVE_FAILED: "a tag does not fit its value",
  TOO_MUCH: "its aliases stand for too much",
  UNEXPECTED_TOKEN: "something stands where it cannot",
};

const HINTS: Readonly<Partial<Record<ErrorCode | ValueProblem, string>>> = {
  BAD_ALIAS: 'correct the name after the *, or put the text in quotes if none is meant, such as "*"',
  // What a bomb is, is YAML all the same.
  TOO_MUCH: "write out what the aliases repeat",
};

/** Mistakes of one value: what comes after them is read as it was meant. After any other the rest may only be a consequence. */
const LOCAL: ReadonlySet<string> = new Set(["BAD_DQ_ESCAPE", "NON_STRING_KEY", "TAG_RESOLVE_FAILED"]);

/** YAML as the Collector reads it: 1.2, with merge keys. `yamlValueOf` looks for keys that are there twice. */
const YAML = { merge: true, stringKeys: true, prettyErrors: false, uniqueKeys: false, logLevel: "error" } as const;

/**
 * Reads a configuration: YAML text, or an object that somebody has read.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION` with line and column of each mistake in a text that is not YAML, without any of the
 * text
 */
export function configSource(config: string | object): ConfigSource {
  if (typeof config !== "string") return { root: config, positionOf: () => undefined };
  if (nestsTooDeeply(config)) throw noYaml("RESOURCE_EXHAUSTION", undefined);
  const lines = new (yaml().LineCounter)();
  const document = yaml().parseDocument(config, { ...YAML, lineCounter: lines });
  const errors = document.errors.map(({ code, pos, message }) => ({
    // What follows a bracket that is missing is never indented as the library expects it to be.
    problem: code === "BAD_INDENT" && /^Flow (?:map|sequence) /i.test(message) ? ("MISSING_CHAR" as const) : code,
    offset: pos[0],
  }));
  const fatal = errors.findIndex(({ problem }) => !LOCAL.has(problem));
  refuse(fatal < 0 ? errors : errors.slice(0, fatal + 1), lines);
  const read = yamlValueOf(document);
  refuse(read.problems, lines);
  return {
    root: read.value,
    positionOf: (path) => {
      const offset = offsetOf(document, read, path);
      return offset === undefined ? undefined : positionAt(lines, offset);
    },
  };
}

function refuse(problems: readonly { problem: ErrorCode | ValueProblem; offset: number }[], lines: LineCounter): void {
  const errors = problems.map(({ problem, offset }) => noYaml(problem, positionAt(lines, offset)));
  const [only] = errors;
  if (only !== undefined) throw errors.length === 1 ? only : errorOfAll(errors);
}

function noYaml(problem: ErrorCode | ValueProblem, position: Position | undefined): OpAMPError {
  const what = problem === "TOO_MUCH" ? "" : "this is not YAML: ";
  const hint = HINTS[problem] ?? "correct the line, or the one before it";
  const text = PROBLEMS[problem] ?? PROBLEMS.IMPOSSIBLE;
  return new OpAMPError("ERR_OPAMP_OPTION", `config: ${what}${text}${placeText(position)}`, { hint });
}

function positionAt(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

/**
 * What a text from a variable or a file is, as a value of its own.
 *
 * @returns a text stays as it is, with its quotes, and so does what is not YAML
 */
export function yamlValue(text: string): unknown {
  if (nestsTooDeeply(text)) return text;
  const document = yaml().parseDocument(text, YAML);
  if (document.errors.length > 0) return text;
  const { value, problems } = yamlValueOf(document);
  return typeof value === "string" || problems.length > 0 ? text : value;
}

/** Where the last step of a path begins that is in the text. */
function offsetOf(document: Document, read: YamlValue, path: KeyPath): number | undefined {
  let node: unknown = document.contents;
  let offset: number | undefined;
  for (const step of path) {
    const next = stepInto(yaml().isAlias(node) ? read.targetOf(node) : node, step, read);
    if (next === undefined) return offset;
    offset = next.at?.range?.[0] ?? offset;
    node = next.value;
  }
  return offset;
}

/** What is below a key or at a place of a list, and the node that begins it. */
function stepInto(
  node: unknown,
  step: string | number,
  read: YamlValue,
): { at: Node | undefined; value: unknown } | undefined {
  if (yaml().isSeq(node) && typeof step === "number") {
    const item = node.items[step];
    return yaml().isNode(item) ? { at: item, value: item } : undefined;
  }
  if (!yaml().isMap(node)) return undefined;
  const pair = node.items.findLast((one) => keyOf(one) === step && !isMerge(one));
  if (pair !== undefined) return { at: yaml().isNode(pair.key) ? pair.key : undefined, value: pair.value };
  for (const { value } of node.items.filter(isMerge)) {
    const source = yaml().isAlias(value) ? read.targetOf(value) : value;
    for (const each of yaml().isSeq(source) ? source.items : [source]) {
      const found = stepInto(yaml().isAlias(each) ? read.targetOf(each) : each, step, read);
      if (found !== undefined) return found;
    }
  }
  return undefined;
}
