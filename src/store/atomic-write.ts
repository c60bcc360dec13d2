import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import fs from "node:fs/promises";
import { join } from "node:path";
import { codeOf } from "../errors.js";
import { FOREIGN_HINT, foreignError } from "./store-error.js";

const OWNER_ONLY = 0o600;
/** Neither followed nor waited for, should something else have come in the place of a file; Windows has neither flag. */
const READ_FILE = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
/** What file systems say that have nothing to sync in a directory. */
const NOTHING_TO_SYNC: ReadonlySet<string | undefined> = new Set(["EINVAL", "ENOTSUP", "EISDIR", "EBADF"]);

/**
 * Puts a file in its place as a whole: at every moment and after every crash a reader finds the old one or
 * the new one.
 *
 * @throws the system's error; then the old file is still there, or the new one if only the directory cannot be synced
 */
export async function writeAtomically(directory: string, name: string, chunks: Iterable<Uint8Array>): Promise<void> {
  const temporary = join(directory, `${name}.${randomBytes(6).toString("hex")}.tmp`);
  try {
    await writeDurably(temporary, chunks);
    await fs.rename(temporary, join(directory, name));
  } catch (cause) {
    await fs.unlink(temporary).catch(() => undefined);
    throw cause;
  }
  await syncDirectory(directory);
}

/** What a name of {@link writeAtomically} is the temporary one of, when a crash left it behind. */
export function leftoverOf(name: string): string | undefined {
  return /^(.+)\.[0-9a-f]{12}\.tmp$/.exec(name)?.[1];
}

/** Makes sure that names made, changed or removed in a directory outlive a power cut. */
export async function syncDirectory(directory: string): Promise<void> {
  // Windows opens no directories, and keeps names by itself.
  if (process.platform === "win32") return;
  const handle = await fs.open(directory, "r");
  try {
    await handle.sync();
  } catch (cause) {
    if (!NOTHING_TO_SYNC.has(codeOf(cause))) throw cause;
  } finally {
    await handle.close();
  }
}

/**
 * What a file of ours holds. No link is followed, and nothing but a regular file is opened: a pipe may never end.
 *
 * @throws OpAMPError with `foreignStore` for anything but a regular file; the system's error
 */
export async function readOwnFile(path: string, maxBytes: number): Promise<Buffer> {
  const found = await fs.lstat(path);
  if (!found.isFile()) {
    const what = found.isSymbolicLink() ? "is a symbolic link" : "is not a regular file";
    throw foreignError(`${path} ${what}`, FOREIGN_HINT);
  }
  if (found.size > maxBytes) throw new RangeError(`it has ${found.size} bytes, and at most ${maxBytes} are read`);
  return fs.readFile(path, { flag: READ_FILE });
}

/** What a file of ours says, as {@link readOwnFile}; an editor may have put a byte order mark in front. */
export async function readOwnText(path: string, maxBytes: number): Promise<string> {
  return new TextDecoder().decode(await readOwnFile(path, maxBytes));
}

/**
 * Renames what cannot be used, so that somebody can look at it: `<aside>`, then `<aside>-2` and so on. None is ever
 * removed: each may be the only copy of something.
 *
 * @returns the new name
 * @throws the system's error
 */
export async function setAside(directory: string, name: string, aside: string): Promise<string> {
  const names = await fs.readdir(directory);
  let free = aside;
  for (let number = 2; names.includes(free); number += 1) free = `${aside}-${number}`;
  await fs.rename(join(directory, name), join(directory, free));
  await syncDirectory(directory);
  return free;
}

/** Whether a file begins as all of its kind do, though a crash may have cut it off. */
export function isBegun(file: Buffer, start: string): boolean {
  return start.startsWith(file.subarray(0, start.length).toString("latin1"));
}

async function writeDurably(path: string, chunks: Iterable<Uint8Array>): Promise<void> {
  const handle = await fs.open(path, "wx", OWNER_ONLY);
  try {
    for (const chunk of chunks) await handle.writeFile(chunk);
    // Before the rename: a name must never come before what it names.
    await handle.sync();
  } finally {
    await handle.close();
  }
}
