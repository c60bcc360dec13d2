import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { isObject } from "../../base/checks.js";
import type { OpAMPError } from "../../errors.js";
import { type ConfigPlace, readTrial } from "./config-place.js";
import { isRealFile, replaceText } from "./durable.js";
import { takeOver } from "./former-directory.js";
import { foreign, isOwnDirectory, makeOwnDirectory, readOwnJson } from "./own-path.js";

/** The directory in a state directory that is ours; nothing beside it is. */
const NAME = "opamp-config";
const MARKER = "opamp-config.json";
const FORMAT = 1;
const DESCRIPTION = "Configurations kept by opamp agent. Do not edit.";

/** What the marker says: whether what version 0.1.0 left beside the directory has been taken over. */
type Marker = "pending" | "complete";

export function ownedDirectory(stateDirectory: string): string {
  return join(stateDirectory, NAME);
}

/**
 * Makes the directory for versions ours, and moves into it what version 0.1.0 kept beside it.
 *
 * @returns what was done, for people to read
 * @throws OpAMPError `ERR_OPAMP_STORE` with `foreignStore` if something that is not ours has one of our names; then nothing
 * was changed
 */
export async function openPlace(place: ConfigPlace): Promise<string[]> {
  const { versions } = place;
  const marker = await claimDirectory(versions.root);
  for (const path of [versions.directory, versions.temporary, versions.changed]) await isOwnDirectory(path);
  await versions.refuseForeignLink();
  await readTrial(versions.root);
  await makeOwnDirectory(versions.directory);
  await makeOwnDirectory(versions.temporary);
  const done = (await versions.sweep()) ? ["removed what was half written"] : [];
  if (marker === "complete") return done;
  done.push(...(await takeOver(place)));
  await mark(versions.root, "complete", versions.unfinished());
  return done;
}

/**
 * Looks whether `openPlace` would take what is there for ours; nothing is changed.
 *
 * @throws OpAMPError with `foreignStore`
 */
export async function lookAtPlace(path: string): Promise<void> {
  if ((await isOwnDirectory(path)) && (await readMarker(path)) === undefined && !(await isUnused(path))) {
    throw notOurs(path);
  }
}

function notOurs(path: string): OpAMPError {
  return foreign(path, `was not made by this agent: it has no valid ${MARKER}`);
}

/** Makes and marks the directory where it is missing or empty. */
async function claimDirectory(path: string): Promise<Marker> {
  await makeOwnDirectory(path);
  const marker = await readMarker(path);
  if (marker !== undefined) return marker;
  if (!(await isUnused(path))) throw notOurs(path);
  const temporary = join(path, `${MARKER}.tmp`);
  await rm(temporary, { force: true });
  await mark(path, "pending", temporary);
  return "pending";
}

async function mark(path: string, marker: Marker, temporary: string): Promise<void> {
  await replaceText(join(path, MARKER), textOf(marker), temporary);
}

function textOf(takeover: Marker): string {
  return `${JSON.stringify({ description: DESCRIPTION, format: FORMAT, takeover })}\n`;
}

async function readMarker(directory: string): Promise<Marker | undefined> {
  const read = await readOwnJson(join(directory, MARKER));
  if (!isObject(read) || read["description"] !== DESCRIPTION) return undefined;
  const { format, takeover } = read;
  if (typeof format === "number" && format > FORMAT) {
    const hint = "run that version, or give another remote_config.state_directory";
    throw foreign(directory, `was made by a later version (format ${format})`, hint);
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
