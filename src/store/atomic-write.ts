import { randomBytes } from "node:crypto";
import fs from "node:fs/promises";
import { join } from "node:path";
import { codeOf } from "../base/error-code.js";

const OWNER_ONLY = 0o600;
/** What file systems say that have nothing to sync in a directory. */
const NOTHING_TO_SYNC: ReadonlySet<string | undefined> = new Set(["EINVAL", "ENOTSUP", "EISDIR", "EBADF"]);

/**
 * Puts a file in its place as a whole: whoever looks, at whatever moment and after whatever crash, finds the old one or
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
