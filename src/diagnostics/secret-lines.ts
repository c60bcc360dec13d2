import { type Steps, stepOf } from "../base/steps.js";
import { firstMatch, PRIVATE_KEY, scrub } from "./redactor.js";
import { type Hiding, isHarmless, REDACTED, type SecretNames } from "./secret-names.js";
import { hideLogins } from "./token-forms.js";

/** How much of a text one step looks at, in characters. */
export const STEP_CHARACTERS = 2 ** 16;
/** What a line or a value costs besides, however short it is. */
export const LEAST_CHARACTERS = 32;
/** Longer lines are hidden as a whole: nothing else could run while one is looked at. */
const LONGEST_LINE = STEP_CHARACTERS;

/** Stands for what was part of a secret on a line after its first. It is not a character, and no text is to have it. */
const GONE = "\uffff";
const NOT_A_CHARACTER = "\ufffd";

/** The beginning of an element of XML. */
const TAG = /<([\w.:-]{1,256})(?:\s[^<>]*)?>/g;
const ATTRIBUTE_NAME = /\s(?:key|name)\s*=\s*(?:"([^"]*)"|'([^']*)')/i;
const ATTRIBUTE_VALUE = /(\svalue\s*=\s*)("[^"]*"|'[^']*')/i;

/** What stands before a key: white space and marks of a comment; marks of a list; `export` of a shell. */
const MARGIN = /(?:[^\S\n]|[#;])*(?:-[^\S\n]+)*(?:export[^\S\n]+)?/y;
const CONTENT = /[^\n]*/y;
/** A key, and what separates it from its value. */
const KEY = /^(["']?)([^\s:="'#{}[\],]{1,256}(?:\.(?:"[^"]{1,256}"|'[^']{1,256}'))?)\1(\s*(?:=>?|:(?=\s|$))\s*)/;
const SECTION = /^\[+([^\][=]{1,256})\]+\s*$/;
/** A value that is a map or a list on the lines that follow; the key by itself shows nothing. */
const OPENING = /^[[{]?(?:\s+#.*)?$/;
const OPENS_ONLY = /^[[{]?$/;
const CLOSING = /^[\]})]+,?$/;
/** Directives, as in `Splunk_Token abc` and `set $token "abc";`: a name of several words, or a value in quotes. */
const DIRECTIVE = /^(?:(?:set|setenv|env|user|[a-z_]{0,64}header)[ \t]+)?\$?([\w.-]{1,256})[ \t]+/i;
/** Names that are words of prose too: in a comment, and before the end of a sentence, the next word is not a value. */
const PROSE =
  /^(?:auth|authorization|bearer|communit(?:y|ies)|cookies?|credentials?|pass|passcode|passphrase|password|pin|salt|secret|sig|token)s?$/i;
const QUOTED = /^(?:"[^"]*"|'[^']*');?$/;
const ONE_WORD = /^\S+$/;
const NUMBER_OR_SWITCH = /^(?:[-+\d.]+|true|false|yes|no|on|off)$/i;
const NO_VALUE = new Set(["null", "~", "none", "undefined", '""', "''", "{}", "[]"]);
/** Values over several lines, in the order to try: in quotes; up to a word, as in shells and Terraform; after a backslash. */
const VALUES = [
  /("""|'''|["'])[\s\S]*?(?:\1[^\n]*|$)/y,
  /<<[-~]?["']?(\w{1,64})["']?[^\S\n]*\n[\s\S]*?(?:\1[^\n]*|$)/y,
  /[^\\\n]*(?:\\[\s\S]?[^\\\n]*)*/y,
];
const NEXT_LINE = /\n((?:[^\S\n]|[#;])*)([^\n]*)/y;

/** What is deeper than a margin: below which key, and hidden as what. */
interface Level {
  readonly than: number;
  readonly hiding: Hiding;
  readonly outer: string;
}

/** Where nothing is open. */
const TOP: Level = { than: -1, hiding: "nothing", outer: "" };
/** What opens a map without a sign before it, as in HCL; a label may stand between. */
const BLOCK = /^([\w.-]{1,256})[^\S\n]+(?:"[^"]{0,256}"[^\S\n]+)?\{$/;
const KUBERNETES_SECRET = /^kind:[^\S\n]{0,8}["']?Secret["']?[^\S\n]{0,8}$/m;

/** Takes secrets out of text that has no structure to go by but its lines. */
export function* scrubLines(text: string, names: SecretNames): Steps<string> {
  const clean = yield* scrubEachLine(text.split("\n"), names);
  return clean.filter((line) => line !== undefined).join("\n");
}

/** The same for lines one by one; `undefined` for one that was all part of a secret. */
export function* scrubEachLine(lines: readonly string[], names: SecretNames): Steps<readonly (string | undefined)[]> {
  const text = hideLogins(lines.map(withoutMarks).join("\n").replace(PRIVATE_KEY, replaced));
  const hidden = yield* hideByLines(yield* hideElements(text, names), names);
  const isTime = stepOf(STEP_CHARACTERS);
  const clean: (string | undefined)[] = [];
  for (const [index, line] of hidden.split("\n").entries()) {
    clean.push(scrubLine(line, lines[index]?.endsWith("\r") ? "\r" : "", names));
    if (isTime(line.length + LEAST_CHARACTERS)) yield;
  }
  return clean;
}

function withoutMarks(line: string): string {
  if (line.length > LONGEST_LINE) return REDACTED;
  return line.replace(/\r$/, "").replaceAll(GONE, NOT_A_CHARACTER);
}

function scrubLine(line: string, end: string, names: SecretNames): string | undefined {
  const shown = line.replaceAll(GONE, "");
  if (shown !== line && shown.trim() === "") return undefined;
  const [margin = ""] = firstMatch([MARGIN], shown, 0);
  const content = shown.slice(margin.length);
  const [head] = KEY.exec(content) ?? [];
  const opensOnly = head !== undefined && OPENS_ONLY.test(content.slice(head.length));
  return (opensOnly ? shown : scrub(shown, names)) + end;
}

/** A secret's replacement, of as many lines. */
function replaced(secret: string): string {
  return REDACTED + goneLines(secret);
}

function goneLines(secret: string): string {
  return secret.replace(/[^\n]+/g, "").replaceAll("\n", `\n${GONE}`);
}

/** Hides the secrets in elements and attributes of XML: `<token>...`, `<add key="Token" value="..."/>`. */
function* hideElements(text: string, names: SecretNames): Steps<string> {
  const isTime = stepOf(STEP_CHARACTERS);
  let clean = "";
  let done = 0;
  /** The last end of the elements of a name: looked for once, so that many without an end take no longer. */
  const lastEnds = new Map<string, number>();
  for (const { 0: tag, 1: name = "", index } of text.matchAll(TAG)) {
    if (index < done) continue;
    const [, double, single] = ATTRIBUTE_NAME.exec(tag) ?? [];
    const isNamed = names.isSecret(double ?? single ?? "");
    const from = index + tag.length;
    let end = from;
    if ((isNamed || names.isSecret(name)) && !tag.endsWith("/>")) {
      const last = lastEnds.get(name) ?? text.lastIndexOf(`</${name}`);
      lastEnds.set(name, last);
      end = last < from ? from : text.indexOf(`</${name}`, from);
    }
    const inner = text.slice(from, end);
    const hidden = /^\s*\n/.test(inner) ? goneLines(inner) : replaced(inner);
    clean += text.slice(done, index) + (isNamed ? tag.replace(ATTRIBUTE_VALUE, hideAttribute) : tag);
    clean += isHarmless(inner.trim()) ? inner : hidden;
    if (isTime(end - done + LEAST_CHARACTERS)) yield;
    done = end;
  }
  return clean + text.slice(done);
}

function hideAttribute(all: string, head: string, quoted: string): string {
  return isHarmless(quoted.slice(1, -1)) ? all : `${head}${quoted.charAt(0)}${replaced(quoted)}${quoted.charAt(0)}`;
}

/** Hides the values of secret keys, and what is indented below them. The result has as many lines. */
function* hideByLines(text: string, names: SecretNames): Steps<string> {
  const isTime = stepOf(STEP_CHARACTERS);
  const isText = text.includes("\n");
  const shown: string[] = [];
  let levels: Level[] = [TOP];
  const hasSecret = KUBERNETES_SECRET.test(text);
  /** The margin of the last key whose value was the name of a secret, as in `name: DB_PASSWORD`. */
  let named = -1;
  for (let at = 0, end = 0; at <= text.length; at = end + 1) {
    const [margin = ""] = firstMatch([MARGIN], text, at);
    const from = at + margin.length;
    const [content = ""] = firstMatch([CONTENT], text, from);
    end = from + content.length;
    if (isTime(margin.length + content.length + LEAST_CHARACTERS)) yield;
    if (content === "" || content.startsWith(GONE)) {
      shown.push(margin + content);
      continue;
    }
    levels = levels.filter(({ than }) => than < margin.length);
    const { than, hiding: around, outer } = levels.at(-1) ?? TOP;
    const key = KEY.exec(content);
    const section = SECTION.exec(content)?.[1];
    const block = BLOCK.exec(content)?.[1];
    let clean = content;
    if (key !== null) {
      const [head, , name = ""] = key;
      const value = content.slice(head.length);
      const isOpening = OPENING.test(value);
      const kind = isOpening ? "map" : NUMBER_OR_SWITCH.test(value) ? "other" : "text";
      const isNamed = name === "value" ? named === margin.length : hasSecret && /^(?:data|stringData)$/.test(name);
      const hiding = names.below(isNamed ? "secret" : pathHiding(name, around, names), name, kind, outer);
      if (name === "name" || name === "key") named = names.isSecret(value) ? margin.length : -1;
      if (isOpening) levels.push({ than: margin.length, hiding, outer: name });
      else if (hiding !== "nothing") {
        end = valueEnd(text, from + head.length, margin.length);
        clean = head + hide(value) + goneLines(text.slice(from, end));
      }
    } else if (section !== undefined) {
      const parts = section.split(".");
      const hiding = parts.reduce<Hiding>((outer, part) => names.below(outer, part.trim(), "map"), "nothing");
      levels = [{ ...TOP, hiding }, ...levels.slice(1)];
      if (around !== "nothing" && than >= 0) clean = hide(content);
    } else if (block !== undefined) {
      levels.push({ than: margin.length, hiding: names.below(around, block, "map", outer), outer: block });
    } else if (around !== "nothing") clean = CLOSING.test(content) ? content : hide(content);
    else if (isText) clean = hideDirective(content, /[#;]/.test(margin), names);
    shown.push(margin + clean);
  }
  return shown.join("\n");
}

/** In TOML, `headers."X-Tenant"` is a key in a map of headers. */
function pathHiding(name: string, around: Hiding, names: SecretNames): Hiding {
  const outer = name.split(".").slice(0, -1);
  const isHeader = around === "nothing" && outer.some((part) => names.below("nothing", part, "map") === "headers");
  return isHeader ? "headers" : around;
}

/** Where a value ends, with all lines that are deeper than its key. */
function valueEnd(text: string, from: number, margin: number): number {
  let end = from + (firstMatch(VALUES, text, from)[0]?.length ?? 0);
  NEXT_LINE.lastIndex = end;
  for (let next = NEXT_LINE.exec(text); next !== null; next = NEXT_LINE.exec(text)) {
    const [, indent = "", content = ""] = next;
    if (/^(?:-\s+)*$/.test(content) || content.startsWith(GONE)) continue;
    if (indent.length <= margin) break;
    end = NEXT_LINE.lastIndex;
  }
  return end;
}

function hideDirective(content: string, isComment: boolean, names: SecretNames): string {
  const [head = "", name = ""] = DIRECTIVE.exec(content) ?? [];
  const value = content.slice(head.length).trimEnd();
  // nginx calls so where it passes requests to; what is secret in an address is hidden anyway.
  if (/_pass$/i.test(name) && value.includes("://")) return content;
  const isProse = PROSE.test(name) && (isComment || /[.!?:]$/.test(value));
  const isValue = QUOTED.test(value) || (ONE_WORD.test(value) && !isProse);
  return isValue && names.isSecret(name) ? head + hide(value) : content;
}

/** In quotes if it was, and with the comma after it. */
function hide(value: string): string {
  const [, bare = "", comma = ""] = /^(.*?)([,;]?)$/.exec(value.trimEnd()) ?? [];
  const quote = /^(["'])/.exec(bare)?.[1] ?? "";
  const inner = bare.length > 1 && bare.endsWith(quote) ? bare.slice(quote.length, bare.length - quote.length) : bare;
  if (isHarmless(inner) || NO_VALUE.has(bare)) return value;
  return `${quote}${REDACTED}${quote}${comma}`;
}
