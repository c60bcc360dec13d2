import { atOnce, type Steps } from "../../base/steps.js";
import { scrubLines } from "../../diagnostics/secret-lines.js";
import { REDACTED, type RedactionLists, secretNames } from "../../diagnostics/secret-names.js";
import { decodeConfig } from "./decode-config.js";
import { redactJson } from "./redact-json.js";
import { redactYaml } from "./redact-yaml.js";

/** In characters. Reading YAML takes about a second for each million of them, and nothing else runs meanwhile. */
const LARGEST_YAML = 2 ** 16;

/** Takes secrets out of configuration. What it is given stays as it is. */
export interface ConfigRedactor {
  /** A text without secrets. */
  text(text: string): string;
  /**
   * The same for a file, in UTF-8. What is not UTF-8 is read as UTF-16 or UTF-32, by its byte order mark or, in UTF-16, by
   * its Latin characters; else as Windows-1252. In the place of what is not text at all comes `[REDACTED]` alone.
   */
  bytes(bytes: Uint8Array): Uint8Array;
}

/**
 * Makes a redactor for configuration files. In YAML and JSON it puts `[REDACTED]` in the place of each secret and leaves
 * all else byte for byte: comments, order, quotes, anchors, line ends. In any other text, and in YAML of more than 65 536
 * characters, it goes by the lines: faster, but blind to anchors, and without quotes around what it puts in. A line of
 * as many is hidden as a whole.
 *
 * Nothing else runs meanwhile: up to 0.1 s for YAML that is read as such, and about as long for each million characters of
 * other text. {@link effectiveConfig} does the same in pieces.
 *
 * Secret is what has the name of a secret, and all below such a name; a `value` beside such a name (`name: DB_PASSWORD`);
 * the item after such an option in a list; the data of a Kubernetes Secret; every value in a map or list called `headers`,
 * `..._headers` or `metadata`; user, password and query values of URLs, tokens and private keys wherever they are,
 * comments included; and what an alias (`*name`) puts in one of these places. Left to see are empty values and references
 * such as `${env:TOKEN}`, but for one with a default value.
 *
 * @param lists names to show, and names to hide, besides those that are hidden by themselves
 * @throws OpAMPError `ERR_OPAMP_OPTION` for values that are not lists of names
 */
export function createConfigRedactor(lists: RedactionLists = {}): ConfigRedactor {
  const { text, bytes } = configRedaction(lists);
  return {
    text: (given) => atOnce(text(given)),
    bytes: (given) => new TextEncoder().encode(atOnce(bytes(given)) ?? REDACTED),
  };
}

/** The work of a {@link ConfigRedactor}, in steps. */
export interface ConfigRedaction {
  text(text: string): Steps<string>;
  /** @returns `undefined` for what is not text */
  bytes(bytes: Uint8Array): Steps<string | undefined>;
}

/** @throws OpAMPError `ERR_OPAMP_OPTION` for values that are not lists of names */
export function configRedaction(lists: RedactionLists = {}): ConfigRedaction {
  const names = secretNames(lists);

  function* text(given: string): Steps<string> {
    const ofJson = yield* redactJson(given, names);
    if (ofJson !== undefined) return ofJson;
    const ofYaml = given.length > LARGEST_YAML ? undefined : yield* redactYaml(given, names);
    return ofYaml ?? (yield* scrubLines(given, names));
  }

  function* bytes(given: Uint8Array): Steps<string | undefined> {
    const decoded = decodeConfig(given);
    if (decoded === undefined) return undefined;
    const { otherReading } = decoded;
    const isSafe = (yield* scrubLines(otherReading, names)) === otherReading;
    return isSafe ? yield* text(decoded.text) : undefined;
  }

  return { text, bytes };
}
