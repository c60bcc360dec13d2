import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, type OpAMPError } from "../../errors.js";
import type { Version } from "./config-manifest.js";
import { localFile } from "./config-plan.js";
import { asError, type ConfigPlace, switchTo, tellProgram } from "./config-switch.js";
import { openPlace } from "./config-takeover.js";
import type { Trial } from "./config-trial.js";
import type { Content } from "./config-versions.js";

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
  const { settings, versions, links, trials } = place;
  await mkdir(settings.directory, { recursive: true });
  const done = await openPlace(place);
  const unreadable = await versions.unreadable();
  const all = [...unreadable.map(foundVersion), ...(await versions.all())];
  const unfinished = [
    await versions.removeUnfinished(),
    await trials.removeUnfinished(),
    await links.removeUnfinished(all),
  ];
  if (unfinished.includes(true)) done.push("removed what was half written");
  const trial = await trials.read();
  let current = await inUse(place, trial, done);
  let rolledBack = false;
  let error: OpAMPError | undefined;
  if (trial === "unreadable") {
    const aside = await trials.setAside();
    done.push(`the note on what was under way cannot be read, and is ${aside} now; the configuration in use stays`);
  } else if (trial !== undefined) {
    if (died) await trials.countCrashes({ hash: trial.hash, count: trial.attempt });
    const from = trial.phase === "trial" ? await versions.read(trial.from) : undefined;
    if (trial.phase === "candidate") {
      done.push(`configuration ${trial.to} was cut off before it was in use`);
    } else if (from === undefined) {
      done.push(`configuration ${trial.from} is gone, so ${current.id} stays`);
    } else {
      await switchTo(place, from, all);
      current = from;
      rolledBack = true;
      done.push(`configuration ${trial.to} was on trial; went back to ${from.id}`);
      error = await told(place, from, signal);
      if (error !== undefined) done.push(`the program could not be told: ${error.message}`);
    }
    // Without the word, the next start tells the program.
    if (signal?.aborted !== true) await trials.clear();
  }
  const added = await links.add(current);
  if (added > 0) done.push(`put back ${added} links`);
  const removed = await links.removeStale(current, all);
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

/** The version in use; where there is none that is whole, the newest that was in use, and at first an empty one. */
async function inUse(
  { versions, settings }: ConfigPlace,
  trial: Trial | "unreadable" | undefined,
  done: string[],
): Promise<Version> {
  const current = await versions.current();
  if (current !== undefined) return current;
  const candidate = typeof trial === "object" ? trial.to : undefined;
  let version = (await versions.all()).findLast(({ id }) => id !== candidate);
  if (version === undefined) {
    const unreadable = await versions.unreadable();
    const found = unreadable.findLast(({ id }) => id.endsWith("-local")) ?? unreadable.at(-1);
    const [id = ""] = await versions.newIds("local");
    version = foundVersion({ id, paths: found?.paths ?? [] });
    const contents = new Map<string, Content>();
    for (const path of found?.paths ?? []) contents.set(path, { from: join(versions.filesOf(found?.id ?? ""), path) });
    const mode = settings.fileMode | ((settings.fileMode & 0o444) >> 2) | 0o111;
    await versions.write(version, contents, { mode, uid: -1, gid: -1 });
    if (found !== undefined) done.push(`no configuration could be read; took the files of ${found.id} as your own`);
  } else {
    done.push(`the configuration in use was missing; took ${version.id}`);
  }
  await versions.use(version.id);
  return version;
}

/** A version of which nothing is known but its files. */
function foundVersion({ id, paths }: { id: string; paths: readonly string[] }): Version {
  return { id, base: id, hash: undefined, previous: undefined, files: paths.map(localFile) };
}

async function told(place: ConfigPlace, version: Version, signal?: AbortSignal): Promise<OpAMPError | undefined> {
  try {
    await tellProgram(place, version, signal);
    return undefined;
  } catch (error) {
    return asError(messageOf(error), error);
  }
}
