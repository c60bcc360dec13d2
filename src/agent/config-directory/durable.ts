import { constants } from "node:fs";
import fs from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import { hasCode } from "../../errors.js";
import { syncDirectory } from "../../store/atomic-write.js";
import { FOREIGN_HINT, foreignError } from "../../store/store-error.js";
import { parentsOf } from "./offered-files.js";

/** Who may do what with a file. */
export interface Access {
  mode: number;
  /** -1: as it is. */
  uid: number;
  /** -1: as it is. */
  gid: number;
}

/** Leads through, and shows nothing. */
export const PASSAGE: Access = { mode: 0o711, uid: -1, gid: -1 };

/** What lies at a path, itself and not what it leads to; undefined where there is nothing. */
export async function look(path: string) {
  try {
    return await fs.lstat(path);
  } catch (error) {
    // ENOTDIR: a part of the path is a file.
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** Whether a directory lies at a path, and not a link to one. */
export async function isRealDirectory(path: string): Promise<boolean> {
  return (await look(path))?.isDirectory() === true;
}

/** Whether a regular file lies at a path, and not a link to one. */
export async function isRealFile(path: string): Promise<boolean> {
  return (await look(path))?.isFile() === true;
}

/** What a symbolic link leads to, as written in it; undefined for anything else. */
export async function targetOf(path: string): Promise<string | undefined> {
  try {
    return await fs.readlink(path);
  } catch (error) {
    if (hasCode(error, "EINVAL", "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** Files, directories and links below a directory; none where it is a link, or missing. */
export async function entriesIn(root: string): Promise<{ path: string; isFile: boolean }[]> {
  if (!(await isRealDirectory(root))) return [];
  const entries = await fs.readdir(root, { recursive: true, withFileTypes: true });
  return entries.map((entry) => ({
    path: relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"),
    isFile: entry.isFile(),
  }));
}

/** Makes a directory whatever the umask is. */
export async function makeDirectory(path: string, { mode, uid, gid }: Access): Promise<void> {
  await fs.mkdir(path);
  await fs.chmod(path, mode);
  await asFarAsAllowed(() => fs.chown(path, uid, gid));
}

/** Makes the directories on the way to a path that are missing. @param touched gets those to be synced */
export async function makeParents(root: string, path: string, access: Access, touched: Set<string>): Promise<void> {
  for (const parent of parentsOf(path)) {
    if (touched.has(parent) || (await look(join(root, parent))) !== undefined) continue;
    await makeDirectory(join(root, parent), access);
    touched.add(dirname(parent)).add(parent);
  }
  touched.add(dirname(path));
}

/** Writes a new file down to the disk. */
export async function writeNewFile(path: string, body: Uint8Array, { mode, uid, gid }: Access): Promise<void> {
  await using file = await fs.open(path, "wx", 0o600);
  await file.writeFile(body);
  await asFarAsAllowed(() => file.chown(uid, gid));
  await file.chmod(mode);
  await file.sync();
}

/** Gives a file a second name; where the file system or its rules do not allow that, a copy. */
export async function linkFile(from: string, to: string): Promise<void> {
  try {
    await fs.link(from, to);
  } catch (error) {
    if (!hasCode(error, "EPERM", "EXDEV", "EMLINK", "ENOTSUP", "ENOSYS", "EACCES")) throw error;
    await fs.copyFile(from, to, constants.COPYFILE_EXCL);
    const { mode, uid, gid } = await fs.lstat(from);
    await asFarAsAllowed(() => fs.chown(to, uid, gid));
    await fs.chmod(to, mode & 0o777);
  }
  await using file = await fs.open(to);
  await file.sync();
}

/** Copies a directory down to the disk; files get second names, links stay links. */
export async function linkTree(from: string, to: string): Promise<void> {
  const { mode, uid, gid } = await fs.lstat(from);
  await makeDirectory(to, { mode: mode & 0o7777, uid, gid });
  for (const entry of await fs.readdir(from, { withFileTypes: true })) {
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) await linkTree(source, target);
    else if (entry.isFile()) await linkFile(source, target);
    else if (entry.isSymbolicLink()) await fs.symlink(await fs.readlink(source), target);
    else throw foreignError(`${source} is neither a file, a directory nor a link`, FOREIGN_HINT);
  }
  await syncDirectory(to);
}

/** Replaces a small file so that a reader finds the old text or the new one. */
export async function replaceText(path: string, text: string, temporary: string): Promise<void> {
  await fs.writeFile(temporary, text, { mode: 0o600, flush: true, flag: "wx" });
  await fs.rename(temporary, path);
  await syncDirectory(dirname(path));
}

/** Puts a symbolic link in the place of whatever file or link is there. The caller syncs the directory. */
export async function replaceWithLink(path: string, target: string, temporary: string): Promise<void> {
  await fs.symlink(target, temporary);
  try {
    await fs.rename(temporary, path);
  } catch (error) {
    await fs.rm(temporary, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** Only root may give a file to others. */
async function asFarAsAllowed(change: () => Promise<void>): Promise<void> {
  try {
    await change();
  } catch (error) {
    if (!hasCode(error, "EPERM", "EINVAL", "ENOTSUP", "ENOSYS")) throw error;
  }
}
