import fs from "node:fs/promises";
import { dirname } from "node:path";
import { hasCode } from "../errors.js";

/**
 * Makes a directory, and those that it is in, one by one: made recursively by the system, one in `/proc` would be tried
 * without end.
 *
 * @param mode permissions of those that are made
 * @returns those that were made, outermost first
 * @throws the system's error, or one that says what is in the way
 */
export async function makeDirectories(path: string, mode?: number): Promise<string[]> {
  try {
    await fs.mkdir(path, { mode });
    return [path];
  } catch (error) {
    const found = await fs.stat(path).catch(() => undefined);
    if (found?.isDirectory() === true) return [];
    const parent = dirname(path);
    if (hasCode(error, "ENOENT") && parent !== path)
      return [...(await makeDirectories(parent, mode)), ...(await makeIn(parent, path, mode))];
    const isLink = found === undefined && (await fs.lstat(path).catch(() => undefined))?.isSymbolicLink() === true;
    throw isLink ? new Error(`${path} is a link that leads nowhere`, { cause: error }) : error;
  }
}

async function makeIn(parent: string, path: string, mode: number | undefined): Promise<string[]> {
  try {
    await fs.mkdir(path, { mode });
    return [path];
  } catch (error) {
    // Somebody else was faster.
    if ((await fs.stat(path).catch(() => undefined))?.isDirectory() === true) return [];
    if (!hasCode(error, "ENOENT")) throw error;
    throw new Error(`${path} cannot be created: no directory can be created in ${parent}`, { cause: error });
  }
}
