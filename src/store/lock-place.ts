import { createHash, randomBytes } from "node:crypto";
import { closeSync, constants, openSync } from "node:fs";
import fs from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** What fits into a socket's address on every system, in bytes. */
const MAX_ADDRESS_BYTES = 100;
const RANDOM_BYTES = 8;
/** What follows the prefix of a name. */
const SOCKET = /^[0-9a-f]+\.sock$/;

/** Where the sockets are by which processes tell each other that they use a directory. */
export interface LockPlace {
  /** A name for a socket of our own; on a system with only one name for all, that one. */
  newName(): string;
  /** What to listen at and connect to. */
  address(name: string): string;
  /** The names of the sockets that are there, alive or not. */
  list(): Promise<readonly string[]>;
  /** Removes what a process that is no more left behind. */
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
  const path = await fs.realpath(directory);
  return createHash("sha256")
    .update(path)
    .digest("hex")
    .slice(0, 2 * RANDOM_BYTES);
}

function nameAfter(prefix: string): string {
  return `${prefix}${randomBytes(RANDOM_BYTES).toString("hex")}.sock`;
}
