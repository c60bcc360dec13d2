import fs from "node:fs/promises";

/** Of one file. More is a mistake, a log for instance, and would be read again and again. */
const MOST_BYTES = 64 * 1_024 * 1_024;

/**
 * How large a file is, also where a link leads to it.
 *
 * @throws the system's error, or one that says that it is not a regular file
 */
export async function sizeOfRegularFile(path: string): Promise<number> {
  const found = await fs.stat(path);
  if (!found.isFile()) throw new Error("it is not a regular file");
  return found.size;
}

/**
 * What a file holds. A pipe or a device in its place is not opened: that may never end, and not even the process could end
 * before it does.
 *
 * @throws the system's error, or one that says what is wrong with the file
 */
export async function readRegularFile(path: string): Promise<Buffer> {
  const bytes = await sizeOfRegularFile(path);
  if (bytes > MOST_BYTES) throw new Error(`it has ${bytes} bytes, and at most ${MOST_BYTES} are read`);
  return fs.readFile(path);
}
