import { join } from "node:path";
import { hasCode, OpAMPError } from "../errors.js";
import { readOwnText } from "./atomic-write.js";
import { checkBlobName } from "./blob-format.js";
import { findBlob } from "./blob-places.js";
import { STATE } from "./state-directory.js";
import { decodeState, MAX_STATE_BYTES } from "./state-format.js";
import type { Store, StoredState } from "./store.js";
import { isRefused, unreadError } from "./store-error.js";

/**
 * What the store in a directory holds, for a look: nothing is locked or changed.
 *
 * @param unread told why what is there cannot be read, or used; without it that fails
 * @returns `undefined` where nothing is there, or it cannot be used
 * @throws OpAMPError with `foreignStore` for what a client would not start with
 */
export async function peekState(
  directory: string,
  unread?: (cause: unknown) => void,
): Promise<StoredState | undefined> {
  const path = join(directory, STATE);
  try {
    return decodeState(await readOwnText(path, MAX_STATE_BYTES), path).state;
  } catch (error) {
    if (error instanceof OpAMPError && error.foreignStore) throw error;
    if (unread !== undefined && !hasCode(error, "ENOENT")) unread(error);
    else if (isRefused(error) && !hasCode(error, "ENOENT", "ENOTDIR")) throw unreadError(path, error);
    return undefined;
  }
}

/**
 * The store in a directory, for a client that only looks: nothing is locked, and what it saves is dropped.
 *
 * @param unread told why what is there cannot be read, or used
 */
export function peekStore(directory: string, unread?: (cause: unknown) => void): Store {
  const dropped = async (): Promise<void> => undefined;
  return {
    lasting: true,
    load: () => peekState(directory, unread),
    save: () => undefined,
    blobs: { read: (name) => peekBlob(directory, name, unread), write: dropped, remove: dropped },
  };
}

/** @returns `undefined` where there is none, or it is damaged */
async function peekBlob(
  directory: string,
  name: string,
  unread: (cause: unknown) => void = () => undefined,
): Promise<Uint8Array | undefined> {
  checkBlobName(name);
  try {
    const { whole, unread: causes } = await findBlob(directory, name);
    if (whole === undefined && causes.length > 0) throw causes[0];
    return whole?.bytes;
  } catch (cause) {
    unread(cause);
    throw cause;
  }
}
