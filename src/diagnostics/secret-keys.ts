import { REDACTED, type RedactionLists, type SecretNames, secretNames } from "./secret-names.js";

/**
 * What is hidden at a place in a configuration: nothing, all values of a header map, those of an entry in a list of
 * headers, or everything since it is below the name of a secret.
 */
export type Hiding = "nothing" | "headers" | "header" | "secret";

/** What a key leads to. */
export type ValueKind = "map" | "list" | "text" | "other";

/** Which keys of a configuration hide what is below them. */
export interface SecretKeys extends SecretNames {
  /**
   * What is hidden below a key, given what is hidden around it.
   *
   * @param outer the key of the map that it is in: with it, the `key` in `api: {key: abc}` is one of a secret
   */
  below(around: Hiding, key: string, kind: ValueKind, outer?: string): Hiding;
}

/** Names of header maps end with this word, as `headers` and `http_headers` do; or are one of these. */
const HEADERS = /(?:^|[^a-z])headers$|[a-z]Headers$/i;
const HEADERS_TOO = new Set(["metadata", "grpc_metadata", "initial_metadata"]);
/** In a list of headers, what says which header it is and where its value comes from. */
const DESCRIBING = new Set(["action", "key", "name", "from_attribute", "from_context", "value_file"]);

/** @throws OpAMPError `ERR_OPAMP_OPTION` for lists that are not lists of names */
export function secretKeys(lists: RedactionLists): SecretKeys {
  const names = secretNames(lists);
  const authDenied = lists.deny?.some((name) => name.toLowerCase() === "auth") ?? false;

  /** The Collector has maps called `auth` all over, whose own keys say what in them is secret. */
  function isAuthMap(key: string, kind: ValueKind): boolean {
    return key.toLowerCase() === "auth" && kind === "map" && !authDenied;
  }

  return {
    ...names,
    below(around, key, kind, outer = "") {
      if (names.isSecret(key) && !isAuthMap(key, kind)) return "secret";
      if (key.toLowerCase() === "key" && kind === "text" && names.isSecret(`${outer}_${key}`)) return "secret";
      if (names.isAllowed(key) || (around === "header" && DESCRIBING.has(key))) return "nothing";
      if (around !== "nothing") return around === "header" ? "headers" : around;
      const isHeaders = HEADERS.test(key) || HEADERS_TOO.has(key.toLowerCase());
      // A number or a switch under such a name is not a header.
      return isHeaders && kind !== "other" ? "headers" : "nothing";
    },
  };
}

/** What is hidden in an item of a list. */
export function ofItem(around: Hiding, kind: ValueKind): Hiding {
  return around === "headers" && kind === "map" ? "header" : around;
}

/** Whether an item of a list is secret because of the one before it, as in the arguments `--token` and `abc`. */
export function isArgument(before: string, item: string, names: SecretNames): boolean {
  return /^--[\w-]+$/.test(before) && !item.startsWith("-") && names.isSecret(before);
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
