import { readdir, readFile, readlink } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { hasCode } from "../../base/error-code.js";
import { isOptions } from "../../base/option-path.js";
import { OpAMPError } from "../../errors.js";
import { syncDirectory } from "../../store/atomic-write.js";
import { type Access, look, makeDirectory, replaceText } from "./durable.js";

/** The directory in a state directory that is ours; nothing beside it is. */
const NAME = "opamp-config";
const MARKER = "opamp-config.json";
const FORMAT = 1;
const DESCRIPTION = "Configurations kept by opamp agent. Do not edit.";
/** Leads through, and shows nothing. */
export const PASSAGE: Access = { mode: 0o711, uid: -1, gid: -1 };

const VERSION_NAME = /^\d+-(?:local|config|[0-9a-f]{0,12})$/;
const UNFINISHED_NAME = /^\d+-(?:local|config|[0-9a-f]{0,12})(?:-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})?\.tmp$/;

/** What the marker says: whether what version 0.1.0 left beside the directory has been taken over. */
type Marker = "pending" | "complete";

export function ownedDirectory(stateDirectory: string): string {
  return join(stateDirectory, NAME);
}

/** Whether a name is one that we give to a version. */
export function isVersionName(name: string): boolean {
  return VERSION_NAME.test(name);
}

/** Whether a name is one that we give to a version that is being written or removed. */
export function isUnfinishedName(name: string): boolean {
  return UNFINISHED_NAME.test(name);
}

/** Whether a directory lies at a path, and not a link to one. */
export async function isRealDirectory(path: string): Promise<boolean> {
  return (await look(path))?.isDirectory() === true;
}

/** Whether a regular file lies at a path, and not a link to one. */
export async function isRealFile(path: string): Promise<boolean> {
  return (await look(path))?.isFile() === true;
}

/** What a symbolic link leads to, as written in it; undefined for anything else. */
export async function targetOf(path: string): Promise<string | undefined> {
  try {
    return await readlink(path);
  } catch (error) {
    if (hasCode(error, "EINVAL", "ENOENT", "ENOTDIR")) return undefined;
    throw error;
  }
}

/** Whether a symbolic link leads to something below one of these places. */
export async function leadsInto(path: string, places: readonly string[]): Promise<boolean> {
  const target = await targetOf(path);
  if (target === undefined) return false;
  const absolute = resolve(dirname(path), target);
  return places.some((place) => absolute.startsWith(place + sep));
}

/**
 * Makes and marks the directory where it is missing or empty.
 *
 * @throws OpAMPError `ERR_OPAMP_STORE`, not retryable, if something else has its name
 */
export async function claimDirectory(path: string): Promise<Marker> {
  const found = await look(path);
  if (found === undefined) {
    await makeDirectory(path, PASSAGE);
    await syncDirectory(dirname(path));
  } else if (!found.isDirectory()) {
    throw foreign(path, "is not a directory");
  }
  const marker = await readMarker(path);
  if (marker !== undefined) return marker;
  if (!(await isUnused(path))) throw foreign(path, `was not made by this agent: it has no valid ${MARKER}`);
  await markDirectory(path, "pending");
  return "pending";
}

export async function markDirectory(path: string, marker: Marker): Promise<void> {
  await replaceText(join(path, MARKER), textOf(marker));
}

/** @throws OpAMPError `ERR_OPAMP_STORE` if something that is not ours lies where a directory of ours belongs */
export async function makeOwned(path: string): Promise<void> {
  const found = await look(path);
  if (found?.isDirectory() === true) return;
  if (found !== undefined) throw foreign(path, "is not a directory");
  await makeDirectory(path, PASSAGE);
  await syncDirectory(dirname(path));
}

function textOf(takeover: Marker): string {
  return `${JSON.stringify({ description: DESCRIPTION, format: FORMAT, takeover })}\n`;
}

async function readMarker(directory: string): Promise<Marker | undefined> {
  const path = join(directory, MARKER);
  if (!(await isRealFile(path))) return undefined;
  const read = parsed(await readFile(path, "utf8"));
  if (!isOptions(read) || read["description"] !== DESCRIPTION) return undefined;
  const { format, takeover } = read;
  if (typeof format === "number" && format > FORMAT) {
    throw new OpAMPError("ERR_OPAMP_STORE", `${directory} was made by a later version (format ${format})`, {
      hint: "run that version, or give another remote_config.state_directory",
      retryable: false,
    });
  }
  return format === FORMAT && (takeover === "pending" || takeover === "complete") ? takeover : undefined;
}

/** Whether nothing is in a directory but a marker of ours that a crash left half written. */
async function isUnused(directory: string): Promise<boolean> {
  const [name, ...others] = await readdir(directory);
  if (name === undefined) return true;
  if (name !== `${MARKER}.tmp` || others.length > 0) return false;
  const path = join(directory, name);
  return (await isRealFile(path)) && textOf("pending").startsWith(await readFile(path, "utf8"));
}

function foreign(path: string, problem: string): OpAMPError {
  return new OpAMPError("ERR_OPAMP_STORE", `${path} ${problem}`, {
    hint: "move it away, or give another remote_config.state_directory; it is left as it is",
    retryable: false,
  });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
