import fs from "node:fs/promises";
import { dirname, join } from "node:path";
import { codeOf, messageOf, OpAMPError } from "../errors.js";
import {
  isBegun,
  leftoverOf,
  readOwnFile,
  readOwnText,
  setAside,
  syncDirectory,
  writeAtomically,
} from "./atomic-write.js";
import { BLOB_START, encodeBlob, isNamedByState } from "./blob-format.js";
import { BLOB, blobOf, findBlob, readBlobFile, UNREADABLE } from "./blob-places.js";
import { makeDirectories } from "./make-directories.js";
import {
  CONFIG_START,
  configFileName,
  type DecodedState,
  decodeConfig,
  decodeState,
  encodeConfig,
  encodeState,
  isConfigFile,
  MAX_STATE_BYTES,
  parseState,
  STATE_START,
} from "./state-format.js";
import type { StoredConfig, StoredState } from "./store.js";
import { FOREIGN_HINT, foreignError, isRefused } from "./store-error.js";

export const STATE = "state.json";
const OWNER_ONLY = 0o700;
const STATE_HINT = "to use it again, correct it and give it its old name back; until then the agent has a new identity";
const CONFIG_HINT = "nothing has to be done: only a handler's `previous` is missing, until a config has been applied";
const BLOB_HINT = "to use it again, correct it and give it its old name back; until then it counts as missing";
const TAKEN_HINT = "nothing has to be done: what is new gets another file name";

type Report = (error: OpAMPError) => void;

/** Makes a directory that only its owner can look into, and what it is in; one that is there stays as it is. */
export async function makeDirectory(directory: string): Promise<void> {
  const made = await makeDirectories(directory, OWNER_ONLY);
  for (const one of made.reverse()) await syncDirectory(dirname(one));
}

/** The files of a store: the state, which is small, the config that it names, and blobs. Nothing else there is changed. */
export class StateDirectory {
  readonly #directory: string;
  readonly #report: Report;
  #rest: DecodedState["rest"] = {};
  /** The config that the state on disk names. */
  #kept: { files: StoredConfig["files"]; name: string } | undefined;

  constructor(directory: string, report: Report) {
    this.#directory = directory;
    this.#report = report;
  }

  /**
   * Reads what is there, and removes what a crash left behind. Damage is set aside, reported and survived.
   *
   * @throws OpAMPError with `foreignStore` where a file is not ours, or of a later version; the system's error
   */
  async read(): Promise<StoredState | undefined> {
    this.#kept = undefined;
    this.#rest = {};
    const decoded = await this.#readState(decodeState);
    if (decoded === undefined) {
      await this.#sweep("all");
      return undefined;
    }
    this.#rest = decoded.rest;
    for (const problem of decoded.problems) {
      const text = `${join(this.#directory, STATE)} is damaged: ${problem}; the rest is used`;
      this.#report(
        new OpAMPError("ERR_OPAMP_STORE", text, { hint: "nothing has to be done: the next save puts it right" }),
      );
    }
    const state: StoredState = decoded.state;
    if (decoded.config !== undefined) {
      const { hash, file } = decoded.config;
      const files = await this.#readConfig(file, (cause) => this.#report(unavailable(cause)));
      if (files !== undefined) {
        this.#kept = { files, name: file };
        state.lastGoodConfig = { hash, files };
      }
    }
    await this.#sweep("all");
    return state;
  }

  /** Writes the whole state; on a failure, and after a crash, it is the old one. */
  async write(state: StoredState): Promise<void> {
    // Somebody may have put another file in its place.
    await this.#readState(parseState);
    // What a state names is there before it.
    const kept = state.lastGoodConfig && (await this.#keep(state.lastGoodConfig.files));
    await writeAtomically(this.#directory, STATE, [encodeState(state, kept?.name, this.#rest)]);
    const isOther = kept?.name !== this.#kept?.name;
    this.#kept = kept;
    if (isOther) await this.#sweep("configs");
  }

  /** A blob as it was written; `undefined` where there is none, or where it was damaged: then it is set aside and reported. */
  async readBlob(name: string): Promise<Uint8Array | undefined> {
    const { whole, damaged, foreign, unread } = await findBlob(this.#directory, name);
    await this.#setBlobsAside(damaged);
    if (whole !== undefined) return whole.bytes;
    if (unread.length > 0) throw unread[0];
    for (const { message } of foreign) this.#report(new OpAMPError("ERR_OPAMP_STORE", message, { hint: TAKEN_HINT }));
    return undefined;
  }

  /** Writes a blob, never over what is not ours; on a failure, and after a crash, it is the old one or the new one. */
  async writeBlob(name: string, blob: Uint8Array): Promise<void> {
    const { whole, damaged, free, foreign, unread } = await findBlob(this.#directory, name);
    await this.#setBlobsAside(damaged);
    const file = whole?.file ?? damaged[0] ?? free;
    if (file === undefined) throw unread[0] ?? foreign[0];
    await writeAtomically(this.#directory, file, encodeBlob(blob));
  }

  async removeBlob(name: string): Promise<void> {
    for (;;) {
      const { whole, damaged, unread } = await findBlob(this.#directory, name);
      await this.#setBlobsAside(damaged);
      if (whole === undefined) {
        if (unread.length > 0) throw unread[0];
        return;
      }
      await fs.unlink(join(this.#directory, whole.file));
      await syncDirectory(this.#directory);
    }
  }

  async #setBlobsAside(files: readonly string[]): Promise<void> {
    const why = new Error("its content is not what its first line says");
    for (const file of files) await this.#setAside(file, file, why, BLOB_HINT);
  }

  /** @returns undefined where what has its name is not ours, and stays as it is */
  async #keep(files: StoredConfig["files"]): Promise<{ files: StoredConfig["files"]; name: string } | undefined> {
    if (this.#kept?.files === files) return this.#kept;
    const chunks = encodeConfig(files);
    const name = await configFileName(chunks);
    if (name === this.#kept?.name) return { files, name };
    // One that is there under this name is used if it is whole, and set aside if it is damaged.
    if (await this.#has(name)) {
      if ((await this.#readConfig(name, () => undefined)) !== undefined) return { files, name };
      if (await this.#has(name)) return undefined;
    }
    await writeAtomically(this.#directory, name, chunks);
    return { files, name };
  }

  async #readState<T>(decode: (text: string, path: string) => T): Promise<T | undefined> {
    const path = join(this.#directory, STATE);
    try {
      return decode(await readOwnText(path, MAX_STATE_BYTES), path);
    } catch (cause) {
      if (codeOf(cause) === "ENOENT") return undefined;
      await this.#setAside(STATE, STATE, cause, STATE_HINT);
      return undefined;
    }
  }

  /** @param absent called where there is no such file */
  async #readConfig(name: string, absent: (cause: unknown) => void): Promise<StoredConfig["files"] | undefined> {
    // A name that somebody made up must not lead out of the directory.
    if (!isConfigFile(name)) {
      absent(new Error("its name is not that of a config"));
      return undefined;
    }
    try {
      const files = await this.#decodedConfig(name);
      if (files === undefined) {
        this.#report(foreignError(`${join(this.#directory, name)} is not a config of opamp-client`, FOREIGN_HINT));
      }
      return files;
    } catch (cause) {
      // Nothing but `previous` is missing without it.
      if (["ENOENT", ...UNREADABLE].includes(codeOf(cause) ?? "")) absent(cause);
      else await this.#setAside(name, "config", cause, CONFIG_HINT);
      return undefined;
    }
  }

  /** @returns undefined for a file that is not ours */
  async #decodedConfig(name: string): Promise<StoredConfig["files"] | undefined> {
    const bytes = await readOwnFile(join(this.#directory, name), Number.POSITIVE_INFINITY);
    if (!isBegun(bytes, CONFIG_START)) return undefined;
    if ((await configFileName([bytes])) !== name) throw new Error("its content is not what its name says");
    return decodeConfig(bytes);
  }

  /** @throws the cause, where it says nothing about what the file holds, or that it is not ours */
  async #setAside(name: string, family: string, cause: unknown, hint: string): Promise<void> {
    if (cause instanceof OpAMPError || isRefused(cause)) throw cause;
    const aside = await setAside(this.#directory, name, `${family}.corrupt`);
    const text = `${join(this.#directory, name)} cannot be used: ${messageOf(cause)}; it was set aside as ${aside}`;
    this.#report(new OpAMPError("ERR_OPAMP_STORE", text, { cause, hint }));
  }

  async #has(name: string): Promise<boolean> {
    return (await fs.readdir(this.#directory)).includes(name);
  }

  /**
   * Removes files of ours that no state names any more; what cannot be removed stays.
   *
   * @param which a blob is there before the state that names it: all, while no state is on its way
   */
  async #sweep(which: "all" | "configs"): Promise<void> {
    const entries = await fs.readdir(this.#directory, { withFileTypes: true }).catch(() => []);
    const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
    const configs = names.filter((name) => isConfigFile(name) && name !== this.#kept?.name);
    const blobs = which === "all" ? names.filter((name) => isNamedByState(blobOf(name) ?? "")) : [];
    const needed = configs.length + blobs.length === 0 ? "" : await this.#statesText(names);
    for (const name of names) {
      const target = leftoverOf(name);
      const isLeftover = target !== undefined && (await this.#isLeftover(name, target));
      const isUnused = configs.includes(name) && needed?.includes(name) === false;
      // What has the name of a config may be something else.
      const isConfig = isUnused && (await this.#decodedConfig(name).catch(() => undefined)) !== undefined;
      const isLost = blobs.includes(name) && needed?.includes(blobOf(name) ?? "") === false;
      // A key perhaps, which must not lie about for ever.
      const isBlob = isLost && (await readBlobFile(join(this.#directory, name)).catch(() => undefined)) !== undefined;
      if (!isLeftover && !isConfig && !isBlob) continue;
      await fs.unlink(join(this.#directory, name)).catch(() => undefined);
    }
  }

  /** Whether what has the name of a temporary file, or of a blob, is ours: begun as we would, and cut off perhaps. */
  async #isLeftover(name: string, target: string): Promise<boolean> {
    const start = startOf(target);
    if (start === undefined) return false;
    const file = await readOwnFile(join(this.#directory, name), Number.POSITIVE_INFINITY).catch(() => undefined);
    return file !== undefined && isBegun(file, start);
  }

  /**
   * The states, and those set aside: what these name may be wanted again, by a later version for instance. `undefined`
   * where one of them cannot be read: it may name any config.
   */
  async #statesText(names: readonly string[]): Promise<string | undefined> {
    const states = names.filter((name) => name.startsWith(STATE) && leftoverOf(name) === undefined);
    const texts = states.map((name) => readOwnFile(join(this.#directory, name), MAX_STATE_BYTES));
    return (await Promise.all(texts).catch(() => undefined))?.join("\n");
  }
}

/** How the file of a name begins, where the name is one of ours. */
function startOf(name: string): string | undefined {
  if (name === STATE) return STATE_START;
  if (name.startsWith(BLOB)) return BLOB_START;
  return isConfigFile(name) ? CONFIG_START : undefined;
}

function unavailable(cause: unknown): OpAMPError {
  const text = `the last good config cannot be read: ${messageOf(cause)}`;
  return new OpAMPError("ERR_OPAMP_STORE", text, { cause, hint: CONFIG_HINT });
}
