import type { RedactionLists } from "../diagnostics/secret-names.js";
import { hiddenKeys } from "./hidden-keys.js";
import { redactJson } from "./redact-json.js";
import { lineRedactor } from "./redact-lines.js";
import { redactYaml } from "./redact-yaml.js";

/** Takes secrets out of configuration. What it is given stays as it is. */
export interface ConfigRedactor {
  text(text: string): string;
  /** Bytes that are no UTF-8 come back as they are. */
  bytes(bytes: Uint8Array): Uint8Array;
}

/**
 * Makes a redactor for configuration files. In YAML and JSON it puts `[REDACTED]` in the place of each secret and leaves
 * all else byte for byte: comments, order, quotes, anchors, line ends. In any other text it goes by the lines.
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
  const keys = hiddenKeys(lists);
  const lines = lineRedactor(lists, keys);
  const text = (given: string): string =>
    redactJson(given, keys, lines.text) ?? redactYaml(given, keys, lines) ?? lines.text(given);
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
