import { wrongOption } from "../base/checks.js";
import {
  ASKING_FIRST,
  HARMLESS_ENDING,
  HARMLESS_LAST,
  PLAIN_MAPS,
  SECRET,
  SECRET_ENDING,
  SECRET_LAST,
  SECRET_WHOLE,
} from "./secret-words.js";

/** What stands in the place of a secret, as the Collector writes it. */
export const REDACTED = "[REDACTED]";

/** Names that a redactor treats otherwise than it would by itself. */
export interface RedactionLists {
  /** Whole names to show, in any spelling: `"token-count"` is also `tokenCount`. They beat what is hidden by itself. */
  allow?: readonly string[] | undefined;
  /** Names to hide, as a whole or as a part: `"license"` hides `acme_license` too. They beat `allow`. */
  deny?: readonly string[] | undefined;
}

/**
 * What is hidden at a place in a configuration: nothing, all values of a header map, those of an entry in a list of
 * headers, or everything since it is below the name of a secret.
 */
export type Hiding = "nothing" | "headers" | "header" | "secret";

/** What a key leads to. */
export type ValueKind = "map" | "list" | "text" | "other";

/** What a name says about its value. */
export interface SecretNames {
  /** Whether the value must not be shown. */
  isSecret(name: string): boolean;
  /** Whether the user asked for the value to be shown. */
  isAllowed(name: string): boolean;
  /**
   * What is hidden below a key of a configuration, given what is hidden around it.
   *
   * @param outer the key of the map that it is in: with it, the `key` in `api: {key: abc}` is one of a secret
   */
  below(around: Hiding, key: string, kind: ValueKind, outer?: string): Hiding;
}

/** Keys that the map around them can make secret. */
export const JOINED = /^(?:routing_)?key$/i;
/** Addresses that are as good as a password. */
const SECRET_ADDRESS = /(?:webhook|hook|slackapi|sas)ur[il]$/;
/** As in `client_private_key`; more words in a row make no name that the list knows. */
const MOST_WORDS_IN_A_ROW = 4;
const LONGEST_NAME = 256;

/** Names of header maps end with this word, as `headers` and `http_headers` do; or are one of these. */
const HEADERS = /(?:^|[^a-z])headers$|[a-z]Headers$/i;
const HEADERS_TOO = new Set(["metadata", "grpc_metadata", "initial_metadata"]);
/** In a list of headers, what says which header it is and where its value comes from. */
const DESCRIBING = new Set(["action", "key", "name", "from_attribute", "from_context", "value_file"]);

/** @throws OpAMPError `ERR_OPAMP_OPTION` for values that are not lists of names */
export function secretNames(lists: RedactionLists): SecretNames {
  const allowed = new Set(joinedNames("allow", lists.allow));
  const denied = new Set(joinedNames("deny", lists.deny));

  function isAllowed(name: string): boolean {
    return allowed.size > 0 && allowed.has(wordsOf(name).join(""));
  }

  function isSecret(name: string): boolean {
    const words = wordsOf(name);
    if (denied.size > 0 && holds(words, denied)) return true;
    return !allowed.has(words.join("")) && soundsSecret(words);
  }

  /** The Collector has maps called `auth` all over, whose own keys say what in them is secret. */
  function isPlain(key: string, kind: ValueKind): boolean {
    if (kind !== "map" && kind !== "other") return false;
    // What follows a slash is the name of an instance.
    const words = wordsOf(key.replace(/\/.*/, ""));
    if (denied.size > 0 && holds(words, denied)) return false;
    return kind === "map" ? PLAIN_MAPS.has(words.join("")) : words.length > 1 && ASKING_FIRST.has(words[0] ?? "");
  }

  function below(around: Hiding, key: string, kind: ValueKind, outer = ""): Hiding {
    if (isSecret(key) && !isPlain(key, kind)) return "secret";
    if (around === "secret" && HARMLESS_ENDING.test(wordsOf(key).join(""))) return "nothing";
    if (JOINED.test(key) && kind === "text" && isSecret(`${outer}_${key}`)) return "secret";
    if (isAllowed(key) || (around === "header" && DESCRIBING.has(key))) return "nothing";
    if (around !== "nothing") return around === "header" ? "headers" : around;
    const isHeaders = HEADERS.test(key) || HEADERS_TOO.has(key.toLowerCase());
    // A number or a switch under such a name is not a header.
    return isHeaders && kind !== "other" ? "headers" : "nothing";
  }

  return { isSecret, isAllowed, below };
}

function soundsSecret(words: readonly string[]): boolean {
  const last = words.at(-1);
  if (last === undefined) return false;
  const joined = words.join("");
  if (HARMLESS_ENDING.test(joined) || /^(?:max|min).*tokens$/.test(joined)) return false;
  if (HARMLESS_LAST.has(last)) return SECRET_ADDRESS.test(joined);
  if (SECRET_LAST.has(last) || (words.length === 1 && SECRET_WHOLE.has(last))) return true;
  return holds(words, SECRET) || words.some((word) => SECRET_ENDING.test(word));
}

/** Whether some words in a row make one of the names, in the singular or the plural. */
function holds(words: readonly string[], names: ReadonlySet<string>): boolean {
  for (let from = 0; from < words.length; from += 1) {
    let joined = "";
    for (const word of words.slice(from, from + MOST_WORDS_IN_A_ROW)) {
      joined += word;
      if (names.has(joined) || (joined.endsWith("s") && names.has(joined.slice(0, -1)))) return true;
    }
  }
  return false;
}

/** The words of a name in lower case: `X-API-Key`, `apiKey` and `api_key` all have `api` and `key`. */
function wordsOf(name: string): readonly string[] {
  const words = name.slice(-LONGEST_NAME).match(/\p{Lu}+(?!\p{Ll})|\p{Lu}?\p{Ll}+|\p{Lo}+|\p{N}+/gu) ?? [];
  return words.map((word) => word.toLowerCase());
}

function joinedNames(list: string, names: readonly string[] | undefined): readonly string[] {
  if (names === undefined) return [];
  if (!Array.isArray(names)) throw wrongOption(`redact.${list}`, "must be a list of names");
  return names.map((name: unknown, index) => {
    const where = `redact.${list}[${index}]`;
    if (typeof name !== "string") throw wrongOption(where, "must be a string");
    const words = wordsOf(name);
    if (words.length === 0) throw wrongOption(where, "has neither letters nor digits");
    if (words.length > MOST_WORDS_IN_A_ROW && list === "deny") {
      throw wrongOption(where, `has more than ${MOST_WORDS_IN_A_ROW} words`);
    }
    return words.join("");
  });
}

/** What a user and a password follow, as in curl. */
const USER_OPTION = /^(?:-u|-U|--(?:proxy-)?user)$/;

/**
 * What is hidden in an item of a list.
 *
 * @param text the item's, where it has one
 * @param before the text of the item before it: what follows an argument such as `--token` is secret
 */
export function ofItem(
  around: Hiding,
  kind: ValueKind,
  text: string | undefined,
  before: string | undefined,
  names: SecretNames,
): Hiding {
  if (before !== undefined && USER_OPTION.test(before) && text?.includes(":") === true) return "secret";
  const follows = before !== undefined && /^--[\w-]+$/.test(before) && names.isSecret(before);
  if (follows && text?.startsWith("-") !== true) return "secret";
  return around === "headers" && kind === "map" ? "header" : around;
}

/** An entry of a map; `undefined` for a value that is not text. */
export type Entry = readonly [key: string, text: string | undefined];

/** Where Kubernetes keeps what is in a Secret. */
const SECRET_DATA = ["data", "stringData"];

/**
 * The keys of a map whose values are secret because of what the map says elsewhere: `value` beside `name: DB_PASSWORD`,
 * and the data of a Kubernetes Secret.
 */
export function secretBySibling(entries: readonly Entry[], names: SecretNames): ReadonlySet<string> {
  const keys = entries.flatMap(([key, text = ""]) => {
    if (key === "kind" && text === "Secret") return SECRET_DATA;
    return (key === "key" || key === "name") && names.isSecret(text) ? ["value"] : [];
  });
  return new Set(keys);
}

/** As the Collector's configuration refers to what is kept elsewhere: `${env:TOKEN}`, `${TOKEN}`, `${file:/run/token}`. */
const REFERENCE = String.raw`\$\{(?:env:|file:)?[\w./-]+\}`;
/** References alone, with what may stand before them in a header and between them. */
const REFERENCES = new RegExp(`^(?:(?:apikey|basic|bearer|token)[ \\t]+)?(?:${REFERENCE}[:@/._,-]?)+$`, "i");
/** The name of an auth extension of the Collector, which `auth` leads to; the secret is there. */
const AUTH_EXTENSION =
  /^(?:asapclient|azureauth|basicauth|bearertokenauth|googleclientauth|headers_setter|oauth2client|sigv4auth)(?:\/[\w.-]+)?$/;
/** A replaced value that was not quoted reads like a list with one word in it. */
const ALREADY = new Set(["", REDACTED, REDACTED.slice(1, -1)]);

/** Whether a value in a secret place gives nothing away: empty, hidden before, or a reference to where the secret is. */
export function isHarmless(value: string): boolean {
  return ALREADY.has(value) || REFERENCES.test(value.trim()) || AUTH_EXTENSION.test(value);
}
