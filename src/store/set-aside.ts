import fs from "node:fs/promises";
import { join } from "node:path";

/**
 * Renames a file that cannot be used, so that somebody can look at it: `<family>.corrupt`, then `<family>.corrupt-2` and
 * so on. Of a family the newest few are kept.
 *
 * @returns the new name
 * @throws the system's error
 */
export async function setAside(directory: string, name: string, family: string, keep: number): Promise<string> {
  const numbers = (await fs.readdir(directory))
    .map((other) => numberOf(other, family))
    .filter((number) => number !== undefined)
    .sort((a, b) => a - b);
  const aside = nameOf(family, (numbers.at(-1) ?? 0) + 1);
  await fs.rename(join(directory, name), join(directory, aside));
  for (const number of numbers.slice(0, Math.max(0, numbers.length + 1 - keep))) {
    // A directory, which nobody knows how it came here, stays.
    await fs.unlink(join(directory, nameOf(family, number))).catch(() => undefined);
  }
  return aside;
}

function nameOf(family: string, number: number): string {
  return number === 1 ? `${family}.corrupt` : `${family}.corrupt-${number}`;
}

function numberOf(name: string, family: string): number | undefined {
  if (!name.startsWith(`${family}.corrupt`)) return undefined;
  const number = /^(?:-([1-9]\d{0,8}))?$/.exec(name.slice(`${family}.corrupt`.length));
  return number === null ? undefined : Number(number[1] ?? 1);
}
