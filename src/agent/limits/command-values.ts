import type { Tree } from "./config-tree.js";

/** Words by which the names of keys end that have a command. */
const COMMAND_WORD =
  /^(?:cmds?|cmdline|commands?|commandline|exec|execs|execd|execute|executables?|entrypoint|programs?|scripts?|shell|subprocess|spawn|run|binary|interpreter|hooks?)$/;
/** Those of them below which there is nothing but commands. */
const SURE_COMMAND = /^(?:cmds?|cmdline|commands?|commandline)$/;
/** Words that may follow those. */
const PLACE_WORD = /^(?:paths?|files?|filename|lines?|name|start|stop|reload|pre|post|\d+)$/;
const PLURAL = /s$/;
/** By any of these a shell would run more than the first word says, or something else. */
const SHELL_SYNTAX = /[;&|<>()$`\\"'*?[\]{}~#\n\r]/;

/** Whether a key, by its name, has what is run. @param inside whether the key above it does */
export function namesCommand(key: string, inside: boolean): boolean {
  const words = wordsOf(key);
  const last = words.findLastIndex((word) => !PLACE_WORD.test(word));
  const word = words[last];
  // `exec: { path: /bin/x }`
  if (word === undefined) return inside;
  return COMMAND_WORD.test(word);
}

function wordsOf(key: string): string[] {
  const spaced = key.replaceAll(/([a-z0-9])([A-Z])/g, "$1 $2").replaceAll(/([A-Z])([A-Z][a-z])/g, "$1 $2");
  return spaced.toLowerCase().match(/[a-z0-9]+/g) ?? [];
}

/**
 * The programs that the value of such a key runs: the first word of a text, the first item of a list. Of a list under a
 * plural, such as `commands`, each item is a command.
 *
 * @returns `undefined` in the place of a command that only a shell could tell
 */
export function programsIn(key: string, value: Tree): (string | undefined)[] {
  if (typeof value === "string") return value.trim() === "" ? [] : [programOf(value)];
  if (value instanceof Map) return SURE_COMMAND.test(wordsOf(key).at(-1) ?? "") ? leavesOf(value) : [];
  if (!Array.isArray(value)) return [];
  const items: readonly Tree[] = value;
  const nested = items
    .filter((item) => Array.isArray(item) || item instanceof Map)
    .flatMap((item) => programsIn(item instanceof Map ? key : "", item));
  const texts = items.filter((item) => typeof item === "string");
  const isPlural = PLURAL.test(wordsOf(key).at(-1) ?? "");
  if (isPlural) return [...nested, ...texts.map(programOf)];
  // A list is not given to a shell, so its first item is the whole name.
  return [...nested, ...texts.slice(0, 1)];
}

/** Every text below a key that has commands and nothing else is one, under whatever name. */
function leavesOf(value: ReadonlyMap<string, Tree>): (string | undefined)[] {
  return [...value].flatMap(([name, inner]) => {
    // Those are looked at by their own names.
    if (namesCommand(name, false)) return [];
    return inner instanceof Map ? leavesOf(inner) : programsIn("", inner);
  });
}

function programOf(text: string): string | undefined {
  return SHELL_SYNTAX.test(text) ? undefined : text.trim().split(/\s+/, 1)[0];
}
