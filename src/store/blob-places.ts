import { join } from "node:path";
import { codeOf, OpAMPError } from "../errors.js";
import { readOwnFile } from "./atomic-write.js";
import { decodeBlob, isNamedByState, isOwnName, MAX_BLOB_FILE_BYTES } from "./blob-format.js";
import { FOREIGN_HINT, foreignError } from "./store-error.js";

export const BLOB = "blob-";
/** What says that a file is not to be read, rather than that nothing can be read just now. */
export const UNREADABLE: readonly string[] = ["EACCES", "EPERM", "EIO"];
const MOST_PLACES = 4;

/** What is in the files that a blob may be in. */
export interface FoundBlob {
  /** The first that is whole. */
  readonly whole: { readonly file: string; readonly bytes: Uint8Array } | undefined;
  /** Files of ours whose content is not what their first line says. */
  readonly damaged: readonly string[];
  /** The first place where nothing is. */
  readonly free: string | undefined;
  /** Why places are not for us: something else is there. */
  readonly foreign: readonly OpAMPError[];
  /** Why places cannot be read: what is there may be ours. */
  readonly unread: readonly unknown[];
}

/**
 * Looks for a blob. One that the host has named is in one file. Of those that this package names, whose names cannot be
 * chosen again, each has further places, for where something else is in the first.
 *
 * @throws the system's error; OpAMPError with `foreignStore` for what has the place of a blob that the host has named
 */
export async function findBlob(directory: string, name: string): Promise<FoundBlob> {
  let free: string | undefined;
  const [damaged, foreign, unread]: [string[], OpAMPError[], unknown[]] = [[], [], []];
  for (const file of placesOf(name)) {
    try {
      const bytes = await readBlobFile(join(directory, file));
      if (bytes !== undefined) return { whole: { file, bytes }, damaged, free, foreign, unread };
      damaged.push(file);
    } catch (cause) {
      const code = codeOf(cause) ?? "";
      if (code === "ENOENT") free ??= file;
      else if (cause instanceof OpAMPError && isOwnName(name)) foreign.push(cause);
      // Any of them will do where the name says which content it is.
      else if (UNREADABLE.includes(code) && isNamedByState(name)) unread.push(cause);
      else throw cause;
    }
  }
  return { whole: undefined, damaged, free, foreign, unread };
}

/**
 * The blob in a file; `undefined` where it is damaged.
 *
 * @throws OpAMPError with `foreignStore` for what is not ours; the system's error
 */
export async function readBlobFile(path: string): Promise<Uint8Array | undefined> {
  try {
    return decodeBlob(await readOwnFile(path, MAX_BLOB_FILE_BYTES), path);
  } catch (cause) {
    // Too large to be a blob.
    if (cause instanceof RangeError) throw foreignError(`${path}: ${cause.message}`, FOREIGN_HINT);
    throw cause;
  }
}

/** The name of the blob that a file may have; `undefined` for other files. */
export function blobOf(file: string): string | undefined {
  return file.startsWith(BLOB) ? file.slice(BLOB.length).replace(/\.[2-9]$/, "") : undefined;
}

/** No name of a blob has a dot. */
function placesOf(name: string): readonly string[] {
  const places = isOwnName(name) ? MOST_PLACES : 1;
  return Array.from({ length: places }, (_, index) => `${BLOB}${name}${index === 0 ? "" : `.${index + 1}`}`);
}
