import type { SecretNames } from "./secret-names.js";

/** What stands where a secret stood. */
export const HIDDEN = "[redacted]";

/*
 * Text may come from a server and be long, so every pattern here is linear: none can begin in the middle of what it
 * failed on, and what a match consumed is not looked at again.
 */
const PRIVATE_KEY = /-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z0-9 ]{0,40}PRIVATE KEY-----|$)/g;
/** What has no space in it; an apostrophe may be part of a password. */
const TOKEN = /[^\s"<>`]+/g;
/** A name, and what separates it from a value: a colon, an equals sign, an arrow; or a space, for command line options. */
const NAME = /(?<![\p{L}\p{N}_.-])([\p{L}\p{N}_.-]+)(\\*["'`]?\]?\s*(?:=>|[:=]{1,3})\s*|[ \t]+)/gu;
/** Values that say that there is none. */
const NO_VALUE = /(?:undefined|null|true|false|none)(?![^\s,;)}\]"'])/iy;
/** Schemes of an Authorization header, but not where prose speaks of them. */
const SCHEME =
  /\b(bearer|basic|apikey)(\s+)(?!(?:and|auth|authentication|authorization|config|configuration|credentials?|for|headers?|health|helper|is|or|scheme|tokens?|was)\b)([\w.~+/=:-]+)/gi;
/** A basic credential is base64, which hardly ever is all lower case. */
const BASE64 = /[A-Z0-9+/=]/;
const JSON_WEB_TOKEN = /(?<![\w-])eyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?/g;
/** Words of prose that say that no secret follows: "the server gave no token: ...". */
const ABSENT = /\b(?:missing|needs?|no|wants?|without)\s$/i;
const LONGEST_ABSENT = 9;
/** Headers whose value goes on after a space. */
const TO_LINE_END = /(?:authorization|cookie)$/i;

/** A text without the secrets that can be told from their surroundings. */
export function scrub(text: string, names: SecretNames): string {
  let clean = text.includes("-----BEGIN") ? text.replace(PRIVATE_KEY, `${HIDDEN} private key`) : text;
  if (clean.includes("@") || clean.includes("://")) clean = clean.replace(TOKEN, (token) => scrubToken(token, names));
  clean = scrubPairs(clean, names);
  clean = clean.replace(SCHEME, (all, scheme: string, space: string, value: string) =>
    scheme.toLowerCase() === "basic" && !BASE64.test(value) ? all : `${scheme}${space}${HIDDEN}`,
  );
  return clean.replace(JSON_WEB_TOKEN, HIDDEN);
}

/** The user and password, and the values of the query, of each URL in a word. */
function scrubToken(token: string, names: SecretNames): string {
  if (!token.includes("://")) return scrubBareUser(token);
  const end = endWithoutPunctuation(token);
  const [scheme = "", ...rests] = token.slice(0, end).split("://");
  return [scheme, ...rests.map((rest) => scrubAddress(rest, names))].join("://") + token.slice(end);
}

/** What follows the scheme. */
function scrubAddress(address: string, names: SecretNames): string {
  const pathAt = indexOfAny(address, "/?#");
  const authority = address.slice(0, pathAt);
  let userEnd = authority.lastIndexOf("@");
  // A slash in a password, which should have been escaped, makes it look like a port.
  if (userEnd < 0 && /:(?!\d*$)/.test(authority)) userEnd = address.lastIndexOf("@");
  const user = userEnd < 0 ? "" : `${HIDDEN}@`;
  const rest = address.slice(userEnd + 1);
  const queryAt = indexOfAny(rest, "?#");
  return user + rest.slice(0, queryAt) + scrubQuery(rest.slice(queryAt), names);
}

function scrubQuery(query: string, names: SecretNames): string {
  return query.replace(/([?#&;]?)([^?#&;]+)/g, (all, mark: string, pair: string) => {
    const equals = pair.indexOf("=");
    if (equals < 0) return mark === "#" ? all : `${mark}${HIDDEN}`;
    const name = pair.slice(0, equals);
    return names.isAllowed(name) ? all : `${mark}${name}=${HIDDEN}`;
  });
}

/** What an image is named by: `repository:tag@sha256:...`. */
const IMAGE_DIGEST = /^@sha\d{3}:[0-9a-f]{32,}$/;

/** As in `user:password@host`, where the scheme was left out. */
function scrubBareUser(token: string): string {
  const userEnd = token.lastIndexOf("@");
  const colon = token.indexOf(":");
  const isUser =
    colon >= 0 && colon < userEnd && !IMAGE_DIGEST.test(token.slice(userEnd, endWithoutPunctuation(token)));
  return isUser ? `${HIDDEN}${token.slice(userEnd)}` : token;
}

/** Where the word ends if it is followed by punctuation of the sentence around it. */
function endWithoutPunctuation(token: string): number {
  let end = token.length;
  while (end > 0 && "),.;:!?]}'".includes(token.charAt(end - 1)) && !token.endsWith(HIDDEN, end)) end -= 1;
  return end;
}

function indexOfAny(text: string, marks: string): number {
  for (let at = 0; at < text.length; at += 1) {
    if (marks.includes(text.charAt(at))) return at;
  }
  return text.length;
}

/** Values whose name says that they are secret. */
function scrubPairs(text: string, names: SecretNames): string {
  let clean = "";
  let done = 0;
  NAME.lastIndex = 0;
  for (let found = NAME.exec(text); found !== null; found = NAME.exec(text)) {
    const [, name = "", separator = ""] = found;
    const isOption = separator.trim() === "";
    if (isOption && !name.startsWith("--")) continue;
    if (!names.isSecret(name) || ABSENT.test(text.slice(Math.max(0, found.index - LONGEST_ABSENT), found.index)))
      continue;
    const from = NAME.lastIndex;
    const value = valueAt(text, from, TO_LINE_END.test(name));
    if (value === undefined) continue;
    clean += text.slice(done, from) + value.open + HIDDEN + value.close;
    done = value.end;
    NAME.lastIndex = done;
  }
  return clean + text.slice(done);
}

interface Value {
  /** The quotes around it. */
  open: string;
  close: string;
  end: number;
}

function valueAt(text: string, from: number, toLineEnd: boolean): Value | undefined {
  const quote = matchAt(/\\*["'`]/y, text, from);
  if (quote !== "") {
    const end = quotedEnd(text, from + quote.length, quote);
    return { open: quote, close: end < text.length || text.endsWith(quote) ? quote : "", end };
  }
  const bare = { open: "", close: "" };
  if (toLineEnd) return { ...bare, end: from + matchAt(/[^\r\n]*/y, text, from).length };
  if (matchAt(NO_VALUE, text, from) !== "") return undefined;
  const first = text.charAt(from);
  if (first === "[" || first === "{")
    return { ...bare, end: balancedEnd(text, from, first, first === "[" ? "]" : "}") };
  // A YAML block: the value is on the lines that follow, and nothing says here where they end.
  if (matchAt(/[|>][+-]?[ \t]*\r?\n/y, text, from) !== "") return { ...bare, end: text.length };
  const length = matchAt(/[^\s"]+/y, text, from).length;
  return length === 0 ? undefined : { ...bare, end: from + length };
}

function matchAt(pattern: RegExp, text: string, at: number): string {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0] ?? "";
}

/** @returns where a quoted value ends, its closing quote included; the end of the text where there is none */
function quotedEnd(text: string, from: number, quote: string): number {
  // Quotes that are escaped themselves end with the same number of backslashes.
  if (quote.length > 1) {
    const closing = text.indexOf(quote, from);
    return closing < 0 ? text.length : closing + quote.length;
  }
  for (let at = from; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === "\\") at += 1;
    else if (character === quote) return at + 1;
  }
  return text.length;
}

function balancedEnd(text: string, from: number, open: string, close: string): number {
  let depth = 0;
  for (let at = from; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === open) depth += 1;
    else if (character === close) depth -= 1;
    if (depth === 0) return at + 1;
  }
  return text.length;
}
