import { closeSync, openSync, readSync, statSync } from "node:fs";
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
/** Between the words of a command for the shell, once it has no quotes. */
const BETWEEN_WORDS = /[\s;&|<>()`=]+/;
const SHELL_SCRIPT = /\.(?:sh|bash|zsh|ksh)$/;
const SCRIPT_START = "#!";

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
    const texts = Array.isArray(command) ? command.map(textOf) : [textOf(command)];
    const words = texts.flatMap((text = "") =>
      text
        .replaceAll(/\{directory\}|\$\{?OPAMP_CONFIG_DIR\}?/g, () => directory)
        .replaceAll(/["'\\]/g, "")
        .split(BETWEEN_WORDS),
    );
    const [program] = words;
    if (program?.includes("/")) add(program);
    // Whatever stands before it, `sh`, `env` or `cd`: a script or program that is named is run.
    for (const word of words.filter((one) => one !== "" && !one.startsWith("-"))) {
      for (const path of [resolve(word), resolve(directory, word)]) if (isRun(path)) add(path);
    }
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

/** Whether a file is, by its name, rights or beginning, one that is run. */
function isRun(path: string): boolean {
  if (SHELL_SCRIPT.test(path)) return true;
  const found = attempt(() => statSync(path));
  if (found?.isFile() !== true) return false;
  return (found.mode & 0o111) !== 0 || attempt(() => startOf(path)) === SCRIPT_START;
}

function startOf(path: string): string {
  const file = openSync(path, "r");
  try {
    const start = Buffer.alloc(SCRIPT_START.length);
    readSync(file, start);
    return start.toString("latin1");
  } finally {
    closeSync(file);
  }
}
