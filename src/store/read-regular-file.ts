import fs from "node:fs/promises";

/**
 * What a file holds. A pipe or a device in its place is not opened: that may never end, and not even the process could end
 * before it does.
 *
 * @throws the system's error, or one that says what is wrong with the file
 */
export async function readRegularFile(path: string, maxBytes: number): Promise<Buffer> {
  const found = await fs.stat(path);
  if (!found.isFile()) throw new Error("it is no regular file");
  if (found.size > maxBytes) throw new Error(`it has ${found.size} bytes, and at most ${maxBytes} are read`);
  return fs.readFile(path);
}
