import { OpAMPError } from "../errors.js";

/** What stands in the place of a secret, as the Collector writes it. */
export const REDACTED = "[REDACTED]";

/** Names that a redactor treats otherwise than it would by itself. */
export interface RedactionLists {
  /** Whole names to show, in any spelling: `"token-count"` is also `tokenCount`. They beat what is hidden by itself. */
  allow?: readonly string[];
  /** Names to hide, as a whole or as a part: `"license"` hides `acme_license` too. They beat `allow`. */
  deny?: readonly string[];
}

/** What a name says about its value. */
export interface SecretNames {
  /** Whether the value must not be shown. */
  isSecret(name: string): boolean;
  /** Whether the user asked for the value to be shown. */
  isAllowed(name: string): boolean;
}

/** Words, or words in a row, that make a name one of a secret. */
const SECRET = new Set([
  "accesskey",
  "accountkey",
  "aeskey",
  "apikey",
  "authkey",
  "authorization",
  "bearer",
  "connectionstring",
  "cookie",
  "credential",
  "encryptionkey",
  "encryptkey",
  "ingestionkey",
  "ingestkey",
  "insertkey",
  "instrumentationkey",
  "jwt",
  "keydata",
  "keypem",
  "licensekey",
  "masterkey",
  "passcode",
  "passphrase",
  "passwd",
  "password",
  "privatekey",
  "proxyauth",
  "pwd",
  "requirepass",
  "secret",
  "sessionid",
  "sharedkey",
  "signingkey",
  "sshkey",
  "subscriptionkey",
  "token",
  "xauth",
]);
/** Words that do so only where the name is nothing else, or ends with them. */
const SECRET_WHOLE = new Set(["auth", "pass"]);
const SECRET_LAST = new Set(["pass"]);
/** Words run together: `dbpassword`, `clientsecret`. */
const SECRET_ENDING = /(?:apikey|passphrase|passwd|password|secret|token)s?$/;
/** What the last word may say to make it a name of something about a secret. */
const HARMLESS_LAST = new Set([
  "bytes",
  "count",
  "enabled",
  "endpoint",
  "expires",
  "expiry",
  "file",
  "length",
  "method",
  "ms",
  "name",
  "path",
  "required",
  "scheme",
  "ttl",
  "type",
  "uri",
  "url",
]);
/** As in `client_private_key`; more words in a row make no name that the list knows. */
const MOST_WORDS_IN_A_ROW = 4;
const LONGEST_NAME = 256;

/** @throws OpAMPError `ERR_OPAMP_OPTION` for lists that are no lists of names */
export function secretNames(lists: RedactionLists): SecretNames {
  const allowed = new Set(joinedNames("allow", lists.allow));
  const denied = new Set(joinedNames("deny", lists.deny));
  return {
    isAllowed: (name) => allowed.size > 0 && allowed.has(wordsOf(name).join("")),
    isSecret(name) {
      const words = wordsOf(name);
      if (denied.size > 0 && holds(words, denied)) return true;
      if (allowed.size > 0 && allowed.has(words.join(""))) return false;
      return soundsSecret(words);
    },
  };
}

function soundsSecret(words: readonly string[]): boolean {
  const last = words.at(-1);
  if (last === undefined || HARMLESS_LAST.has(last)) return false;
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
  if (!Array.isArray(names)) throw wrong(list, "must be a list of names");
  return names.map((name: unknown, index) => {
    const where = `${list}[${index}]`;
    if (typeof name !== "string") throw wrong(where, "must be a string");
    const words = wordsOf(name);
    if (words.length === 0) throw wrong(where, "has neither letters nor digits");
    if (words.length > MOST_WORDS_IN_A_ROW && list === "deny") {
      throw wrong(where, `has more than ${MOST_WORDS_IN_A_ROW} words`);
    }
    return words.join("");
  });
}

function wrong(where: string, problem: string): OpAMPError {
  return new OpAMPError("ERR_OPAMP_OPTION", `redact.${where}: ${problem}`);
}
