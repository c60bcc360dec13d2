import { resolve } from "node:path";
import { attempt, isObject } from "../../base/checks.js";
import { configSource } from "../../extension/reader/config-source.js";
import { Expanded, expand } from "../../extension/reader/expansion.js";

/** Keys with files of the agent's: secrets, certificates, the process id. */
const FILE_KEY = /(?:^|_)file(?:name)?$/;
const COMMAND_KEY = /(?:^|_)command$/;
/** What belongs to the program, or to a Collector. */
const OTHERS = ["effective_config", "receivers", "processors", "exporters", "connectors"];
const FILE_REFERENCE = /\$\{file:([^}]+)\}/g;
/** The first word of a command for the shell, where it is plainly a path. */
const FIRST_WORD = /^\s*["']?([^\s"'$`;&|<>()]*\/[^\s"'$`;&|<>()]*)/;

/**
 * The files that a configuration names for the agent itself: what it reads, and the programs that it runs. No offer may
 * change them.
 */
export function ownFilesIn(config: string, env: Readonly<Record<string, string | undefined>>): string[] {
  const { root } = configSource(config);
  if (!isObject(root)) return [];
  const found = new Set<string>();
  const visited = new Set<unknown>();
  const directory = textOf(isObject(root["remote_config"]) ? root["remote_config"]["directory"] : undefined) ?? "";

  /** A text with its references put in. One that is wrong is refused where it is read. */
  function textOf(given: unknown): string | undefined {
    const fail = (): never => {
      throw new Error();
    };
    const value = attempt(() => expand(given, { env, unset: () => undefined }, fail));
    if (value instanceof Expanded) return value.text;
    return typeof value === "string" ? value : undefined;
  }

  function add(path: string | undefined): void {
    if (path !== undefined && path !== "") found.add(resolve(path));
  }

  function addProgram(command: unknown): void {
    const text = textOf(command)?.replaceAll("{directory}", () => directory);
    if (text !== undefined) return add(FIRST_WORD.exec(text)?.[1]);
    const program = Array.isArray(command) ? textOf(command[0])?.replaceAll("{directory}", () => directory) : undefined;
    if (program?.includes("/")) add(program);
  }

  function look(value: unknown): void {
    if (typeof value === "string") for (const [, path] of value.matchAll(FILE_REFERENCE)) add(textOf(path));
    if (typeof value !== "object" || value === null || visited.has(value)) return;
    visited.add(value);
    for (const [key, inner] of Object.entries(value)) {
      if (value === root && OTHERS.includes(key)) continue;
      if (FILE_KEY.test(key)) add(textOf(inner));
      if (COMMAND_KEY.test(key)) addProgram(inner);
      look(inner);
    }
  }

  look(root);
  return [...found];
}
