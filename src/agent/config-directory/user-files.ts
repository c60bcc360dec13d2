import { lstat, readdir } from "node:fs/promises";
import { join } from "node:path";
import { syncDirectory } from "../../store/atomic-write.js";
import type { Version } from "./config-manifest.js";
import type { ConfigPlace } from "./config-place.js";
import { type Access, linkFile, look, makeDirectory, makeParents, PASSAGE } from "./durable.js";
import { conflictsWith } from "./offered-files.js";
import { makeOwnDirectory } from "./own-path.js";

/**
 * Puts links in the place of regular files; what can be read stays the same, since the version in use gets the files. A
 * name that no offer had before is the user's, and goes into version 0. Any other file took the place of a link: it is
 * kept aside.
 *
 * @returns the version in use
 */
export async function takeFiles(
  place: ConfigPlace,
  found: readonly string[],
  current: Version,
  zero: Version,
  directories: Access,
): Promise<Version> {
  const { host, versions, links, settings } = place;
  const isKnown = conflictsWith([...current.files, ...zero.files]);
  const own = found.filter((path) => !isKnown(path));
  const changed: string[] = [];
  for (const path of found) {
    if (isKnown(path) && !(await isTaken(place, path, [zero, current]))) changed.push(path);
  }
  if (changed.length > 0) {
    await keepChanged(place, settings.directory, changed);
  }
  if (own.length > 0) {
    host.log?.info(`your own files, kept in configuration ${zero.id}: ${own.join(", ")}`);
    if (zero !== current) await versions.take(zero, own, settings.directory, directories);
  }
  const paths = new Set(current.files.map(({ path }) => path));
  const isInTheWay = conflictsWith(current.files);
  const fitting = found.filter((path) => paths.has(path) || !isInTheWay(path));
  const from = await versions.take(current, fitting, settings.directory, directories);
  await links.replace(found);
  return from;
}

/** Whether a file is in a version already, since the agent died before a link took its place. */
async function isTaken({ settings, versions }: ConfigPlace, path: string, by: readonly Version[]): Promise<boolean> {
  const file = await lstat(join(settings.directory, path));
  for (const { id } of by) {
    const other = await look(join(versions.filesOf(id), path));
    if (other?.ino === file.ino && other.dev === file.dev) return true;
  }
  return false;
}

/** Keeps files below a directory for good, since they are no longer in use, and says where. */
export async function keepChanged(place: ConfigPlace, root: string, paths: readonly string[]): Promise<void> {
  const { host, versions } = place;
  const all = versions.changed;
  await makeOwnDirectory(all);
  const names = await readdir(all);
  let number = 1;
  while (names.includes(String(number))) number += 1;
  const kept = join(all, String(number));
  await makeDirectory(kept, PASSAGE);
  const touched = new Set<string>();
  for (const path of paths) {
    await makeParents(kept, path, PASSAGE, touched);
    await linkFile(join(root, path), join(kept, path));
  }
  for (const directory of touched) await syncDirectory(join(kept, directory));
  await syncDirectory(all);
  host.log?.warn(`changed by somebody else, and replaced now: ${paths.join(", ")}; kept in ${kept}`);
}
