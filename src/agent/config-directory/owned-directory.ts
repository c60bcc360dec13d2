import { readdir, readFile, rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { isObject } from "../../base/checks.js";
import { NO_TRIAL } from "../../base/trial.js";
import { hasCode, OpAMPError } from "../../errors.js";
import { syncDirectory } from "../../store/atomic-write.js";
import { entriesIn, VERSION_NAME } from "./config-manifest.js";
import { type ConfigPlace, CRASHES, readTrial, TRIAL } from "./config-place.js";
import { saveTrial } from "./config-switch.js";
import { ConfigVersions } from "./config-versions.js";
import { isRealDirectory, isRealFile, look, makeDirectory, PASSAGE, replaceText } from "./durable.js";

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
 * @throws OpAMPError `ERR_OPAMP_STORE` with `foreignStore` if something that is not ours is in its place
 */
export async function openPlace(place: ConfigPlace): Promise<string[]> {
  const { root } = place.versions;
  const marker = await claimDirectory(root);
  await makeOwned(place.versions.directory);
  await makeOwned(place.versions.temporary);
  const done = (await place.versions.sweep()) ? ["removed what was half written"] : [];
  if (marker === "complete") return done;
  done.push(...(await takeOver(place)));
  await mark(root, "complete");
  return done;
}

/** Makes and marks the directory where it is missing or empty. */
async function claimDirectory(path: string): Promise<Marker> {
  await makeOwned(path);
  const marker = await readMarker(path);
  if (marker !== undefined) return marker;
  if (!(await isUnused(path))) throw foreign(path, `was not made by this agent: it has no valid ${MARKER}`);
  await mark(path, "pending");
  return "pending";
}

async function mark(path: string, marker: Marker): Promise<void> {
  await replaceText(join(path, MARKER), textOf(marker), join(path, `${MARKER}.tmp`));
}

async function makeOwned(path: string): Promise<void> {
  if (await isRealDirectory(path)) return;
  if ((await look(path)) !== undefined) throw foreign(path, "is not a directory");
  await makeDirectory(path, PASSAGE);
  await syncDirectory(dirname(path));
}

/**
 * Each step can be repeated after a crash: copies (second names of the same files) are complete, and the links in the
 * config directory lead to them, before any original is removed.
 */
async function takeOver(place: ConfigPlace): Promise<string[]> {
  const { settings, versions, links } = place;
  const old = new ConfigVersions(settings.state);
  const unreadable = await old.load();
  const damaged = unreadable.filter(({ problem }) => problem === "damaged").map(({ id }) => id);
  const unknown = unreadable.filter(({ problem }) => problem === "unknown").map(({ id }) => id);
  const ids = [...old.all.map(({ id }) => id), ...damaged];
  const id = old.currentId;
  const isKnown = id !== undefined && (ids.includes(id) || (await isRealDirectory(versions.directoryOf(id))));
  if (old.all.length === 0 && !isKnown) return [];

  for (const one of ids) await versions.copyFrom(old, one);
  const trial = (await readTrial(settings.state)) ?? NO_TRIAL;
  const isEmpty = trial.phase === "none" && trial.hash === "";
  const isOurs = !isEmpty && [trial.from, trial.to].every((name) => name === "" || VERSION_NAME.test(name));
  if (isOurs && (await look(join(versions.root, TRIAL))) === undefined) await saveTrial(place, trial);
  await versions.load();
  if (isKnown && versions.currentId === undefined) await versions.use(id);
  const entries = await Promise.all(ids.map((one) => entriesIn(versions.directoryOf(one))));
  await links.follow(
    entries.flat().map(({ path }) => path),
    old.currentLink,
  );

  for (const name of isOurs ? [TRIAL, CRASHES] : []) {
    await rm(join(settings.state, name), { force: true });
  }
  for (const one of ids) if (await isRealDirectory(old.directoryOf(one))) await versions.discard(old.directoryOf(one));
  await removeIfEmpty(old.directory);
  // Last, since it may be all that shows whose the rest is.
  if (id !== undefined && !unknown.includes(id)) await rm(old.currentLink, { force: true });
  await syncDirectory(settings.state);
  const kept = unknown.length === 0 ? [] : [`left alone in ${settings.state}/versions: ${unknown.join(", ")}`];
  return [`took over ${ids.length} configurations of version 0.1.0 from ${settings.state}`, ...kept];
}

async function removeIfEmpty(directory: string): Promise<void> {
  try {
    await rmdir(directory);
  } catch (error) {
    if (!hasCode(error, "ENOTEMPTY", "EEXIST", "ENOENT", "ENOTDIR", "EBUSY")) throw error;
  }
}

function textOf(takeover: Marker): string {
  return `${JSON.stringify({ description: DESCRIPTION, format: FORMAT, takeover })}\n`;
}

async function readMarker(directory: string): Promise<Marker | undefined> {
  const path = join(directory, MARKER);
  if (!(await isRealFile(path))) return undefined;
  const read = parsed(await readFile(path, "utf8"));
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

function foreign(
  path: string,
  problem: string,
  hint = "move it away, or give another remote_config.state_directory; it is left as it is",
): OpAMPError {
  return new OpAMPError("ERR_OPAMP_STORE", `${path} ${problem}`, { hint, retryable: false, foreignStore: true });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
