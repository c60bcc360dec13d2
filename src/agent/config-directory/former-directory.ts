import { rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { isObject } from "../../base/checks.js";
import { NO_TRIAL, type Trial } from "../../base/trial.js";
import { hasCode } from "../../errors.js";
import { syncDirectory } from "../../store/atomic-write.js";
import { VERSION_NAME } from "./config-manifest.js";
import { type ConfigPlace, isPhase, TRIAL } from "./config-place.js";
import { saveTrial } from "./config-switch.js";
import { ConfigVersions } from "./config-versions.js";
import { entriesIn, isRealDirectory, isRealFile, look } from "./durable.js";
import { readOwnJson } from "./own-path.js";

/** Where version 0.1.0 counted crashes. */
const CRASHES = "crashes.json";

/**
 * Moves what version 0.1.0 kept in a state directory into the one that is ours.
 *
 * Each step can be repeated after a crash: copies (second names of the same files) are complete, and the links in the
 * config directory lead to them, before any original is removed.
 *
 * @returns what was done, for people to read
 */
export async function takeOver(place: ConfigPlace): Promise<string[]> {
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
  const { trial, files } = await formerTrial(settings.state);
  if (files.length > 0 && (await look(join(versions.root, TRIAL))) === undefined) await saveTrial(place, trial);
  await versions.load();
  if (isKnown && versions.currentId === undefined) await versions.use(id);
  const entries = await Promise.all(ids.map((one) => entriesIn(versions.filesOf(one))));
  await links.follow(
    entries.flat().map(({ path }) => path),
    old.currentLink,
  );

  for (const name of files) await rm(join(settings.state, name), { force: true });
  for (const one of ids) if (await isRealDirectory(old.directoryOf(one))) await versions.discard(old.directoryOf(one));
  await removeIfEmpty(old.directory);
  // Last, since it may be all that shows whose the rest is.
  if (id !== undefined && !unknown.includes(id)) await rm(old.currentLink, { force: true });
  await syncDirectory(settings.state);
  const kept = unknown.length === 0 ? [] : [`left alone in ${settings.state}/versions: ${unknown.join(", ")}`];
  return [`took over ${ids.length} configurations of version 0.1.0 from ${settings.state}`, ...kept];
}

/**
 * What version 0.1.0 remembered of a trial, and the names of the files that say so. Only what has the form of that version
 * counts.
 */
export async function formerTrial(state: string): Promise<{ trial: Trial; files: readonly string[] }> {
  const [noted, counted] = [await readFormer(join(state, TRIAL)), await readFormer(join(state, CRASHES))];
  const count = countOf(counted);
  const note = noteOf(noted, count);
  const files = [...(note === undefined ? [] : [TRIAL]), ...(count === undefined ? [] : [CRASHES])];
  return { trial: note ?? { ...NO_TRIAL, ...count }, files };
}

async function readFormer(path: string): Promise<unknown> {
  return (await isRealFile(path)) ? readOwnJson(path) : undefined;
}

function countOf(json: unknown): Pick<Trial, "hash" | "crashes"> | undefined {
  const { hash, count } = isObject(json) ? json : {};
  return typeof hash === "string" && typeof count === "number" ? { hash, crashes: count } : undefined;
}

function noteOf(json: unknown, before: Pick<Trial, "hash" | "crashes"> | undefined): Trial | undefined {
  const { phase, from, to, hash, attempt } = isObject(json) ? json : {};
  if (!isPhase(phase) || !isName(from) || !isName(to) || typeof hash !== "string") return undefined;
  // The attempt under way was counted too.
  const counted = typeof attempt === "number" ? attempt - 1 : 0;
  return { phase, from, to, hash, crashes: Math.max(counted, before?.hash === hash ? before.crashes : 0) };
}

function isName(name: unknown): name is string {
  return typeof name === "string" && (name === "" || VERSION_NAME.test(name));
}

async function removeIfEmpty(directory: string): Promise<void> {
  try {
    await rmdir(directory);
  } catch (error) {
    if (!hasCode(error, "ENOTEMPTY", "EEXIST", "ENOENT", "ENOTDIR", "EBUSY")) throw error;
  }
}
