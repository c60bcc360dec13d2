import { join } from "node:path";
import { NO_TRIAL } from "../../base/trial.js";
import { messageOf, type OpAMPError } from "../../errors.js";
import { setAside } from "../../store/atomic-write.js";
import { makeDirectories } from "../../store/make-directories.js";
import { localFile, type Version } from "./config-manifest.js";
import { type ConfigPlace, readTrial, TRIAL } from "./config-place.js";
import { asError, directoryMode, moveTrial, saveTrial, switchTo, tellProgram } from "./config-switch.js";
import type { Content } from "./config-versions.js";
import { entriesIn, isRealDirectory } from "./durable.js";
import { openPlace } from "./owned-directory.js";
import { keepChanged } from "./user-files.js";

/** What was done when a config directory was opened. */
export interface Recovery {
  /** For people to read; undefined where all was well. */
  readonly text: string | undefined;
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
  await makeDirectories(settings.directory);
  const done = await openPlace(place);
  const unreadable = await unreadableVersions(place);
  const all = [...unreadable, ...versions.all];
  const cleared = await links.removeUnfinished(all);
  if (cleared > 0) done.push(`removed ${cleared} links that were half made`);
  const candidate = await endTrial(place, died, done);
  const found = versions.current ?? (await useAnother(place, unreadable, candidate, done));
  const { phase, from } = place.trial;
  const before = phase === "none" ? undefined : versions.get(from);
  const current = await withBase(place, before ?? found, unreadable, done);
  const { added, removed } = await switchTo(place, current, all);
  let error: OpAMPError | undefined;
  if (before !== undefined) {
    done.push(
      candidate === "" ? `went back to ${from}` : `configuration ${candidate} was on trial; went back to ${from}`,
    );
    error = await tellProgram(place, current, signal, true).then(
      () => undefined,
      (cause: unknown) => asError(messageOf(cause), cause),
    );
    if (error !== undefined) done.push(`the program could not be told: ${error.message}`);
    // Otherwise the next start tells the program.
    if (signal?.aborted !== true) await moveTrial(place, { type: "reverted" });
  } else {
    if (added > 0) done.push(`put back ${added} links`);
    if (removed > 0) done.push(`removed ${removed} links that led nowhere`);
    if (phase !== "none") {
      done.push(`configuration ${from} is gone, so ${current.id} stays`);
      await moveTrial(place, { type: "reverted" });
    }
  }
  for (const { id } of unreadable) {
    done.push(`configuration ${id} cannot be read: set aside as ${await versions.setAside(id)}`);
  }
  const pruned = await versions.prune((files, paths) => keepChanged(place, files, paths));
  if (pruned > 0) done.push(`removed ${pruned} configurations that were not in use`);
  return { text: done.length > 0 ? done.join("; ") : undefined, ...(error !== undefined && { error }) };
}

/** Begins to take back what was on trial. @returns the candidate; empty where there was none */
async function endTrial(place: ConfigPlace, died: boolean, done: string[]): Promise<string> {
  const { root } = place.versions;
  const read = await readTrial(root);
  place.trial = read ?? NO_TRIAL;
  if (read === undefined) {
    const aside = join(root, await setAside(root, TRIAL, `${TRIAL}.unreadable`));
    done.push(`the note on what was under way cannot be read, and is ${aside} now; the configuration in use stays`);
  }
  const { phase, to } = place.trial;
  if (phase === "none") return "";
  await moveTrial(place, ...(died ? ([{ type: "died" }] as const) : []), { type: "fail" });
  if (phase === "candidate") done.push(`configuration ${to} was cut off before it was in use`);
  return to;
}

/** What has the name of a version and cannot be read, with the files that are found in it, oldest first. */
async function unreadableVersions({ versions }: ConfigPlace): Promise<Version[]> {
  const found: Version[] = [];
  for (const { id } of await versions.load()) {
    const files = (await entriesIn(versions.filesOf(id))).filter(({ isFile }) => isFile);
    const local = files.map(({ path }) => localFile(path));
    found.push(versionZero(id, local));
  }
  return found;
}

/**
 * Puts a version to use where none that is whole is: the one to go back to, or the newest that was in use. Where there is
 * none either, what can be found of the user's own files; at first, an empty one.
 */
async function useAnother(
  place: ConfigPlace,
  unreadable: readonly Version[],
  candidate: string,
  done: string[],
): Promise<Version> {
  const { versions, trial } = place;
  let version = versions.get(trial.from) ?? versions.all.findLast(({ id }) => id !== candidate);
  if (version === undefined) {
    const found = unreadable.findLast(({ id }) => id.endsWith("-local")) ?? unreadable.at(-1);
    version = await writeZero(place, found?.files ?? [], found?.id ?? "");
    if (found === undefined) {
      await versions.use(version.id);
      return version;
    }
    const { id, files } = found;
    const what = files.length > 0 ? `took the files of ${id} as your own` : `${id} has no files to take`;
    done.push(`no configuration could be read; ${what}`);
  } else {
    done.push(`the configuration in use was missing; took ${version.id}`);
  }
  // Whatever happens now, the program will be told.
  await saveTrial(place, { ...trial, phase: "reverting", from: version.id, to: candidate });
  await versions.use(version.id);
  return version;
}

/** Where version 0 cannot be read, its files make a new one, or what the version in use has of them. */
async function withBase(
  place: ConfigPlace,
  current: Version,
  unreadable: readonly Version[],
  done: string[],
): Promise<Version> {
  const { versions } = place;
  const { base } = current;
  if (versions.get(base) !== undefined) return current;
  const { files, id } = unreadable.find(({ id }) => id === base) ?? current;
  if (!(await isRealDirectory(versions.filesOf(base)))) {
    done.push(`configuration ${base} is gone, and with it those of your own files that an offer hides`);
  }
  const local = files.filter((file) => file.local);
  const zero = await writeZero(place, local, id);
  return await versions.revise({ ...current, base: zero.id });
}

/** Writes a version 0 of files that another version has. */
async function writeZero({ settings, versions }: ConfigPlace, files: Version["files"], of: string): Promise<Version> {
  const version = versionZero(versions.newId("local"), files);
  const from = versions.filesOf(of);
  const contents = new Map<string, Content>(files.map(({ path }) => [path, { from: join(from, path) }]));
  await versions.write(version, contents, { mode: directoryMode(settings.fileMode), uid: -1, gid: -1 });
  return version;
}

function versionZero(id: string, files: Version["files"]): Version {
  return { id, base: id, hash: undefined, previous: undefined, files };
}
