import { attempt } from "../../base/checks.js";
import { scrubLines } from "../../diagnostics/secret-lines.js";
import {
  type Hiding,
  isHarmless,
  ofItem,
  REDACTED,
  type RedactionLists,
  type SecretNames,
  secretBySibling,
  secretNames,
  type ValueKind,
} from "../../diagnostics/secret-names.js";
import { type Edit, redactYaml, splice } from "./redact-yaml.js";

/** In characters. Reading YAML takes about a second for each million of them, and nothing else runs meanwhile. */
const LARGEST_YAML = 2 ** 19;

/** Takes secrets out of configuration. What it is given stays as it is. */
export interface ConfigRedactor {
  /** A text without secrets. */
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
 * @throws OpAMPError `ERR_OPAMP_OPTION` for values that are not lists of names
 */
export function createConfigRedactor(lists: RedactionLists = {}): ConfigRedactor {
  const names = secretNames(lists);
  const yaml = (given: string): string | undefined =>
    given.length > LARGEST_YAML ? undefined : redactYaml(given, names);
  const text = (given: string): string => redactJson(given, names) ?? yaml(given) ?? scrubLines(given, names);
  return {
    text,
    bytes(bytes) {
      const decoded = attempt(() => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
      return decoded === undefined ? bytes : new TextEncoder().encode(text(decoded));
    },
  };
}

/** In text that is known to be JSON. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\]:]|[^\s{}[\],:"]+/g;

/** What a token begins, by its first character. */
const KINDS: ReadonlyMap<string, ValueKind> = new Map([
  ['"', "text"],
  ["{", "map"],
  ["[", "list"],
]);

/** A value as it stands in the text. */
interface JsonValue {
  readonly kind: ValueKind;
  readonly from: number;
  readonly token: string;
  /** What the token stands for where that is text, else the token. */
  readonly text: string;
  /** Only in a map. */
  readonly key: JsonValue | undefined;
  /** The values of a map or a list. */
  readonly inside: JsonValue[];
}

/**
 * Takes the secrets out of JSON and leaves everything else as it is written.
 *
 * @returns `undefined` for text that is not JSON
 */
function redactJson(json: string, names: SecretNames): string | undefined {
  const root = readJson(json);
  if (root === undefined) return undefined;
  const edits: Edit[] = [];
  const show = ({ from, token, text }: JsonValue, shown: string): void => {
    if (shown !== text) edits.push({ from, to: from + token.length, text: JSON.stringify(shown) });
  };
  const open: { level: JsonValue; around: Hiding; outer: string }[] = [{ level: root, around: "nothing", outer: "" }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { level, around, outer } = next;
    const bySibling = secretBySibling(
      level.inside.map((value) => [value.key?.text ?? "", textOf(value)]),
      names,
    );
    for (const [index, value] of level.inside.entries()) {
      const { kind, text, token, key } = value;
      if (key !== undefined) show(key, scrubLines(key.text, names));
      const hiding =
        key === undefined
          ? ofItem(around, kind, text, textOf(level.inside[index - 1]), names)
          : names.below(bySibling.has(key.text) ? "secret" : around, key.text, kind, outer);
      if (kind === "map" || kind === "list") open.push({ level: value, around: hiding, outer: key?.text ?? outer });
      else if (hiding !== "nothing") show(value, token === "null" || isHarmless(text) ? text : REDACTED);
      else if (kind === "text") show(value, scrubLines(text, names));
    }
  }
  return splice(json, edits);
}

/** @returns a list with the one value of the text in it; `undefined` for text that is not JSON */
function readJson(json: string): JsonValue | undefined {
  if (attempt<unknown>(() => JSON.parse(json)) === undefined) return undefined;
  const root: JsonValue = { kind: "list", from: 0, token: "", text: "", key: undefined, inside: [] };
  const open = [root];
  let key: JsonValue | undefined;
  for (const { 0: token, index: from } of json.matchAll(TOKEN)) {
    const { inside } = open.at(-1) ?? root;
    if (token === "}" || token === "]") open.pop();
    else if (token === ":") key = inside.pop();
    else {
      const kind = KINDS.get(token.charAt(0)) ?? "other";
      const value = { kind, from, token, text: kind === "text" ? String(JSON.parse(token)) : token, key, inside: [] };
      key = undefined;
      inside.push(value);
      if (kind === "map" || kind === "list") open.push(value);
    }
  }
  return root;
}

function textOf(value: JsonValue | undefined): string | undefined {
  return value?.kind === "text" ? value.text : undefined;
}
