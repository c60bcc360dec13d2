import { type RedactionLists, secretNames } from "../../diagnostics/secret-names.js";
import { HIDDEN, scrub } from "../../diagnostics/secret-text.js";
import type { HiddenKeys, Hiding, ValueKind } from "./hidden-keys.js";
import { elementEnd, redactElements } from "./redact-elements.js";
import { isHarmless, REDACTED } from "./secret-value.js";

/** Takes secrets out of text that has no structure to go by but its lines. */
export interface LineRedactor {
  text(text: string): string;
  /** The same for lines one by one; `undefined` for one that was all part of a secret. */
  lines(lines: readonly string[]): readonly (string | undefined)[];
}

/** What stands before a key: white space and marks of a comment; and with marks of a list, and `export` of a shell. */
const INDENT = /^[\s#;]*/;
const MARGIN = /^[\s#;]*(?:-\s+)*(?:export\s+)?/;
/** A key, and what separates it from its value. */
const KEY = /^(["']?)([^\s:="'#{}[\],]{1,256}(?:\.(?:"[^"]{1,256}"|'[^']{1,256}'))?)\1(\s*(?:=|:(?=\s|$))\s*)/;
const SECTION = /^\[+([^\][=]{1,256})\]+\s*$/;
const KEY_BEGINS = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----/;
const KEY_ENDS = /-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----/;
/** A key whose value is on the lines that follow; by itself it shows nothing. */
const OPENS_ONLY = /[:=]\s*[[{]?$/;
/** Nothing yet: the value is on the lines that follow. */
const OPENING = /^(?:[|>][-+\d]*|[[{])?(?:\s+#.*)?$/;
const BLOCK = /^[|>]/;
/** A text that goes on up to a line with this word, as shells and Terraform have it. */
const HEREDOC = /^<<[-~]?["']?(\w{1,64})["']?\s*$/;
const CONTINUED = /(?<!\\)(?:\\\\)*\\$/;
/** Directives, as in `Splunk_Token abc` and `set $token "abc";`: a name of several words, or a value in quotes. */
const DIRECTIVE = /^(?:(?:set|setenv|env|user|[a-z_]{0,64}header)[ \t]+)?\$?([\w.-]{1,256})[ \t]+/i;
const SEVERAL_WORDS = /[a-z\d][_.-][a-z\d]|[a-z][A-Z]/i;
const QUOTED = /^(?:"[^"]*"|'[^']*');?$/;
const ONE_WORD = /^\S+$/;
const NUMBER_OR_SWITCH = /^(?:[-+\d.]+|true|false|yes|no|on|off)$/i;
const NO_VALUE = new Set(["null", "~", "none", "undefined", '""', "''", "{}", "[]"]);

/** Since which margin everything deeper is hidden, and as what. */
interface Level {
  readonly than: number;
  readonly hiding: Hiding;
  readonly whole: boolean;
}

interface State {
  /** From the outermost in. */
  levels: Level[];
  section: Hiding;
  inKey: boolean;
  /** What is still to come before a secret ends: a quote, or the end of an element. */
  end: string;
  /** Whether the secret goes on on the next line, as a backslash says. */
  goesOn: boolean;
  /** The margin of the last key whose value was the name of a secret, as in `name: DB_PASSWORD`. */
  named: number | undefined;
  /** Whether there is more than one line. */
  isText: boolean;
  index: number;
  /** The line on which the last end of an element is, by how it begins, as in `</token`. */
  readonly lastEnds: ReadonlyMap<string, number>;
}

export function lineRedactor(lists: RedactionLists, keys: HiddenKeys): LineRedactor {
  const names = secretNames(lists);

  function redactLine(line: string, state: State): string | undefined {
    const withinKey = redactKey(line, state);
    if (withinKey !== line) return withinKey;
    if (state.goesOn) {
      state.goesOn = CONTINUED.test(line);
      return undefined;
    }
    if (state.end !== "") {
      const at = line.indexOf(state.end);
      if (at < 0) return undefined;
      const isElement = state.end.startsWith("</");
      state.end = "";
      return isElement ? line.slice(at) : undefined;
    }
    const margin = MARGIN.exec(line)?.[0] ?? "";
    const content = line.slice(margin.length);
    if (content === "") return line;
    const around = aroundAt(margin, state);
    const key = KEY.exec(content);
    if (around.whole) return undefined;
    if (key !== null) return margin + redactPair(key, content, margin.length, around.hiding, state);
    const section = SECTION.exec(content)?.[1];
    if (section !== undefined) {
      state.section = section
        .split(".")
        .reduce<Hiding>((outer, part) => keys.below(outer, part.trim(), "map"), "nothing");
      return line;
    }
    if (around.hiding !== "nothing") return /^[\]})]+,?$/.test(content) ? line : margin + hide(content);
    const end = elementEnd(line, keys);
    // What only looks like an element has no end.
    const hasEnd = end !== undefined && (state.lastEnds.get(end) ?? -1) > state.index;
    if (hasEnd) state.end = end;
    return !hasEnd && state.isText ? margin + redactDirective(content) : line;
  }

  function redactDirective(content: string): string {
    const [head = "", name = ""] = DIRECTIVE.exec(content) ?? [];
    const value = content.slice(head.length).trimEnd();
    const isValue = QUOTED.test(value) || (ONE_WORD.test(value) && SEVERAL_WORDS.test(name));
    return isValue && keys.isSecretName(name) ? head + hide(value) : content;
  }

  function aroundAt(margin: string, { levels, section }: State): Omit<Level, "than"> {
    const indent = INDENT.exec(margin)?.[0].length ?? 0;
    for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
      // A list may stand right below its key, but not below one that has a value.
      if ((level.whole ? indent : margin.length) > level.than) return level;
      levels.pop();
    }
    return { hiding: section, whole: false };
  }

  function redactPair(
    [head, , name = ""]: RegExpExecArray,
    content: string,
    margin: number,
    around: Hiding,
    state: State,
  ): string {
    const value = content.slice(head.length);
    const isOpening = OPENING.test(value);
    const isTold = name === "value" && state.named === margin;
    const hiding = keys.below(isTold ? "secret" : outerOf(name, around), name, kindOfValue(value, isOpening));
    if (name === "name" || name === "key") state.named = keys.isSecretName(value) ? margin : undefined;
    if (hiding === "nothing") return content;
    const whole = !isOpening || BLOCK.test(value);
    state.levels.push({ than: margin, hiding, whole });
    if (isOpening && !whole) return content;
    const quote = /^(?:"""|'''|["'])/.exec(value)?.[0] ?? "";
    if (quote !== "" && !value.includes(quote, quote.length)) state.end = quote;
    state.end ||= HEREDOC.exec(value)?.[1] ?? "";
    state.goesOn = CONTINUED.test(value);
    return head + hide(value);
  }

  /** In TOML, `headers."X-Tenant"` is a key in a map of headers. */
  function outerOf(name: string, around: Hiding): Hiding {
    const outer = name.split(".").slice(0, -1);
    return around === "nothing" && outer.some((part) => keys.below("nothing", part, "map") === "headers")
      ? "headers"
      : around;
  }

  function redactKey(line: string, state: State): string | undefined {
    const from = state.inKey ? 0 : line.search(KEY_BEGINS);
    if (from < 0) return line;
    const end = KEY_ENDS.exec(line.slice(from));
    const wasInside = state.inKey;
    state.inKey = end === null;
    const after = end === null ? "" : line.slice(from + end.index + end[0].length);
    if (wasInside) return after.trim() === "" ? undefined : after;
    return `${line.slice(0, from)}${REDACTED}${after}`;
  }

  /** Without what shows a secret all the same, whatever line it is on. */
  function scrubbed(line: string): string {
    if (OPENS_ONLY.test(line) && KEY.test(line.replace(MARGIN, ""))) return line;
    // So that it knows again what it has hidden before.
    const known = redactElements(line, keys).replaceAll(REDACTED, HIDDEN);
    const clean = scrub(known, names);
    return clean === line.replaceAll(REDACTED, HIDDEN) ? line : clean.replaceAll(HIDDEN, REDACTED);
  }

  function lines(given: readonly string[]): readonly (string | undefined)[] {
    const state: State = {
      levels: [],
      section: "nothing",
      inKey: false,
      end: "",
      goesOn: false,
      named: undefined,
      isText: given.length > 1,
      index: -1,
      lastEnds: lastEndsIn(given),
    };
    return given.map((line, index) => {
      state.index = index;
      const end = line.endsWith("\r") ? "\r" : "";
      const redacted = redactLine(end === "" ? line : line.slice(0, -1), state);
      return redacted === undefined ? undefined : scrubbed(redacted) + end;
    });
  }

  return {
    lines,
    text: (text) =>
      lines(text.split("\n"))
        .filter((line) => line !== undefined)
        .join("\n"),
  };
}

function lastEndsIn(lines: readonly string[]): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const [index, line] of lines.entries()) {
    if (!line.includes("</")) continue;
    for (const [end] of line.matchAll(/<\/[\w.:-]{1,256}/g)) found.set(end, index);
  }
  return found;
}

function kindOfValue(value: string, isOpening: boolean): ValueKind {
  if (isOpening && !BLOCK.test(value)) return "map";
  return NUMBER_OR_SWITCH.test(value) ? "other" : "text";
}

/** The value in quotes if it was, and with the comma after it. */
function hide(value: string): string {
  const [, bare = "", comma = ""] = /^(.*?)([,;]?)$/.exec(value.trimEnd()) ?? [];
  const quote = /^(["'])/.exec(bare)?.[1] ?? "";
  const inner = bare.length > 1 && bare.endsWith(quote) ? bare.slice(quote.length, bare.length - quote.length) : bare;
  if (isHarmless(inner) || NO_VALUE.has(bare)) return value;
  return `${quote}${REDACTED}${quote}${comma}`;
}
