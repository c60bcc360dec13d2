import { type HiddenKeys, type Hiding, ofItem, type ValueKind } from "./hidden-keys.js";
import { isHarmless, REDACTED } from "./secret-value.js";
import { type Edit, splice } from "./splice.js";

/** In text that is known to be JSON. */
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;

interface Level {
  readonly isList: boolean;
  readonly hiding: Hiding;
  /** Of the value that comes next; `undefined` while its key is still to come. */
  key: string | undefined;
}

/**
 * Takes the secrets out of JSON and leaves everything else as it is written.
 *
 * @param clean takes secrets out of a text that is not itself one
 * @returns `undefined` for text that is no JSON
 */
export function redactJson(text: string, keys: HiddenKeys, clean: (text: string) => string): string | undefined {
  if (!isJson(text)) return undefined;
  const edits: Edit[] = [];
  const levels: Level[] = [];

  function hidingOf(level: Level | undefined, kind: ValueKind): Hiding {
    if (level === undefined) return "nothing";
    return level.isList ? ofItem(level.hiding, kind) : keys.below(level.hiding, level.key ?? "", kind);
  }

  for (const { 0: token, index: from } of text.matchAll(TOKEN)) {
    const level = levels.at(-1);
    const first = token.charAt(0);
    if (first === "{" || first === "[") {
      const isList = first === "[";
      levels.push({ isList, hiding: hidingOf(level, isList ? "list" : "map"), key: undefined });
    } else if (first === "}" || first === "]") levels.pop();
    else if (first === ",") {
      if (level !== undefined) level.key = undefined;
    } else if (first !== ":") {
      const isKey = level !== undefined && !level.isList && level.key === undefined;
      const kind = first === '"' ? "text" : "other";
      const value = kind === "text" ? stringOf(token) : token;
      const isHidden = !isKey && hidingOf(level, kind) !== "nothing";
      if (isKey) level.key = value;
      const shown = isHidden ? hide(value, token) : kind === "text" ? clean(value) : value;
      if (shown !== value) edits.push({ from, to: from + token.length, text: JSON.stringify(shown) });
    }
  }
  return splice(text, edits);
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
