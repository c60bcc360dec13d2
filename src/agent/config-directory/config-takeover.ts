import { rm, rmdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { hasCode } from "../../base/error-code.js";
import { syncDirectory } from "../../store/atomic-write.js";
import type { ConfigPlace } from "./config-switch.js";
import { TrialRecord } from "./config-trial.js";
import { ConfigVersions } from "./config-versions.js";

import { claimDirectory, markDirectory } from "./owned-directory.js";

/**
 * Makes the directory for versions ours, and moves into it what version 0.1.0 kept beside it.
 *
 * @returns what was done, for people to read
 * @throws OpAMPError `ERR_OPAMP_STORE` if something that is not ours is in its place
 */
export async function openPlace(place: ConfigPlace): Promise<string[]> {
  const root = dirname(place.versions.currentLink);
  const marker = await claimDirectory(root);
  await place.versions.prepare();
  if (marker === "complete") return [];
  const done = await takeOver(place);
  await markDirectory(root, "complete");
  return done;
}

/**
 * Each step can be repeated after a crash: copies (second names of the same files) are complete, and the links in the
 * config directory lead to them, before any original is removed.
 */
async function takeOver({ settings, versions, links, trials }: ConfigPlace): Promise<string[]> {
  const old = new ConfigVersions(settings.state);
  const oldTrials = new TrialRecord(settings.state);
  const { whole, damaged, unknown } = await old.survey();
  const ids = [...whole.map(({ id }) => id), ...damaged];
  const inUse = await old.currentId();
  const isKnown = inUse !== undefined && (ids.includes(inUse) || (await versions.has(inUse)));
  if (whole.length === 0 && !isKnown) return [];

  await versions.removeUnfinished();
  for (const id of ids) await versions.copyFrom(old, id);
  await trials.copyFrom(oldTrials);
  if (isKnown && (await versions.currentId()) === undefined) await versions.use(inUse);
  const paths = await Promise.all(ids.map((id) => versions.pathsIn(id)));
  await links.follow(paths.flat(), old.currentLink);

  await oldTrials.removeOwn();
  for (const id of ids) await old.remove(id);
  await old.removeUnfinished();
  await removeIfEmpty(join(settings.state, "versions"));
  // Last, since it may be all that shows whose the rest is.
  if (inUse !== undefined && !unknown.includes(inUse)) await rm(old.currentLink, { force: true });
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
