import { chmod, chown, copyFile, link, lstat, mkdir, open, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { syncDirectory } from "../store/atomic-write.js";
import { codeOf } from "../store/store-error.js";

/** Who may do what with a file. */
export interface Access {
  mode: number;
  /** -1: as it is. */
  uid: number;
  /** -1: as it is. */
  gid: number;
}

/** Hidden, so that no pattern for configuration files takes it for one; one in a directory at a time. */
const TEMPORARY_LINK = ".opamp-link";

/** Whether something thrown is a system error of one of these codes. */
export function hasCode(thrown: unknown, ...codes: readonly string[]): boolean {
  const code = codeOf(thrown);
  return code !== undefined && codes.includes(code);
}

/** What lies at a path, itself and not what it leads to; undefined where there is nothing. */
export async function look(path: string) {
  try {
    return await lstat(path);
  } catch (error) {
    // ENOTDIR: a part of the path is a file.
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** Makes a directory whatever the umask is. */
export async function makeDirectory(path: string, { mode, uid, gid }: Access): Promise<void> {
  await mkdir(path);
  await chmod(path, mode);
  await asFarAsAllowed(() => chown(path, uid, gid));
}

/** Writes a new file down to the disk. */
export async function writeNewFile(path: string, body: Uint8Array, { mode, uid, gid }: Access): Promise<void> {
  const file = await open(path, "wx", 0o600);
  try {
    await file.writeFile(body);
    await asFarAsAllowed(() => file.chown(uid, gid));
    await file.chmod(mode);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Gives a file a second name; where the file system or its rules do not allow that, a copy. */
export async function linkFile(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    if (!hasCode(error, "EPERM", "EXDEV", "EMLINK", "ENOTSUP", "ENOSYS", "EACCES")) throw error;
    await copyFile(from, to);
    const { mode, uid, gid } = await lstat(from);
    await asFarAsAllowed(() => chown(to, uid, gid));
    await chmod(to, mode & 0o777);
  }
  const file = await open(to);
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Replaces a small file so that a reader finds the old text or the new one. */
export async function replaceText(path: string, text: string): Promise<void> {
  const temporary = `${path}.tmp`;
  await writeFile(temporary, text, { mode: 0o600, flush: true });
  await rename(temporary, path);
  await syncDirectory(dirname(path));
}

/** Puts a symbolic link in the place of whatever file or link is there. The caller syncs the directory. */
export async function replaceWithLink(path: string, target: string): Promise<void> {
  const temporary = join(dirname(path), TEMPORARY_LINK);
  await rm(temporary, { force: true });
  await symlink(target, temporary);
  try {
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** Removes what {@link replaceWithLink} left in a directory when it was cut off. @returns whether there was something */
export async function removeTemporaryLink(directory: string): Promise<boolean> {
  const temporary = join(directory, TEMPORARY_LINK);
  const found = (await look(temporary))?.isSymbolicLink() === true;
  if (found) await rm(temporary, { force: true });
  return found;
}

/** Only root may give a file to others. */
async function asFarAsAllowed(change: () => Promise<void>): Promise<void> {
  try {
    await change();
  } catch (error) {
    if (!hasCode(error, "EPERM", "EINVAL", "ENOTSUP", "ENOSYS")) throw error;
  }
}
