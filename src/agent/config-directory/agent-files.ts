import { stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve } from "node:path";
import { realPathOf } from "../real-path.js";
import { targetOf } from "./durable.js";
import { conflictsWith, folded, parentsOf } from "./offered-files.js";

const MOST_LINKS = 40;

/**
 * Tells which offered paths lead to what is the agent's own, by any name: through links, by a second name of the same
 * file, in another case.
 *
 * @param own directories and files that no offer may change
 */
export async function agentFiles(
  directory: string,
  own: readonly string[],
): Promise<(path: string) => Promise<boolean>> {
  const real = realPathOf(directory);
  const names: { path: string }[] = [];
  const files = new Set<string>();
  for (const path of own) {
    for (const place of await placesOf(path)) names.push({ path: folded(relative(real, place)) });
    const file = await identityOf(path);
    if (file !== undefined) files.add(file);
  }
  const isNamed = conflictsWith(names);
  const known = new Map<string, boolean>();

  async function isSame(path: string): Promise<boolean> {
    const before = known.get(path);
    if (before !== undefined) return before;
    const file = await identityOf(join(directory, path));
    const same = file !== undefined && files.has(file);
    known.set(path, same);
    return same;
  }

  return async (path) => {
    if (isNamed(folded(path))) return true;
    for (const part of [...parentsOf(path), path]) if (await isSame(part)) return true;
    return false;
  };
}

/** Where a path is, and each link on the way to where it leads. */
async function placesOf(path: string): Promise<string[]> {
  const places: string[] = [];
  let next: string | undefined = path;
  for (let links = 0; next !== undefined && links < MOST_LINKS; links += 1) {
    const place = join(realPathOf(dirname(next)), basename(next));
    places.push(place);
    const target = await targetOf(place);
    next = target === undefined ? undefined : resolve(dirname(place), target);
  }
  return [...places, realPathOf(path)];
}

/** The same for each name of a file or directory; undefined where there is none. */
async function identityOf(path: string): Promise<string | undefined> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found && `${found.dev} ${found.ino}`;
}
