import { type RedactionLists, secretNames } from "../diagnostics/secret-names.js";
import { HIDDEN, scrub } from "../diagnostics/secret-text.js";
import type { HiddenKeys, Hiding, ValueKind } from "./hidden-keys.js";
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
const KEY = /^(["']?)([^\s:="'#{}[\],]{1,256})\1(\s*(?:=|:(?=\s|$))\s*)/;
const SECTION = /^\[+([^\]]{1,256})\]+\s*$/;
const KEY_BEGINS = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----/;
const KEY_ENDS = /-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----/;
/** A key whose value is on the lines that follow; by itself it shows nothing. */
const OPENS_ONLY = /[:=]\s*[[{]?$/;
/** Nothing yet: the value is on the lines that follow. */
const OPENING = /^(?:[|>][-+\d]*|[[{])?(?:\s+#.*)?$/;
const BLOCK = /^[|>]/;
/** An element of XML with nothing but text in it. */
const ELEMENT = /<([\w.:-]{1,256})(\s[^<>]*)?>([^<>]+)<\/\1>/g;
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
  /** The quote that is still to come. */
  quote: string;
}

export function lineRedactor(lists: RedactionLists, keys: HiddenKeys): LineRedactor {
  const names = secretNames(lists);

  function redactLine(line: string, state: State): string | undefined {
    const withinKey = redactKey(line, state);
    if (withinKey !== line) return withinKey;
    if (state.quote !== "") {
      if (line.includes(state.quote)) state.quote = "";
      return undefined;
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
      state.section = keys.below("nothing", section.split(".").at(-1)?.trim() ?? "", "map");
      return line;
    }
    return around.hiding === "nothing" || /^[\]})]+,?$/.test(content) ? line : margin + hide(content);
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
    const hiding = keys.below(around, name, kindOfValue(value, isOpening));
    if (hiding === "nothing") return content;
    const whole = !isOpening || BLOCK.test(value);
    state.levels.push({ than: margin, hiding, whole });
    if (isOpening && !whole) return content;
    const quote = value.charAt(0);
    if ((quote === '"' || quote === "'") && !value.includes(quote, 1)) state.quote = quote;
    return head + hide(value);
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
    const known = hideElements(line).replaceAll(REDACTED, HIDDEN);
    const clean = scrub(known, names);
    return clean === line.replaceAll(REDACTED, HIDDEN) ? line : clean.replaceAll(HIDDEN, REDACTED);
  }

  function hideElements(line: string): string {
    if (!line.includes("</")) return line;
    return line.replace(ELEMENT, (all, name: string, attributes = "", text: string) =>
      names.isSecret(name) && !isHarmless(text.trim()) ? `<${name}${attributes}>${REDACTED}</${name}>` : all,
    );
  }

  function lines(given: readonly string[]): readonly (string | undefined)[] {
    const state: State = { levels: [], section: "nothing", inKey: false, quote: "" };
    return given.map((line) => {
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

function kindOfValue(value: string, isOpening: boolean): ValueKind {
  if (isOpening && !BLOCK.test(value)) return "map";
  return NUMBER_OR_SWITCH.test(value) ? "other" : "text";
}

/** The value in quotes if it was, and with the comma after it. */
function hide(value: string): string {
  const [, bare = "", comma = ""] = /^(.*?)(,?)$/.exec(value.trimEnd()) ?? [];
  const quote = /^(["'])/.exec(bare)?.[1] ?? "";
  const inner = quote !== "" && bare.endsWith(quote) ? bare.slice(1, -1) : bare;
  if (isHarmless(inner) || NO_VALUE.has(bare)) return value;
  return `${quote}${REDACTED}${quote}${comma}`;
}
