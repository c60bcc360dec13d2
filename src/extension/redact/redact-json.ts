import {
  type Entry,
  type Hiding,
  isArgument,
  isHarmless,
  ofItem,
  type SecretKeys,
  secretBySibling,
  type ValueKind,
} from "../../diagnostics/secret-keys.js";
import { scrubLines } from "../../diagnostics/secret-lines.js";
import { REDACTED } from "../../diagnostics/secret-names.js";

/** In text that is known to be JSON. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

/** What has to be there before a map can say that its own values are secret. */
const SIBLINGS = /"(?:value|kind)"/;

interface Level {
  readonly isList: boolean;
  readonly hiding: Hiding;
  /** The key above. */
  readonly outer: string;
  /** Those of its keys whose values are secret by what it says elsewhere. */
  readonly bySibling: ReadonlySet<string>;
  /** Of the value that comes next; `undefined` while its key is still to come. */
  key: string | undefined;
  /** The last item, where it was text. */
  last: string;
}

/**
 * Takes the secrets out of JSON and leaves everything else as it is written.
 *
 * @returns `undefined` for text that is not JSON
 */
export function redactJson(text: string, keys: SecretKeys): string | undefined {
  if (!isJson(text)) return undefined;
  const edits: Edit[] = [];
  const levels: Level[] = [];
  const siblingsAt = secretsInside(text, keys);

  function hidingOf(level: Level | undefined, kind: ValueKind, text = ""): Hiding {
    if (level === undefined) return "nothing";
    const { isList, hiding, key = "", outer, bySibling, last } = level;
    if (isList) return isArgument(last, text, keys) ? "secret" : ofItem(hiding, kind);
    return keys.below(bySibling.has(key) ? "secret" : hiding, key, kind, outer);
  }

  for (const { 0: token, index: from } of text.matchAll(TOKEN)) {
    const level = levels.at(-1);
    const first = token.charAt(0);
    if (first === "{" || first === "[") {
      const isList = first === "[";
      const hiding = hidingOf(level, isList ? "list" : "map");
      const outer = level?.key ?? level?.outer ?? "";
      levels.push({ isList, hiding, outer, bySibling: siblingsAt.get(from) ?? new Set(), key: undefined, last: "" });
      if (level !== undefined) level.last = "";
    } else if (first === "}" || first === "]") levels.pop();
    else if (first === ",") {
      if (level !== undefined) level.key = undefined;
    } else if (first !== ":") {
      const isKey = level !== undefined && !level.isList && level.key === undefined;
      const kind = first === '"' ? "text" : "other";
      const value = kind === "text" ? stringOf(token) : token;
      const isHidden = !isKey && hidingOf(level, kind, value) !== "nothing";
      if (isKey) level.key = value;
      else if (level !== undefined) level.last = kind === "text" ? value : "";
      const shown = isHidden ? hide(value, token) : kind === "text" ? scrubLines(value, keys) : value;
      if (shown !== value) edits.push({ from, to: from + token.length, text: JSON.stringify(shown) });
    }
  }
  return splice(text, edits);
}

/** For each map, by where it starts, what {@link secretBySibling} says. */
function secretsInside(text: string, keys: SecretKeys): ReadonlyMap<number, ReadonlySet<string>> {
  const found = new Map<number, ReadonlySet<string>>();
  if (!SIBLINGS.test(text)) return found;
  const open: { from: number; isList: boolean; key: string | undefined; entries: Entry[] }[] = [];
  for (const { 0: token, index: from } of text.matchAll(TOKEN)) {
    const level = open.at(-1);
    const first = token.charAt(0);
    if (first === "{" || first === "[") open.push({ from, isList: first === "[", key: undefined, entries: [] });
    else if (level === undefined) continue;
    else if (first === "}" || first === "]") {
      open.pop();
      found.set(level.from, secretBySibling(level.entries, keys));
    } else if (first === ",") level.key = undefined;
    else if (first === '"' && !level.isList) {
      if (level.key === undefined) level.key = stringOf(token);
      else level.entries.push([level.key, stringOf(token)]);
    }
  }
  return found;
}

function hide(value: string, token: string): string {
  return token === "null" || isHarmless(value) ? value : REDACTED;
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function stringOf(token: string): string {
  const value: unknown = JSON.parse(token);
  return String(value);
}

/** What replaces a part of a text. */
export interface Edit {
  readonly from: number;
  readonly to: number;
  readonly text: string;
}

/** A text with parts of it replaced; of two edits at the same place the one that comes first in the list counts. */
export function splice(text: string, edits: readonly Edit[]): string {
  const pieces: string[] = [];
  let done = 0;
  for (const edit of edits.toSorted((a, b) => a.from - b.from)) {
    if (edit.from < done) continue;
    pieces.push(text.slice(done, edit.from), edit.text);
    done = edit.to;
  }
  pieces.push(text.slice(done));
  return pieces.join("");
}
