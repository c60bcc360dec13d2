import { posix } from "node:path";
import { oneLine } from "../../diagnostics/one-line.js";
import { OpAMPError } from "../../errors.js";
import { namesCommand, programsIn } from "./command-values.js";
import { type Tree, treesOf, Unreadable } from "./config-tree.js";
import { liesIn } from "./path-values.js";
import { matches, type Pattern } from "./patterns.js";

/** What an offer may contain. With a list, what no rule in it names is refused; without one, anything is allowed. */
export interface OfferLimits {
  /** Names of files. */
  readonly names: readonly Pattern[] | undefined;
  /** For all files of an offer together. */
  readonly maxBytes: number | undefined;
  /** Of YAML and JSON files, from the top. */
  readonly keys: readonly Pattern[] | undefined;
  /** Where paths in values may lead. Absolute. */
  readonly paths: readonly string[] | undefined;
  /** Programs that values may have run. */
  readonly commands: readonly Pattern[] | undefined;
}

/** A file as it would be written. */
interface LimitedFile {
  readonly path: string;
  readonly body: Uint8Array;
}

const KEY_SEPARATOR = /\.|::/;
const LONGEST_SHOWN = 120;

/**
 * Refuses an offer with anything in it that the local limits do not allow.
 *
 * @throws OpAMPError `ERR_OPAMP_HANDLER` naming the item and the rule's key
 */
export function refuseBeyondLimits(files: readonly LimitedFile[], limits: OfferLimits): void {
  const { names, maxBytes, keys, paths, commands } = limits;
  const bytes = files.reduce((sum, { body }) => sum + body.length, 0);
  if (maxBytes !== undefined && bytes > maxBytes) {
    throw refused("max_bytes", `the configuration has ${bytes} bytes, and ${maxBytes} are allowed`);
  }
  const unnamed = files.find(({ path }) => names !== undefined && !isNamed(names, path.split("/")));
  if (unnamed !== undefined) throw refused("names", `the file ${quoted(unnamed.path)} is not allowed`);
  const key = keys ? "keys" : paths ? "paths" : commands ? "commands" : undefined;
  if (key === undefined) return;
  for (const file of files) {
    for (const tree of readTrees(file, key)) checkTree(tree, file.path, limits);
  }
}

function readTrees({ path, body }: LimitedFile, key: keyof OfferLimits & string): Tree[] {
  if (!/\.(?:ya?ml|json)$/i.test(path)) {
    throw refused(key, `the file ${quoted(path)} cannot be checked: its name does not end with .yaml, .yml or .json`);
  }
  try {
    return treesOf(body, /\.json$/i.test(path));
  } catch (error) {
    if (!(error instanceof Unreadable)) throw error;
    const problem = `the file ${quoted(path)} cannot be checked: it ${error.message}`;
    throw refusedAs(`${problem}, which remote_config.allow.${key} requires`);
  }
}

function checkTree(root: Tree, file: string, { keys, paths, commands }: OfferLimits): void {
  const item = (at: readonly string[]) => `${quoted(at.join(".") || "the whole content")} in ${quoted(file)}`;

  function checkText(text: string, at: readonly string[], inCommand = false): void {
    // Where a program may be is for `commands` to say; what it is given is not.
    const [program = ""] = inCommand ? text.split(/(?<=\S)\s/, 1) : [];
    const isAllowed = commands !== undefined && isNamed(commands, program.trim().split("/"));
    if (paths === undefined || liesIn(paths, isAllowed ? text.slice(program.length) : text)) return;
    throw refused("paths", `the path at ${item(at)} is not allowed`);
  }

  function checkCommand(rules: readonly Pattern[], key: string, value: Tree, at: readonly string[]): void {
    for (const program of programsIn(key, value)) {
      const isPlain = program !== undefined && posix.normalize(program) === program;
      if (isPlain && isNamed(rules, program.split("/"))) continue;
      throw refused("commands", `the command at ${item(at)} is not allowed`);
    }
  }

  function check(tree: Tree, at: readonly string[], inCommand: boolean): void {
    const inner = tree instanceof Map ? [...tree] : Array.isArray(tree) ? tree.map((each) => ["", each] as const) : [];
    if (inner.length === 0 && keys !== undefined && !(tree === null && at.length === 0)) {
      const parts = at.flatMap((key) => key.split(KEY_SEPARATOR));
      if (!isNamed(keys, parts)) throw refused("keys", `the key ${item(at)} is not allowed`);
    }
    if (typeof tree === "string") checkText(tree, at, inCommand);
    for (const [key, value] of inner) {
      const isMap = tree instanceof Map;
      const here = isMap ? [...at, key] : at;
      const isCommand = isMap ? namesCommand(key, inCommand) : inCommand;
      if (isMap) checkText(key, here);
      if (isMap && isCommand && commands !== undefined) checkCommand(commands, key, value, here);
      check(value, here, isCommand);
    }
  }

  check(root, [], false);
}

function isNamed(rules: readonly Pattern[], parts: readonly string[]): boolean {
  return rules.some((rule) => matches(rule, parts));
}

function refused(key: string, problem: string): OpAMPError {
  return refusedAs(`${problem} by remote_config.allow.${key} of the agent`);
}

function refusedAs(text: string): OpAMPError {
  return new OpAMPError("ERR_OPAMP_HANDLER", text, {
    hint: "change the offer on the server, or the limits in the agent's own file",
  });
}

function quoted(text: string): string {
  const line = oneLine(text, (same) => same);
  return JSON.stringify(line.length > LONGEST_SHOWN ? `${line.slice(0, LONGEST_SHOWN)}...` : line);
}
