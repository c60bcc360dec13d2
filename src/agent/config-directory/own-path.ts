import { dirname } from "node:path";
import { OpAMPError } from "../../errors.js";
import { readOwnText, syncDirectory } from "../../store/atomic-write.js";
import { isRealDirectory, look, makeDirectory, PASSAGE } from "./durable.js";

const MOST_BYTES = 64 * 1024 * 1024;

/** The error for what has one of our names and is not ours: it is left as it is. */
export function foreign(
  path: string,
  problem: string,
  hint = "move it away, or give another remote_config.state_directory; it is left as it is",
): OpAMPError {
  return new OpAMPError("ERR_OPAMP_STORE", `${path} ${problem}`, { hint, retryable: false, foreignStore: true });
}

/**
 * Whether a directory of ours is there.
 *
 * @throws OpAMPError with `foreignStore` if something else is in its place
 */
export async function isOwnDirectory(path: string): Promise<boolean> {
  if (await isRealDirectory(path)) return true;
  if ((await look(path)) !== undefined) throw foreign(path, "is not a directory");
  return false;
}

/** Makes a directory of ours where it is missing. @throws OpAMPError with `foreignStore` */
export async function makeOwnDirectory(path: string): Promise<void> {
  if (await isOwnDirectory(path)) return;
  await makeDirectory(path, PASSAGE);
  await syncDirectory(dirname(path));
}

/**
 * What a file of ours says.
 *
 * @returns `null` for what is not JSON, undefined where there is nothing
 * @throws OpAMPError with `foreignStore` for anything but a regular file
 */
export async function readOwnJson(path: string): Promise<unknown> {
  if ((await look(path)) === undefined) return undefined;
  try {
    return JSON.parse(await readOwnText(path, MOST_BYTES));
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error instanceof RangeError ? foreign(path, `was not written by this agent: ${error.message}`) : error;
  }
}
