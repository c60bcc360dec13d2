import { secretKeys } from "../../diagnostics/secret-keys.js";
import { scrubLines } from "../../diagnostics/secret-lines.js";
import type { RedactionLists } from "../../diagnostics/secret-names.js";
import { redactJson } from "./redact-json.js";
import { redactYaml } from "./redact-yaml.js";

/** In characters. Reading YAML takes about a second for each million of them, and nothing else runs meanwhile. */
const LARGEST_YAML = 2 ** 19;

/** Takes secrets out of configuration. What it is given stays as it is. */
export interface ConfigRedactor {
  text(text: string): string;
  /** Bytes that are no UTF-8 come back as they are. */
  bytes(bytes: Uint8Array): Uint8Array;
}

/**
 * Makes a redactor for configuration files. In YAML and JSON it puts `[REDACTED]` in the place of each secret and leaves
 * all else byte for byte: comments, order, quotes, anchors, line ends. In any other text, and in YAML of more than 524 288
 * characters, it goes by the lines: faster, but blind to anchors, and without quotes around what it puts in.
 *
 * Secret is what has the name of a secret, and all below such a name; a `value` beside such a name (`name: DB_PASSWORD`);
 * the item after such an option in a list; the data of a Kubernetes Secret; every value in a map or list called `headers`,
 * `..._headers` or `metadata`; user, password and query values of URLs, tokens and private keys wherever they are,
 * comments included; and what an alias (`*name`) puts in one of these places. Left to see are empty values and references
 * such as `${env:TOKEN}`, but for one with a default value.
 *
 * @param lists names to show, and names to hide, besides those that are hidden by themselves
 * @throws OpAMPError `ERR_OPAMP_OPTION` for lists that are no lists of names
 */
export function createConfigRedactor(lists: RedactionLists = {}): ConfigRedactor {
  const keys = secretKeys(lists);
  const yaml = (given: string): string | undefined =>
    given.length > LARGEST_YAML ? undefined : redactYaml(given, keys);
  const text = (given: string): string => redactJson(given, keys) ?? yaml(given) ?? scrubLines(given, keys);
  return {
    text,
    bytes(bytes) {
      const decoded = utf8(bytes);
      return decoded === undefined ? bytes : new TextEncoder().encode(text(decoded));
    },
  };
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
