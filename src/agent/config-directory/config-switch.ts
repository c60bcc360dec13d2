import { chmod, lstat, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { hexOf } from "../../base/bytes.js";
import { isRefused, NO_TRIAL, nextTrial, type Trial, type TrialEvent } from "../../base/trial.js";
import { codeOf, messageOf, OpAMPError } from "../../errors.js";
import { syncDirectory } from "../../store/atomic-write.js";
import type { RemoteConfig } from "../../values/config-files.js";
import { type Command, runCommand } from "../commands/run-command.js";
import { signalProcess } from "../commands/signal-process.js";
import { refuseBeyondLimits } from "../limits/offer-limits.js";
import { type Point, pathsOf, placesOf } from "./config-links.js";
import type { Version } from "./config-manifest.js";
import { type ConfigPlace, type RemoteConfigSettings, TRIAL } from "./config-place.js";
import type { Content } from "./config-versions.js";
import { type Access, replaceText } from "./durable.js";
import { conflictsWith, type OfferedFile, offeredFiles } from "./offered-files.js";
import { keepChanged, takeFiles } from "./user-files.js";

/** Goes on with the trial, once that is written down. */
export async function moveTrial(place: ConfigPlace, ...events: readonly TrialEvent[]): Promise<void> {
  await saveTrial(place, trialAfter(place.trial, events));
}

export async function saveTrial(place: ConfigPlace, trial: Trial): Promise<void> {
  const { versions } = place;
  const path = join(versions.root, TRIAL);
  if (trial !== NO_TRIAL) {
    await replaceText(path, JSON.stringify(trial), versions.unfinished());
  } else {
    await rm(path, { force: true });
    await syncDirectory(versions.root);
  }
  place.trial = trial;
}

function trialAfter(trial: Trial, events: readonly TrialEvent[]): Trial {
  return events.reduce((before, event) => {
    const next = nextTrial(before, event);
    if (next === undefined) throw new Error(`${event.type} in the phase ${before.phase}`);
    return next;
  }, trial);
}

/**
 * Puts an offer to use, or leaves everything as it was. The offer is in use for good once the trial is committed.
 *
 * @throws OpAMPError `ERR_OPAMP_HANDLER` that says why it is not in use
 */
export async function applyOffer(place: ConfigPlace, config: RemoteConfig, signal: AbortSignal): Promise<void> {
  const { host, versions, links, trial } = place;
  const offered = offeredFiles(config);
  if (place.settings.allow !== undefined) refuseBeyondLimits(offered, place.settings.allow);
  const hash = hexOf(config.hash);
  const { current, zero } = inUse(place);
  if (hash !== "" && current.hash === hash) return;
  if (isRefused(trial, hash)) throw tooManyCrashes(trial.crashes);
  const points = await links.look(offered.map(({ path }) => path));
  await links.refuseObstacles(points);
  const directories = await accessIn(place.settings);
  const candidate: Version = {
    id: versions.newId(offered.length === 0 ? "local" : hash.slice(0, 12) || "config"),
    hash,
    base: zero.id,
    previous: current.id,
    files: laidOver(offered, zero),
  };
  const contents = await contentsOf(place, candidate, offered, points, directories);
  await moveTrial(place, { type: "offer", hash, from: current.id, to: candidate.id });
  try {
    refuseAborted(signal);
    await versions.write(candidate, contents, directories);
    host.log?.info(
      `configuration ${candidate.id}: ${offered.length === 1 ? "1 file" : `${offered.length} files`} written`,
    );
    await validate(place, candidate, signal);
    refuseAborted(signal);
    // What was free before may have been taken while the offer was checked.
    await links.refuseObstacles(await links.look(offered.map(({ path }) => path)));
    const inTheWay = (await links.look([...current.files, ...candidate.files].map(({ path }) => path))).filter(isFile);
    const from =
      inTheWay.length === 0 ? current : await takeFiles(place, [...placesOf(inTheWay)], current, zero, directories);
    await moveTrial(place, { type: "begin" });
    await switchTo(place, candidate, [from]);
    host.log?.info(`configuration ${candidate.id}: in use on trial`);
    await tellProgram(place, candidate, signal);
    refuseAborted(signal);
    await moveTrial(place, { type: "commit" });
  } catch (cause) {
    throw await takeBack(place, candidate, cause);
  }
  await tidy(place);
}

/** Has the program take the version in use: one that watches its files, and one that is told. */
export async function tellProgram(place: ConfigPlace, version: Version, signal?: AbortSignal, areOld = false) {
  const { directory, command, reload } = place.settings;
  await tellWatchers(place, version).catch((error: unknown) => {
    if (command === undefined && reload === undefined) throw error;
    place.host.log?.warn(`what watches ${directory} may not hear of the change: ${messageOf(error)}`);
  });
  if (command !== undefined && areOld)
    place.host.log?.info(`configuration ${version.id}: running the command for the old files`);
  if (command !== undefined) await run(place, command, directory, version, signal);
  if (reload !== undefined) await signalProcess(reload);
}

/**
 * Makes events for what watches the directory, or files in it: the switch itself changes nothing that they see. Links are
 * put in place again, as they are; files that are no longer in use get the mode that they have.
 */
async function tellWatchers({ versions, links, trial }: ConfigPlace, version: Version): Promise<void> {
  await links.renew(version.files.map(({ path }) => path));
  const before = versions.get(version.id === trial.to ? trial.from : trial.to);
  for (const { path } of before?.files ?? []) {
    const file = join(versions.filesOf(before?.id ?? ""), path);
    // One of the user's may be another user's, who alone may do that.
    await lstat(file)
      .then(({ mode }) => chmod(file, mode & 0o7777))
      .catch(() => undefined);
  }
}

/** At every moment, what can be opened in the directory is one whole version. @returns how many links were added and removed */
export async function switchTo(
  { versions, links }: ConfigPlace,
  to: Version,
  others: readonly Version[],
): Promise<{ added: number; removed: number }> {
  const points = await links.look(to.files.map(({ path }) => path));
  const added = await links.add(points);
  if (versions.currentId !== to.id) await versions.use(to.id);
  return { added, removed: await links.removeExcept(points, pathsOf(others)) };
}

/** The version in use, and the one with the user's own files. */
function inUse({ versions }: ConfigPlace): { current: Version; zero: Version } {
  const { current } = versions;
  const zero = versions.get(current?.base ?? "");
  if (current === undefined || zero === undefined) throw new Error("no version is in use");
  return { current, zero };
}

/** The files of an offer, and those of the user's that can exist beside them. */
function laidOver(offered: readonly OfferedFile[], zero: Version): Version["files"] {
  const isHidden = conflictsWith(offered);
  return [
    ...offered.map(({ path, name, contentType }) => ({ path, name, contentType, local: false })),
    ...zero.files.filter(({ path, local }) => local && !isHidden(path)),
  ];
}

/** What the files of a version are made of. An offered one that lies over the user's is accessible as that is. */
async function contentsOf(
  { settings, versions }: ConfigPlace,
  { base, files }: Version,
  offered: readonly OfferedFile[],
  points: readonly Point[],
  directories: Access,
): Promise<ReadonlyMap<string, Content>> {
  const zero = versions.filesOf(base);
  const isOwn = new Set(versions.get(base)?.files.map(({ path }) => path));
  const found = new Set(points.filter((point) => isFile(point) && point.path === point.at).map(({ path }) => path));
  const contents = new Map<string, Content>(files.map(({ path }) => [path, { from: join(zero, path) }]));
  for (const { path, body } of offered) {
    const root = isOwn.has(path) ? zero : found.has(path) ? settings.directory : undefined;
    const access = root === undefined ? { ...directories, mode: settings.fileMode } : await accessOf(join(root, path));
    contents.set(path, { body, access });
  }
  return contents;
}

function isFile({ kind }: Point): boolean {
  return kind === "file";
}

async function validate(place: ConfigPlace, version: Version, signal: AbortSignal): Promise<void> {
  const { settings, host, versions } = place;
  if (settings.validate === undefined) return;
  await run(place, settings.validate, versions.filesOf(version.id), version, signal);
  host.log?.info(`configuration ${version.id}: valid`);
}

function run(
  { settings: { timeoutMs }, host }: ConfigPlace,
  command: Command,
  directory: string,
  { hash = "" }: Version,
  signal: AbortSignal | undefined,
): Promise<void> {
  return runCommand(command, { ...host, timeoutMs, directory, signal, env: { OPAMP_CONFIG_HASH: hash } });
}

/** Makes everything as it was. @returns why the offer is not in use, and what else went wrong */
async function takeBack(place: ConfigPlace, candidate: Version, cause: unknown): Promise<OpAMPError> {
  const { host, versions } = place;
  let message = messageOf(cause);
  try {
    if (place.trial.phase === "candidate") {
      await moveTrial(place, { type: "fail" });
    } else {
      // Not written down: a restart takes a trial back as well, and the disk may be full.
      place.trial = trialAfter(place.trial, [{ type: "fail" }]);
      const from = versions.get(place.trial.from);
      if (from === undefined) throw new Error(`configuration ${place.trial.from} is gone`);
      await switchTo(place, from, [candidate]);
      await tellProgram(place, from, undefined, true).catch((error: unknown) => {
        const again = messageOf(error);
        const why = again === messageOf(cause) ? ", for the same reason" : `: ${again}`;
        message += `\nthe files are as before, but the program could not be told${why}`;
      });
      await moveTrial(place, { type: "reverted" });
    }
    host.log?.info(`configuration ${candidate.id}: rolled back; ${versions.currentId} is in use`);
    await tidy(place);
  } catch (error) {
    message += `\nwhat was there before is not back yet: ${messageOf(error)}`;
  }
  return asError(placed(place, message, cause), cause);
}

/** The system's own errors about a write do not say where. */
function placed({ settings: { directory, state } }: ConfigPlace, message: string, cause: unknown): string {
  if (cause instanceof OpAMPError || codeOf(cause) === undefined || message.includes(state)) return message;
  const [key, path] = isInside(directory, state) ? ["directory", directory] : ["state_directory", state];
  return `remote_config.${key} ${path} cannot be written: ${message}`;
}

function isInside(directory: string, path: string): boolean {
  return `${path}/`.startsWith(`${directory}/`);
}

async function tidy(place: ConfigPlace): Promise<void> {
  const { host, versions } = place;
  try {
    await versions.sweep();
    await versions.prune((files, paths) => keepChanged(place, files, paths));
  } catch (error) {
    host.log?.warn(`old configurations are still there: ${messageOf(error)}`);
  }
}

/** An error of this package, whatever was thrown. */
export function asError(message: string, cause: unknown): OpAMPError {
  if (cause instanceof OpAMPError) return new OpAMPError(cause.code, message, { cause, hint: cause.hint });
  const hint = "check that the directory may be written, and that its disk is not full";
  return new OpAMPError("ERR_OPAMP_STORE", message, { cause, hint });
}

/** @throws OpAMPError `ERR_OPAMP_HANDLER` if the offer is no longer wanted */
export function refuseAborted(signal: AbortSignal): void {
  if (!signal.aborted) return;
  throw new OpAMPError("ERR_OPAMP_HANDLER", `the configuration was given up: ${messageOf(signal.reason)}`, {
    cause: signal.reason,
  });
}

function tooManyCrashes(count: number): OpAMPError {
  return new OpAMPError("ERR_OPAMP_HANDLER", `the agent died ${count} times while applying this configuration`, {
    hint: "see what the command does to the agent; another configuration will be tried",
  });
}

/** Of the directories of a version: who may read a file may list them, and everyone may go through. */
async function accessIn({ directory, fileMode }: RemoteConfigSettings): Promise<Access> {
  const { gid } = await stat(directory);
  return { mode: directoryMode(fileMode), uid: -1, gid };
}

export function directoryMode(fileMode: number): number {
  return fileMode | ((fileMode & 0o444) >> 2) | 0o111;
}

async function accessOf(path: string): Promise<Access> {
  const { mode, uid, gid } = await lstat(path);
  return { mode: mode & 0o777, uid, gid };
}
