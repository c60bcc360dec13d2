import { attempt } from "../../base/checks.js";
import { type Steps, stepOf } from "../../base/steps.js";
import { LEAST_CHARACTERS, STEP_CHARACTERS, scrubLines } from "../../diagnostics/secret-lines.js";
import {
  type Hiding,
  isHarmless,
  ofItem,
  REDACTED,
  type SecretNames,
  secretBySibling,
  type ValueKind,
} from "../../diagnostics/secret-names.js";
import { type Edit, splice } from "./redact-yaml.js";

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
export function* redactJson(json: string, names: SecretNames): Steps<string | undefined> {
  const root = yield* readJson(json);
  if (root === undefined) return undefined;
  const isTime = stepOf(STEP_CHARACTERS);
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
      if (key !== undefined) show(key, yield* scrubLines(key.text, names));
      const hiding =
        key === undefined
          ? ofItem(around, kind, text, textOf(level.inside[index - 1]), names)
          : names.below(bySibling.has(key.text) ? "secret" : around, key.text, kind, outer);
      if (kind === "map" || kind === "list") open.push({ level: value, around: hiding, outer: key?.text ?? outer });
      else if (hiding !== "nothing") show(value, token === "null" || isHarmless(text) ? text : REDACTED);
      else if (kind === "text") show(value, yield* scrubLines(text, names));
      if (isTime(token.length + LEAST_CHARACTERS)) yield;
    }
  }
  return splice(json, edits);
}

/** @returns a list with the one value of the text in it; `undefined` for text that is not JSON */
function* readJson(json: string): Steps<JsonValue | undefined> {
  if (attempt<unknown>(() => JSON.parse(json)) === undefined) return undefined;
  yield;
  const isTime = stepOf(STEP_CHARACTERS);
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
    if (isTime(token.length + LEAST_CHARACTERS)) yield;
  }
  return root;
}

function textOf(value: JsonValue | undefined): string | undefined {
  return value?.kind === "text" ? value.text : undefined;
}
