import { isDate, isUint8Array } from "node:util/types";
import { attempt } from "../base/checks.js";
import { isError } from "../errors.js";
import { JOINED, REDACTED, type RedactionLists, type SecretNames, secretNames } from "./secret-names.js";
import { hideTokens } from "./token-forms.js";
import { scrubUrls } from "./url-secrets.js";

export type { RedactionLists } from "./secret-names.js";

/** Takes secrets out of what is shown: one for logs, errors and diagnostics. Its methods must not throw. */
export interface Redactor {
  /**
   * A text without user, password and query values of URLs, credentials of `Authorization` headers, values whose name is
   * that of a secret (`password=...`, `"apiKey": "..."`), private keys in PEM, and JSON web tokens.
   */
  text(text: string): string;
  /** A value to be shown under a name: hidden where the name is that of a secret, else as {@link Redactor.text} would. */
  value(name: string, value: unknown): unknown;
  /** The same for every entry of a record, such as headers or attributes. */
  record(record: Readonly<Record<string, unknown>>): Record<string, unknown>;
}

/** How many values one call looks at. */
const MOST_VALUES = 10_000;
const DEEPEST = 64;
const TOO_MUCH = "[...]";

/**
 * Makes a redactor.
 *
 * Names are compared word by word, so `token` hides `accessToken` and `X-ACCESS-TOKEN` and leaves `tokenizer` alone. What
 * is hidden by itself: passwords, pass phrases, secrets, tokens, API and other keys, authorization, cookies, credentials.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION` for values that are not lists of names
 */
export function createRedactor(lists: RedactionLists = {}): Redactor {
  const names = secretNames(lists);

  function show(name: string, value: unknown, budget: { left: number }, depth: number): unknown {
    budget.left -= 1;
    if (budget.left < 0 || depth > DEEPEST) return TOO_MUCH;
    if (value !== undefined && value !== null && names.isSecret(name)) return REDACTED;
    if (typeof value === "string") return scrub(value, names);
    if (typeof value === "function" || typeof value === "symbol") return `[${typeof value}]`;
    if (typeof value !== "object" || value === null) return value;
    if (isUint8Array(value)) return `[${value.length} bytes]`;
    if (isDate(value)) return new Date(value);
    if (isError(value)) return scrub(value.message, names);
    if (Array.isArray(value)) {
      const items: unknown[] = [];
      for (const item of value) {
        if (budget.left <= 0) return [...items, TOO_MUCH];
        items.push(show("", item, budget, depth + 1));
      }
      return items;
    }
    return entries(value, budget, depth + 1);
  }

  function entries(record: object, budget: { left: number }, depth: number): Record<string, unknown> {
    // Without a prototype, so that a key called "__proto__" is one like any other.
    const shown: Record<string, unknown> = Object.create(null);
    for (const [key, value] of Object.entries(record)) {
      if (budget.left <= 0) {
        shown[TOO_MUCH] = TOO_MUCH;
        break;
      }
      shown[key] = show(key, value, budget, depth);
    }
    return shown;
  }

  return guardedRedactor({
    text: (text) => scrub(String(text), names),
    value: (name, value) => show(name, value, { left: MOST_VALUES }, 0),
    record: (record) => entries(record, { left: MOST_VALUES }, 0),
  });
}

/** A redactor that does no harm: where it fails, nothing is shown. */
export function guardedRedactor(redactor: Redactor): Redactor {
  return {
    text(text) {
      const shown: unknown = attempt(() => redactor.text(text), REDACTED);
      return typeof shown === "string" ? shown : REDACTED;
    },
    value: (name, value) => attempt(() => redactor.value(name, value), REDACTED),
    record: (record) => attempt(() => redactor.record(record), {}),
  };
}

/*
 * Text may come from a server and be long, so every pattern here is linear: none can begin in the middle of what it
 * failed on, and what a match consumed is not looked at again.
 */
export const PRIVATE_KEY =
  /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----|$)/g;
/** Schemes of an Authorization header, but not where prose speaks of them. */
const SCHEME =
  /\b(bearer|basic|apikey)(\s+)(?!(?:and|auth|authentication|authorization|config|configuration|credentials?|for|headers?|health|helper|is|or|scheme|tokens?|was)\b)([\w.~+/=:-]+)/gi;
/** A basic credential is base64, which hardly ever is all lower case. */
const BASE64 = /[A-Z0-9+/=]/;

/**
 * A name, and what separates it from a value: a colon, an equals sign, an arrow; a comma after what is in brackets; or a
 * space, for command line options.
 */
const NAME =
  /(?<![\p{L}\p{N}_.-])([\p{L}\p{N}_.-]+)(\\*["'`]?\]?\s*(?:=>|[:=]{1,3})\s*|\\*["'`]\]?,\s*(?=\\*["'`])|[ \t]+)/gu;
/** Words of prose that say that no secret follows: "the server gave no token: ...". */
const ABSENT = /\b(?:missing|needs?|no|requires?|wants?|without)\s$/i;
const LONGEST_ABSENT = 9;
/** Headers whose value goes on after a space. */
const TO_LINE_END = /(?:authorization|cookie)$/i;
const LINE = /[^\r\n]*/y;
/** Values that say that there is none. */
const NO_VALUE = /(?:undefined|null|true|false|none)(?![^\s,;)}\]"'])/iy;
/** How a value may be written, in the order to try; with the quotes around it as groups. */
const VALUES = [
  // Quotes that are escaped themselves end with the same number of backslashes.
  /(\\+["'`])[\s\S]*?(?:(\1)|$)/y,
  ...["'", '"', "`"].map(
    (quote) => new RegExp(`(${quote})[^${quote}\\\\]*(?:\\\\[\\s\\S][^${quote}\\\\]*)*(?:(${quote})|\\\\?$)`, "y"),
  ),
  // A YAML block: the value is on the lines that follow, and nothing says here where they end.
  /[|>][+-]?[ \t]*\r?\n[\s\S]*/y,
  /[^\s"]+/y,
];

/** A text without the secrets that can be told from their surroundings. */
export function scrub(text: string, names: SecretNames): string {
  const clean = scrubUrls(text.replace(PRIVATE_KEY, `${REDACTED} private key`), names);
  const named = scrubPairs(clean, names).replace(SCHEME, (all, scheme: string, space: string, value: string) =>
    scheme.toLowerCase() === "basic" && !BASE64.test(value) ? all : `${scheme}${space}${REDACTED}`,
  );
  return hideTokens(named);
}

/** Of options alone: in other lists, names are followed by names. */
const COMMA = /^\\*["'`],/;

/** Values whose name, or the map in braces around it, says that they are secret. */
function scrubPairs(text: string, names: SecretNames): string {
  let clean = "";
  let done = 0;
  let map: OpenMap | undefined;
  NAME.lastIndex = 0;
  for (let found = NAME.exec(text); found !== null; found = NAME.exec(text)) {
    const [, name = "", separator = ""] = found;
    if ((separator.trim() === "" || COMMA.test(separator)) && !name.startsWith("--")) continue;
    const from = NAME.lastIndex;
    map = mapAround(text, found.index, map);
    const isSecret = names.isSecret(name) || (map !== undefined && isSecretIn(map, name, names));
    if (text[from] === "{") map = { from, outer: name, isNamed: false };
    else if (map !== undefined && /^(?:key|name)$/i.test(name)) {
      map.isNamed = names.isSecret(firstMatch([BARE], text, from)[1] ?? "");
    }
    if (!isSecret || ABSENT.test(text.slice(Math.max(0, found.index - LONGEST_ABSENT), found.index))) continue;
    const [value = "", open = "", close = ""] = valueAt(text, from, TO_LINE_END.test(name));
    if (value === "") continue;
    clean += text.slice(done, from) + open + REDACTED + close;
    done = from + value.length;
    NAME.lastIndex = done;
  }
  return clean + text.slice(done);
}

/** A map in braces that is not known to have ended. */
interface OpenMap {
  readonly from: number;
  /** The key that leads to it, or "". */
  readonly outer: string;
  /** It has `name: DB_PASSWORD` in it. */
  isNamed: boolean;
}

/** How far a map is followed, in characters. */
const LONGEST_MAP = 256;
const BARE = /["']?([^\s"',}]*)/y;

/** The map that a key is in. */
function mapAround(text: string, at: number, known: OpenMap | undefined): OpenMap | undefined {
  const opening = /\{\s?["']?$/.exec(text.slice(Math.max(0, at - 3), at));
  if (opening !== null && known?.from !== at - opening[0].length) {
    return { from: at - opening[0].length, outer: "", isNamed: false };
  }
  const isOver = known !== undefined && (at - known.from > LONGEST_MAP || text.slice(known.from, at).includes("}"));
  return isOver ? undefined : known;
}

function isSecretIn({ outer, isNamed }: OpenMap, name: string, names: SecretNames): boolean {
  return name === "value" ? isNamed : JOINED.test(name) && names.isSecret(`${outer}_${name}`);
}

/** The value, and the quotes around it. */
function valueAt(text: string, from: number, toLineEnd: boolean): readonly string[] {
  const first = text.charAt(from);
  if (toLineEnd && !"\\\"'`".includes(first)) return firstMatch([LINE], text, from);
  if (firstMatch([NO_VALUE], text, from).length > 0) return [];
  if (first === "[" || first === "{") return [text.slice(from, balancedEnd(text, from))];
  return firstMatch(VALUES, text, from);
}

/** What the first of some sticky patterns matches at a place, with its groups. */
export function firstMatch(patterns: readonly RegExp[], text: string, at: number): readonly string[] {
  for (const pattern of patterns) {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match !== null) return match;
  }
  return [];
}

function balancedEnd(text: string, from: number): number {
  const [open, close] = text.charAt(from) === "[" ? "[]" : "{}";
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    if (text[at] === open) depth += 1;
    else if (text[at] === close) depth -= 1;
    if (depth === 0) return at + 1;
  }
  return text.length;
}
