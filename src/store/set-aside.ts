import fs from "node:fs/promises";
import { join } from "node:path";

/**
 * Renames a file that cannot be used, so that somebody can look at it: `<family>.corrupt`, then `<family>.corrupt-2` and
 * so on. None is ever removed: each may be the only copy of something.
 *
 * @returns the new name
 * @throws the system's error
 */
export async function setAside(directory: string, name: string, family: string): Promise<string> {
  const numbers = (await fs.readdir(directory))
    .map((other) => numberOf(other, family))
    .filter((number) => number !== undefined);
  const number = Math.max(0, ...numbers) + 1;
  const aside = number === 1 ? `${family}.corrupt` : `${family}.corrupt-${number}`;
  await fs.rename(join(directory, name), join(directory, aside));
  return aside;
}

function numberOf(name: string, family: string): number | undefined {
  if (!name.startsWith(`${family}.corrupt`)) return undefined;
  const number = /^(?:-([1-9]\d{0,8}))?$/.exec(name.slice(`${family}.corrupt`.length));
  return number === null ? undefined : Number(number[1] ?? 1);
}
