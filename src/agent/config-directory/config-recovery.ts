import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { NO_TRIAL, type Trial } from "../../base/trial.js";
import { messageOf, type OpAMPError } from "../../errors.js";
import { syncDirectory } from "../../store/atomic-write.js";
import { entriesIn, localFile, type Version } from "./config-manifest.js";
import { type ConfigPlace, CRASHES, readTrial, TRIAL } from "./config-place.js";
import { asError, directoryMode, moveTrial, saveTrial, switchTo, tellProgram } from "./config-switch.js";
import type { Content } from "./config-versions.js";
import { look } from "./durable.js";
import { openPlace } from "./owned-directory.js";

/** What was found when a config directory was opened, and what was done about it. */
export interface Recovery {
  /**
   * `nothing`: all was well. `cleaned`: something was left half done that no program ever saw. `rolled-back`: a new
   * configuration was on trial, and the one before is in use again.
   */
  readonly action: "nothing" | "cleaned" | "rolled-back";
  /** For people to read. */
  readonly text: string;
  /** Why the program could not be told of the configuration that is in use again. */
  readonly error?: OpAMPError;
}

/**
 * Makes one whole configuration the one in use, whatever a crash left.
 *
 * @param died whether what was under way was cut off by the end of the process
 * @throws OpAMPError `ERR_OPAMP_STORE` if the directory cannot be read or written
 */
export async function recover(place: ConfigPlace, died: boolean, signal?: AbortSignal): Promise<Recovery> {
  const { settings, versions, links } = place;
  await mkdir(settings.directory, { recursive: true });
  const done = await openPlace(place);
  const unreadable = await unreadableVersions(place);
  const all = [...unreadable, ...versions.all];
  const cleared = await links.removeUnfinished(all);
  if (cleared > 0) done.push(`removed ${cleared} links that were half made`);
  const read = await loadTrial(place);
  const { from, to, phase } = place.trial;
  let current = await inUse(place, unreadable, to, done);
  let rolledBack = false;
  let error: OpAMPError | undefined;
  if (read === undefined) {
    const aside = await setTrialAside(place);
    done.push(`the note on what was under way cannot be read, and is ${aside} now; the configuration in use stays`);
  } else if (phase !== "none") {
    await moveTrial(place, ...(died ? ([{ type: "died" }] as const) : []), { type: "fail" });
    const old = versions.get(from);
    if (place.trial.phase === "none") {
      done.push(`configuration ${to} was cut off before it was in use`);
    } else if (old === undefined) {
      done.push(`configuration ${from} is gone, so ${current.id} stays`);
      await moveTrial(place, { type: "reverted" });
    } else {
      await switchTo(place, old, all);
      current = old;
      rolledBack = true;
      done.push(`configuration ${to} was on trial; went back to ${old.id}`);
      error = await tryToTell(place, old, signal);
      if (error !== undefined) done.push(`the program could not be told: ${error.message}`);
      // Otherwise the next start tells the program.
      if (signal?.aborted !== true) await moveTrial(place, { type: "reverted" });
    }
  }
  current = await withBase(place, current, unreadable);
  const { added, removed } = await switchTo(place, current, all);
  if (added > 0) done.push(`put back ${added} links`);
  if (removed > 0) done.push(`removed ${removed} links that led nowhere`);
  for (const { id } of unreadable) {
    done.push(`configuration ${id} cannot be read: set aside as ${await versions.setAside(id)}`);
  }
  const pruned = await versions.prune();
  if (pruned > 0) done.push(`removed ${pruned} configurations that were not in use`);
  return {
    action: rolledBack ? "rolled-back" : done.length > 0 ? "cleaned" : "nothing",
    text: done.length > 0 ? done.join("; ") : "nothing to recover",
    ...(error !== undefined && { error }),
  };
}

/** @returns undefined where it cannot be read */
async function loadTrial(place: ConfigPlace): Promise<Trial | undefined> {
  const { root } = place.versions;
  const trial = await readTrial(root);
  place.trial = trial ?? NO_TRIAL;
  if (trial === undefined || (await look(join(root, CRASHES))) === undefined) return trial;
  // From now on they are counted with the trial.
  await saveTrial(place, trial);
  await rm(join(root, CRASHES));
  return trial;
}

async function setTrialAside({ versions: { root } }: ConfigPlace): Promise<string> {
  const aside = join(root, `${TRIAL}.unreadable`);
  await rename(join(root, TRIAL), aside);
  await syncDirectory(root);
  return aside;
}

/** What has the name of a version and cannot be read, with the files that are found in it, oldest first. */
async function unreadableVersions({ versions }: ConfigPlace): Promise<Version[]> {
  const found: Version[] = [];
  for (const { id } of await versions.load()) {
    const files = (await entriesIn(versions.directoryOf(id))).filter(({ isFile }) => isFile);
    const local = files.map(({ path }) => localFile(path));
    found.push(versionZero(id, local));
  }
  return found;
}

/** The version in use; where there is none that is whole, the newest that was in use, and at first an empty one. */
async function inUse(
  place: ConfigPlace,
  unreadable: readonly Version[],
  candidate: string,
  done: string[],
): Promise<Version> {
  const { versions } = place;
  if (versions.current !== undefined) return versions.current;
  let version = versions.all.findLast(({ id }) => id !== candidate);
  if (version === undefined) {
    const found = unreadable.findLast(({ id }) => id.endsWith("-local")) ?? unreadable.at(-1);
    version = await writeZero(place, found?.files ?? [], found?.id ?? "");
    if (found !== undefined) done.push(`no configuration could be read; took the files of ${found.id} as your own`);
  } else {
    done.push(`the configuration in use was missing; took ${version.id}`);
  }
  await versions.use(version.id);
  return version;
}

/** Where version 0 cannot be read, its files make a new one, or what the version in use has of them. */
async function withBase(place: ConfigPlace, current: Version, unreadable: readonly Version[]): Promise<Version> {
  const { versions } = place;
  if (versions.get(current.base) !== undefined) return current;
  const { files, id } = unreadable.find(({ id }) => id === current.base) ?? current;
  const local = files.filter((file) => file.local);
  const zero = await writeZero(place, local, id);
  return await versions.revise({ ...current, base: zero.id });
}

/** Writes a version 0 of files that another version has. */
async function writeZero({ settings, versions }: ConfigPlace, files: Version["files"], of: string): Promise<Version> {
  const version = versionZero(versions.newId("local"), files);
  const contents = new Map<string, Content>();
  for (const { path } of files) contents.set(path, { from: join(versions.filesOf(of), path) });
  await versions.write(version, contents, { mode: directoryMode(settings.fileMode), uid: -1, gid: -1 });
  return version;
}

function versionZero(id: string, files: Version["files"]): Version {
  return { id, base: id, hash: undefined, previous: undefined, files };
}

async function tryToTell(place: ConfigPlace, version: Version, signal?: AbortSignal): Promise<OpAMPError | undefined> {
  try {
    await tellProgram(place, version, signal);
    return undefined;
  } catch (error) {
    return asError(messageOf(error), error);
  }
}
