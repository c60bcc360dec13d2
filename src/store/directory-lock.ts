import { hash, randomBytes } from "node:crypto";
import { closeSync, constants, openSync } from "node:fs";
import fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { codeOf, OpAMPError } from "../errors.js";
import { ask, type LockSocket, listen } from "./lock-socket.js";
import { storeError } from "./store-error.js";

/** However short the wait, those who begin in the same instant need some tries. */
const LEAST_TRIES = 5;
const [SHORTEST_PAUSE_MS, LONGEST_PAUSE_MS] = [10, 60];
/** What fits into a socket's address on every system, in bytes. */
const MAX_ADDRESS_BYTES = 100;
const RANDOM_BYTES = 8;
/** What follows the prefix of a name. */
const SOCKET = /^[0-9a-f]+\.sock$/;
const IN_USE_HINT =
  "give each agent a directory of its own, or stop the other one; until then this one goes on without its store, under a new identity";
const UNGUARDED_HINT = "make sure that no other agent uses the directory; everything else works as usual";

/** A directory that is ours until we let go of it, or the process ends, however it does. */
export interface DirectoryLock {
  /** Whether others can still see that it is; not where somebody removed the directory or our socket. */
  isVisible(): Promise<boolean>;
  release(): Promise<void>;
}

/** Our socket, and where it is. */
interface NamedSocket extends LockSocket {
  name: string;
}

/** What one try came to: our socket, none where none can be made, or another process that is there. */
type Outcome = { socket: NamedSocket | undefined; problem: unknown } | { pid: number | undefined };

/**
 * Makes sure that nobody else uses a directory: neither another process of this machine, nor another part of this one.
 *
 * Each process listens at a socket of its own, and only then looks for those of others. Of two, the one that looks last
 * sees the other, so they never both go on. A socket at which nobody listens is dead for good, since no name is used
 * twice; it can be removed.
 *
 * @param waitMs how long to wait for another one to let go
 * @param report told where no socket can be made: the directory is used all the same
 * @throws OpAMPError `ERR_OPAMP_STORE`, not retryable, where another one has the directory
 */
export async function lockDirectory(
  directory: string,
  waitMs: number,
  report: (error: OpAMPError) => void,
): Promise<DirectoryLock> {
  const place = await lockPlace(directory);
  try {
    const until = performance.now() + waitMs;
    for (let tries = 1; ; tries++) {
      const outcome = await contend(place);
      if ("socket" in outcome) {
        if (outcome.socket === undefined) report(unguarded(directory, outcome.problem));
        return lockOf(outcome.socket, place);
      }
      if (tries >= LEAST_TRIES && performance.now() >= until) throw inUse(directory, outcome.pid);
      await pause(SHORTEST_PAUSE_MS + Math.random() * (LONGEST_PAUSE_MS - SHORTEST_PAUSE_MS));
    }
  } catch (cause) {
    place.close();
    throw cause;
  }
}

/**
 * Who uses a directory, for a look: nothing is locked or removed.
 *
 * @returns `undefined` where it is nobody, or that cannot be told
 */
export async function holderOf(directory: string): Promise<string | undefined> {
  try {
    const place = await lockPlace(directory);
    const occupants = (await place.list()).map((name) => ask(place.address(name)));
    const holder = (await Promise.all(occupants)).find((occupant) => occupant !== "nobody");
    place.close();
    return holder && inUse(directory, holder.pid).message;
  } catch {
    return undefined;
  }
}

async function contend(place: LockPlace): Promise<Outcome> {
  const name = place.newName();
  let socket: NamedSocket | undefined;
  let problem: unknown;
  try {
    socket = { ...(await listen(place.address(name))), name };
  } catch (cause) {
    problem = cause;
  }
  try {
    const rival = await findRival(place, name, socket !== undefined);
    if (rival === undefined) return { socket, problem };
    await socket?.close();
    return rival;
  } catch (cause) {
    // Left open, it would be our own rival at the next try.
    await socket?.close();
    throw cause;
  }
}

/** @param isListening whether the name is our own; where it is not, and taken, that is a rival */
async function findRival(
  place: LockPlace,
  name: string,
  isListening: boolean,
): Promise<{ pid: number | undefined } | undefined> {
  for (const other of await place.list()) {
    if (isListening && other === name) continue;
    const occupant = await ask(place.address(other));
    if (occupant !== "nobody") return occupant;
    await place.remove(other);
  }
  // A process that looked between our bind and listen took our socket for a stale one.
  return isListening && !(await place.list()).includes(name) ? { pid: undefined } : undefined;
}

function lockOf(socket: NamedSocket | undefined, place: LockPlace): DirectoryLock {
  return {
    async isVisible() {
      if (socket === undefined) return true;
      try {
        return (await place.list()).includes(socket.name);
      } catch (cause) {
        if (codeOf(cause) === "ENOENT") return false;
        throw cause;
      }
    },
    async release() {
      await socket?.close();
      place.close();
    },
  };
}

function inUse(directory: string, pid: number | undefined): OpAMPError {
  const holder = pid === undefined ? "another agent" : `the agent of process ${pid}`;
  const text = `${directory} is in use by ${holder}`;
  return new OpAMPError("ERR_OPAMP_STORE", text, { hint: IN_USE_HINT, retryable: false });
}

function unguarded(directory: string, cause: unknown): OpAMPError {
  const { message } = storeError(`${directory} is not guarded against a second agent`, cause);
  return new OpAMPError("ERR_OPAMP_STORE", message, { cause, hint: UNGUARDED_HINT });
}

/** Where the sockets are by which processes tell each other that they use a directory. */
export interface LockPlace {
  /** A name for a socket of our own; on a system with only one name for all, that one. */
  newName(): string;
  /** What to listen at and connect to. */
  address(name: string): string;
  /** The names of the sockets that are there, alive or not. */
  list(): Promise<readonly string[]>;
  /** Removes what a dead process left behind. */
  remove(name: string): Promise<void>;
  close(): void;
}

/** @param directory an absolute path to a directory that is there */
export async function lockPlace(directory: string): Promise<LockPlace> {
  if (process.platform === "win32") return pipePlace(await keyOf(directory));
  const prefix = "lock-";
  const longest = join(directory, nameAfter(prefix));
  if (Buffer.byteLength(longest) <= MAX_ADDRESS_BYTES) return socketPlace(directory, prefix, directory);
  if (process.platform !== "linux") return socketPlace(tmpdir(), `opamp-${await keyOf(directory)}-`, tmpdir());
  // No object that could be collected, and the number with it: it has to stand for the directory until the end.
  const fd = openSync(directory, constants.O_RDONLY | constants.O_DIRECTORY);
  return { ...socketPlace(directory, prefix, `/proc/self/fd/${fd}`), close: () => closeSync(fd) };
}

/** @param shortcut another, shorter path to the same folder */
function socketPlace(folder: string, prefix: string, shortcut: string): LockPlace {
  const isOurs = (name: string): boolean => name.startsWith(prefix) && SOCKET.test(name.slice(prefix.length));
  return {
    newName: () => nameAfter(prefix),
    address: (name) => join(shortcut, name),
    async list() {
      const entries = await fs.readdir(folder, { withFileTypes: true });
      return entries.filter((entry) => entry.isSocket() && isOurs(entry.name)).map(({ name }) => name);
    },
    remove: (name) => fs.unlink(join(folder, name)).catch(() => undefined),
    close: () => undefined,
  };
}

/** A named pipe ends with its process, and two cannot have the same one. */
function pipePlace(key: string): LockPlace {
  const name = `opamp-client-${key}`;
  return {
    newName: () => name,
    address: () => `\\\\.\\pipe\\${name}`,
    list: async () => [name],
    remove: async () => undefined,
    close: () => undefined,
  };
}

/** The same for all ways to write a path. */
async function keyOf(directory: string): Promise<string> {
  return hash("sha256", await fs.realpath(directory)).slice(0, 2 * RANDOM_BYTES);
}

function nameAfter(prefix: string): string {
  return `${prefix}${randomBytes(RANDOM_BYTES).toString("hex")}.sock`;
}
