import { lstat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { sameBytes } from "../base/bytes.js";
import { checkOptions, wrongOption } from "../base/checks.js";
import { hasCode, isError, OpAMPError } from "../errors.js";
import { checkBlobName, copyOfBlob } from "./blob-format.js";
import type { DirectoryLock } from "./directory-lock.js";
import type { StateDirectory } from "./state-directory.js";
import type { Store, StoreBlobs, StoredState } from "./store.js";
import { isRefused, mayPass, storeError, unreadError } from "./store-error.js";

/** How a {@link fileStore} is set up. */
export interface FileStoreOptions {
  /**
   * How long `load` waits for another agent, or an earlier client with the same store, to let go of the directory, in
   * milliseconds, as after a restart that overlaps. At most 20 000. Default 2 000.
   */
  lockWaitMs?: number | undefined;
}

/** A store in a directory. */
export interface FileStore extends Store {
  /** Locks the directory and reads the state; `undefined` when there is none. */
  load(report?: (error: OpAMPError) => void): Promise<StoredState | undefined>;
  /** Writes the state down to the disk; the newest wins. */
  save(state: StoredState): Promise<void>;
  /** Lets go of the directory. Safe to call again. */
  close(): Promise<void>;
  /** What is saved outlives the process. */
  readonly lasting: true;
  /** Named byte strings beside the state. */
  readonly blobs: StoreBlobs;
}

/** The directory while it is ours. */
interface Open {
  files: StateDirectory;
  lock: DirectoryLock;
}

type Report = (error: OpAMPError) => void;

const IN_USE = "in use";
const LOCK_WAIT_MS = 2_000;
/** A client does without a store that takes longer than 30 s. */
const MAX_LOCK_WAIT_MS = 20_000;
const LET_GO_CHECK_MS = 20;
/** Waits before a state is read again that cannot be read: files are closed, and network drives come back. */
const READ_AGAIN_MS: readonly number[] = [100, 200, 400, 800, 1_600, 3_200];
const SHARED = "is in use by another client, which has the same store";
const SHARED_HINT = "give each client a store of its own, in a directory of its own";
const TAKEN = "was removed while it was in use, and holds the state of another agent now";
const TAKEN_HINT = "give each agent a directory of its own, and remove none while its agent runs";
const UNREAD = "holds a state that could not be read at first, and is not overwritten";
const UNREAD_HINT = "end what keeps it from being read, which an earlier error names, and restart the agent";

/**
 * A store in a directory, which is made with mode 0700 where it is missing.
 *
 * `state.json` is replaced as a whole, so that a crash or a power cut leaves the old state or the new one. The last good
 * config is a file beside it, written only when it is another one, and so is each blob (`blob-<name>`, mode 0600). A file
 * that is damaged is set aside as `state.json.corrupt`, reported and survived. Other files in the directory are left alone.
 * While it is loaded the directory is locked against other agents on the same machine; the lock ends with the process,
 * however that ends.
 *
 * All failures are `ERR_OPAMP_STORE`. A `state.json` of a later version, or that is not of this package (JSON of another
 * form, a link, a directory), is left as it is, and the error has `foreignStore`: see the option `onForeignStore`. So is one
 * that the system does not let be read, which is `retryable` then: `load` reads it again for some 6 seconds, unless it is not
 * for this user to read. A blob's
 * file that is foreign fails the calls for that blob alone; a blob that the client itself names gets another file then. A directory that another agent uses is not retryable: the
 * client goes on without the store. After a `load` that failed otherwise, saves try again to open the directory, but never
 * overwrite a state that has not been read. A directory that was removed meanwhile is made again by the next save, unless
 * another agent did so.
 *
 * @param directory for this agent alone; relative to the working directory of this moment
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export function fileStore(directory: string, options: FileStoreOptions = {}): FileStore {
  if (typeof directory !== "string" || directory === "") throw wrongOption("fileStore: directory", "must be a path");
  checkOptions("fileStore: options", options, { lockWaitMs: true });
  const { lockWaitMs = LOCK_WAIT_MS } = options;
  if (typeof lockWaitMs !== "number" || !(lockWaitMs >= 0 && lockWaitMs <= MAX_LOCK_WAIT_MS)) {
    throw wrongOption("fileStore: options.lockWaitMs", `must be milliseconds, 0 to ${MAX_LOCK_WAIT_MS}`);
  }
  return new DirectoryStore(resolve(directory), lockWaitMs);
}

class DirectoryStore implements FileStore {
  readonly lasting = true;
  readonly blobs: StoreBlobs = {
    read: (name) => this.#withBlob("read", name, (files) => files.readBlob(name)),
    write: async (name, bytes) => {
      // The caller may change the bytes while others are at it.
      const blob = copyOfBlob(bytes);
      await this.#withBlob("written", name, (files) => files.writeBlob(name, blob));
    },
    remove: (name) => this.#withBlob("written", name, (files) => files.removeBlob(name)),
  };
  readonly #path: string;
  readonly #lockWaitMs: number;
  /** `"unread"`: wanted, but what is there may be a state that nobody has seen. */
  #open: Open | "unread" | undefined;
  /** The agent's name as it was read or written last. */
  #uid: Uint8Array | undefined;
  #report: Report = () => undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(path: string, lockWaitMs: number) {
    this.#path = path;
    this.#lockWaitMs = lockWaitMs;
  }

  async load(report?: Report): Promise<StoredState | undefined> {
    for (let tries = 0; ; tries += 1) {
      try {
        return await this.#load(report);
      } catch (error) {
        const unread = await this.#unread(error);
        if (unread === undefined) throw error;
        const waitMs = READ_AGAIN_MS[tries];
        if (waitMs === undefined || !mayPass(unread.cause)) throw unread;
        await pause(waitMs);
      }
    }
  }

  async #load(report?: Report): Promise<StoredState | undefined> {
    const until = performance.now() + this.#lockWaitMs;
    for (;;) {
      const outcome = await this.#next("read", async () => {
        if (this.#open !== undefined && this.#open !== "unread") return IN_USE;
        if (report !== undefined) this.#report = report;
        this.#uid = undefined;
        const { state } = await this.#read();
        this.#uid = state?.instanceUid;
        return state;
      });
      if (outcome !== IN_USE) return outcome;
      if (performance.now() >= until) throw this.#refused(SHARED, SHARED_HINT);
      // Outside the queue: the client before may still have to save, and to close.
      await pause(LET_GO_CHECK_MS);
    }
  }

  /** @returns what to say of a load that failed, where there is a state, or may be */
  async #unread(error: unknown): Promise<OpAMPError | undefined> {
    if (!isError(error) || !isRefused(error.cause)) return undefined;
    const { STATE } = await import("./state-directory.js");
    const path = join(this.#path, STATE);
    const isThere = await lstat(path).then(
      () => true,
      (cause: unknown) => !hasCode(cause, "ENOENT", "ENOTDIR"),
    );
    return isThere ? unreadError(path, error.cause) : undefined;
  }

  save(state: StoredState): Promise<void> {
    const save = async (): Promise<void> => {
      const files = await this.#files();
      await files.write(state);
      this.#uid = state.instanceUid;
    };
    return this.#next("written", save, "; the next change is saved again, with all before it");
  }

  close(): Promise<void> {
    return this.#next("closed", () => this.#close());
  }

  async #withBlob<T>(done: string, name: string, action: (files: StateDirectory) => Promise<T>): Promise<T> {
    checkBlobName(name);
    return this.#next(done, async () => action(await this.#files()));
  }

  /** One after the other, whatever became of the one before. @param next as {@link storeError} has it */
  #next<T>(done: string, action: () => Promise<T>, next?: string): Promise<T> {
    const ended = this.#last.then(action).catch((cause: unknown) => {
      throw storeError(`${this.#path} cannot be ${done}`, cause, next);
    });
    this.#last = ended.catch(() => undefined);
    return ended;
  }

  async #read(): Promise<{ state: StoredState | undefined; files: StateDirectory }> {
    this.#open = "unread";
    // Not before it is used: who has no such store loads nothing for it.
    const [{ lockDirectory }, { makeDirectory, StateDirectory }] = await Promise.all([
      import("./directory-lock.js"),
      import("./state-directory.js"),
    ]);
    await makeDirectory(this.#path);
    const lock = await lockDirectory(this.#path, this.#lockWaitMs, this.#report);
    try {
      const files = new StateDirectory(this.#path, this.#report);
      const state = await files.read();
      this.#open = { files, lock };
      return { state, files };
    } catch (cause) {
      await lock.release();
      throw cause;
    }
  }

  /** Opens what is not open, unless there is a state that nobody has seen, or another agent's: it must not be lost. */
  async #files(): Promise<StateDirectory> {
    if (this.#open === undefined) throw new Error("it is not loaded");
    // Somebody may have removed the directory, or only our socket in it.
    if (this.#open !== "unread" && (await this.#open.lock.isVisible())) return this.#open.files;
    await this.#close();
    const { state, files } = await this.#read();
    if (state === undefined || sameBytes(state.instanceUid, this.#uid)) return files;
    await this.#close();
    this.#open = "unread";
    throw this.#uid === undefined ? this.#refused(UNREAD, UNREAD_HINT, true) : this.#refused(TAKEN, TAKEN_HINT);
  }

  async #close(): Promise<void> {
    const was = this.#open;
    this.#open = undefined;
    if (was !== undefined && was !== "unread") await was.lock.release();
  }

  #refused(problem: string, hint: string, retryable = false): OpAMPError {
    return new OpAMPError("ERR_OPAMP_STORE", `${this.#path} ${problem}`, { hint, retryable });
  }
}
