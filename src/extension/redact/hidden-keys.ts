import { type RedactionLists, secretNames } from "../../diagnostics/secret-names.js";

/**
 * What is hidden at a place in a configuration: nothing, all values of a header map, those of an entry in a list of
 * headers, or everything since it is below the name of a secret.
 */
export type Hiding = "nothing" | "headers" | "header" | "secret";

/** What a key leads to. */
export type ValueKind = "map" | "list" | "text" | "other";

/** Knows which keys hide what is below them. */
export interface HiddenKeys {
  /**
   * What is hidden below a key, given what is hidden around it.
   *
   * @param outer the key of the map that it is in: with it, the `key` in `api: {key: abc}` is one of a secret
   */
  below(around: Hiding, key: string, kind: ValueKind, outer?: string): Hiding;
  /** Whether what is called so is secret, where names are values, as in `name: DB_PASSWORD`. */
  isSecretName(name: string): boolean;
}

/** Names of header maps end with this word, as `headers` and `http_headers` do; or are one of these. */
const HEADERS = /(?:^|[^a-z])headers$|[a-z]Headers$/i;
const HEADERS_TOO = new Set(["metadata", "grpc_metadata", "initial_metadata"]);
/** In a list of headers, what tells which header it is and where its value comes from. */
const DESCRIBING = new Set(["action", "key", "name", "from_attribute", "from_context", "value_file"]);

/** @throws OpAMPError `ERR_OPAMP_OPTION` for lists that are no lists of names */
export function hiddenKeys(lists: RedactionLists): HiddenKeys {
  const names = secretNames(lists);
  const authDenied = lists.deny?.some((name) => name.toLowerCase() === "auth") ?? false;

  /** The Collector has maps called `auth` all over, whose own keys tell what in them is secret. */
  function isAuthMap(key: string, kind: ValueKind): boolean {
    return key.toLowerCase() === "auth" && kind === "map" && !authDenied;
  }

  return {
    isSecretName: names.isSecret,
    below(around, key, kind, outer = "") {
      if (names.isSecret(key) && !isAuthMap(key, kind)) return "secret";
      if (key.toLowerCase() === "key" && kind === "text" && names.isSecret(`${outer}_${key}`)) return "secret";
      if (names.isAllowed(key) || (around === "header" && DESCRIBING.has(key))) return "nothing";
      if (around !== "nothing") return around === "header" ? "headers" : around;
      const isHeaders = HEADERS.test(key) || HEADERS_TOO.has(key.toLowerCase());
      // A number or a switch under such a name is no header.
      return isHeaders && kind !== "other" ? "headers" : "nothing";
    },
  };
}

/** What is hidden in an item of a list. */
export function ofItem(around: Hiding, kind: ValueKind): Hiding {
  return around === "headers" && kind === "map" ? "header" : around;
}
