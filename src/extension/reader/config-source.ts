import type { Document, ErrorCode } from "yaml";
import { attempt } from "../../base/checks.js";
import { OpAMPError } from "../../errors.js";
import type { KeyPath } from "./key-path.js";
import { nestsTooDeeply, yaml } from "./yaml-source.js";

/** A configuration as it was given. */
export interface ConfigSource {
  readonly root: unknown;
  /** Where in the text a key stands, as in ` (line 3, column 5)`; empty where that cannot be told. */
  placeOf(path: KeyPath): string;
}

/** In our words: the library's have pieces of the text in them, which may be secrets. */
const PROBLEMS: Readonly<Record<ErrorCode, string>> = {
  ALIAS_PROPS: "an alias has an anchor or a tag",
  BAD_ALIAS: "an alias has no anchor before it",
  BAD_COLLECTION_TYPE: "a tag does not fit what follows it",
  BAD_DIRECTIVE: "a directive is not known",
  BAD_DQ_ESCAPE: "a backslash in a quoted text is followed by what it cannot escape",
  BAD_INDENT: "the indentation is wrong",
  BAD_PROP_ORDER: "an anchor or a tag is in the wrong place",
  BAD_SCALAR_START: "a text starts with a character that needs quotes around the text",
  BLOCK_AS_IMPLICIT_KEY: "two values stand on one line, or a text with a colon needs quotes",
  BLOCK_IN_FLOW: "a block stands inside brackets",
  DUPLICATE_KEY: "a key is there twice",
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
  UNEXPECTED_TOKEN: "something stands where it cannot",
};

/** YAML as the Collector reads it: 1.2, with merge keys. */
const YAML = { merge: true, stringKeys: true, prettyErrors: false, logLevel: "error" } as const;

/**
 * Reads a configuration: YAML text, or an object that somebody has read.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION` with line and column for a text that is not YAML, without any of the text
 */
export function configSource(config: string | object): ConfigSource {
  if (typeof config !== "string") return { root: config, placeOf: () => "" };
  if (nestsTooDeeply(config)) throw noYaml(PROBLEMS.RESOURCE_EXHAUSTION);
  const lines = new (yaml().LineCounter)();
  const document = yaml().parseDocument(config, { ...YAML, lineCounter: lines });
  const place = (offset: number): string => {
    const { line, col } = lines.linePos(offset);
    return ` (line ${line}, column ${col})`;
  };
  const [error] = document.errors;
  if (error !== undefined) throw noYaml(`${PROBLEMS[error.code] ?? "the text cannot be read"}${place(error.pos[0])}`);
  yaml().visit(document, {
    Alias(_key, alias) {
      if (alias.resolve(document) === undefined) throw noYaml(`${PROBLEMS.BAD_ALIAS}${place(alias.range?.[0] ?? 0)}`);
    },
  });
  return {
    root: plain(document),
    placeOf: (path) => {
      const offset = offsetOf(document, path);
      return offset === undefined ? "" : place(offset);
    },
  };
}

function noYaml(problem: string): OpAMPError {
  return new OpAMPError("ERR_OPAMP_OPTION", `config: this is not YAML: ${problem}`, {
    hint: "correct the line, or the one before it",
  });
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
  // It throws for an alias without an anchor, such as a token with an asterisk in front.
  const value: unknown = attempt(() => document.toJS(), text);
  return typeof value === "string" ? text : value;
}

function plain(document: Document): unknown {
  try {
    return document.toJS();
  } catch (thrown) {
    // So says the library of an alias, and of what is merged.
    if (!(thrown instanceof ReferenceError)) throw noYaml("what `<<` merges is not a map");
    // A few lines of aliases of aliases can stand for more than fits into memory.
    throw new OpAMPError("ERR_OPAMP_OPTION", "config: its aliases stand for too much", {
      hint: "write out what the aliases repeat",
    });
  }
}

/** Where the last key of a path starts. */
function offsetOf(document: Document, path: KeyPath): number | undefined {
  const last = path.at(-1);
  const parent = path.length > 1 ? document.getIn(path.slice(0, -1), true) : document.contents;
  const resolved = yaml().isAlias(parent) ? parent.resolve(document) : parent;
  if (!yaml().isMap(resolved)) return undefined;
  const pair = resolved.items.find(({ key }) => yaml().isScalar(key) && key.value === last);
  return pair !== undefined && yaml().isScalar(pair.key) ? pair.key.range?.[0] : undefined;
}
