import { join } from "node:path";
import { isBegun, leftoverOf, readOwnFile } from "./atomic-write.js";
import { BLOB_START } from "./blob-format.js";
import { CONFIG_START, isConfigFile, MAX_STATE_BYTES, STATE_START } from "./state-format.js";

export const STATE = "state.json";
export const BLOB = "blob-";
const NAMED_BY_CONTENT = /^blob-.+-[0-9a-f]{32}$/;

/** Whether a file is a blob of which a state says that it is there. */
export function isNamedByContent(name: string): boolean {
  return NAMED_BY_CONTENT.test(name);
}

/** Whether what has the name of a temporary file, or of a blob, is ours: begun as we would, and cut off perhaps. */
export async function isBegunAs(directory: string, name: string, target: string): Promise<boolean> {
  const start = startOf(target);
  if (start === undefined) return false;
  const file = await readOwnFile(join(directory, name), Number.POSITIVE_INFINITY).catch(() => undefined);
  return file !== undefined && isBegun(file, start);
}

/**
 * The states, and those set aside: what these name may be wanted again, by a later version for instance. `undefined`
 * where one of them cannot be read: it may name anything.
 */
export async function statesText(directory: string, names: readonly string[]): Promise<string | undefined> {
  const states = names.filter((name) => name.startsWith(STATE) && leftoverOf(name) === undefined);
  const texts = states.map((name) => readOwnFile(join(directory, name), MAX_STATE_BYTES));
  return (await Promise.all(texts).catch(() => undefined))?.join("\n");
}

/** How the file of a name begins, where the name is one of ours. */
function startOf(name: string): string | undefined {
  if (name === STATE) return STATE_START;
  if (name.startsWith(BLOB)) return BLOB_START;
  return isConfigFile(name) ? CONFIG_START : undefined;
}
