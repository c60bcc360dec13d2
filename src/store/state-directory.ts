import fs from "node:fs/promises";
import { dirname, join } from "node:path";
import { messageOf, OpAMPError } from "../errors.js";
import { leftoverOf, syncDirectory, writeAtomically } from "./atomic-write.js";
import { configFileName, decodeConfig, encodeConfig, isConfigFile } from "./config-format.js";
import { readRegularFile } from "./read-regular-file.js";
import { setAside } from "./set-aside.js";
import { type DecodedState, decodeState, encodeState, MAX_STATE_BYTES } from "./state-format.js";
import type { StoredConfig, StoredState } from "./store.js";
import { codeOf } from "./store-error.js";

const STATE = "state.json";
const OWNER_ONLY = 0o700;
const KEEP_STATES = 5;
/** Each may be as large as a message. */
const KEEP_CONFIGS = 2;
/** What says that a file is not to be read, rather than that nothing can be read just now. */
const UNREADABLE: ReadonlySet<string | undefined> = new Set([
  "EACCES",
  "EPERM",
  "EIO",
  "ELOOP",
  "ENXIO",
  "ERR_FS_FILE_TOO_LARGE",
  "ERR_STRING_TOO_LONG",
]);
const STATE_HINT =
  "to use it again, correct it or update opamp-client, and give it its old name back; until then the agent has a new identity";
const CONFIG_HINT = "nothing has to be done: only a handler's `previous` is missing, until a config has been applied";

type Report = (error: OpAMPError) => void;

/** Makes a directory that only its owner can look into, and what it is in; one that is there stays as it is. */
export async function makeDirectory(directory: string): Promise<void> {
  const first = await fs.mkdir(directory, { recursive: true, mode: OWNER_ONLY });
  if (first === undefined) return;
  for (let made = directory; made.length >= first.length; made = dirname(made)) await syncDirectory(dirname(made));
}

/** The files of a store: the state, which is small, and the config that it names. */
export class StateDirectory {
  readonly #directory: string;
  #rest: DecodedState["rest"] = {};
  /** The config that the state on disk names. */
  #kept: { files: StoredConfig["files"]; name: string } | undefined;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Reads what is there, and removes what a crash left behind. Damage is set aside, reported and survived. */
  async read(report: Report): Promise<StoredState | undefined> {
    this.#kept = undefined;
    this.#rest = {};
    const decoded = await this.#readState(report);
    if (decoded === undefined) {
      await this.#sweep();
      return undefined;
    }
    this.#rest = decoded.rest;
    for (const problem of decoded.problems) {
      const text = `${join(this.#directory, STATE)} is damaged: ${problem}; the rest is used`;
      report(new OpAMPError("ERR_OPAMP_STORE", text, { hint: "nothing has to be done: the next save puts it right" }));
    }
    const state: StoredState = decoded.state;
    if (decoded.config !== undefined) {
      const { hash, file } = decoded.config;
      const files = await this.#readConfig(file, report);
      if (files !== undefined) {
        this.#kept = { files, name: file };
        state.lastGoodConfig = { hash, files };
      }
    }
    await this.#sweep();
    return state;
  }

  /** Writes the whole state; on a failure, and after a crash, it is the old one. */
  async write(state: StoredState): Promise<void> {
    const { lastGoodConfig } = state;
    // What a state names is there before it.
    const kept = lastGoodConfig && (await this.#keep(lastGoodConfig.files));
    await writeAtomically(this.#directory, STATE, [encodeState(state, kept?.name, this.#rest)]);
    const isOther = kept?.name !== this.#kept?.name;
    this.#kept = kept;
    if (isOther) await this.#sweep();
  }

  async #keep(files: StoredConfig["files"]): Promise<{ files: StoredConfig["files"]; name: string }> {
    if (this.#kept?.files === files) return this.#kept;
    const chunks = encodeConfig(files);
    const name = await configFileName(chunks);
    if (name !== this.#kept?.name && !(await this.#names()).includes(name)) {
      await writeAtomically(this.#directory, name, chunks);
    }
    return { files, name };
  }

  async #readState(report: Report): Promise<DecodedState | undefined> {
    try {
      return decodeState((await readRegularFile(join(this.#directory, STATE), MAX_STATE_BYTES)).toString());
    } catch (cause) {
      if (codeOf(cause) === "ENOENT") return undefined;
      report(await this.#setAside(STATE, STATE, KEEP_STATES, cause, STATE_HINT));
      return undefined;
    }
  }

  async #readConfig(name: string, report: Report): Promise<StoredConfig["files"] | undefined> {
    // A name that somebody made up must not lead out of the directory.
    if (!isConfigFile(name)) {
      report(unavailable(new Error("its name is not that of a config")));
      return undefined;
    }
    try {
      const bytes = await readRegularFile(join(this.#directory, name), Number.POSITIVE_INFINITY);
      if ((await configFileName([bytes])) === name) return decodeConfig(bytes);
      throw new Error("its content is not what its name says");
    } catch (cause) {
      const isGone = codeOf(cause) === "ENOENT";
      report(isGone ? unavailable(cause) : await this.#setAside(name, "config", KEEP_CONFIGS, cause, CONFIG_HINT));
      return undefined;
    }
  }

  /** @throws the cause, where it says nothing about the file */
  async #setAside(name: string, family: string, keep: number, cause: unknown, hint: string): Promise<OpAMPError> {
    const code = codeOf(cause);
    if (code !== undefined && !UNREADABLE.has(code)) throw cause;
    const aside = await setAside(this.#directory, name, family, keep);
    const text = `${join(this.#directory, name)} cannot be used: ${messageOf(cause)}; it was set aside as ${aside}`;
    return new OpAMPError("ERR_OPAMP_STORE", text, { cause, hint });
  }

  /** Removes what nothing names any more; what cannot be removed costs room and nothing else. */
  async #sweep(): Promise<void> {
    const names = await this.#names().catch(() => []);
    const configs = names.filter((name) => isConfigFile(name) && name !== this.#kept?.name);
    const needed = configs.length === 0 ? "" : await this.#statesText(names);
    const litter = names.filter((name) => {
      const leftover = leftoverOf(name);
      return leftover !== undefined && (leftover === STATE || isConfigFile(leftover));
    });
    for (const name of [...litter, ...configs.filter((config) => !needed.includes(config))]) {
      await fs.unlink(join(this.#directory, name)).catch(() => undefined);
    }
  }

  /** The states, and those set aside: what these name may be wanted again, by a later version for instance. */
  async #statesText(names: readonly string[]): Promise<string> {
    const states = names.filter((name) => name.startsWith(STATE) && leftoverOf(name) === undefined);
    const texts = states.map((name) => readRegularFile(join(this.#directory, name), MAX_STATE_BYTES).catch(() => ""));
    return (await Promise.all(texts)).map(String).join("\n");
  }

  #names(): Promise<string[]> {
    return fs.readdir(this.#directory);
  }
}

function unavailable(cause: unknown): OpAMPError {
  const text = `the last good config cannot be had: ${messageOf(cause)}`;
  return new OpAMPError("ERR_OPAMP_STORE", text, { cause, hint: CONFIG_HINT });
}
