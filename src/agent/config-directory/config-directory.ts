import { readdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { bytesOfHex, hexOf } from "../../base/bytes.js";
import { NO_TRIAL } from "../../base/trial.js";
import type { RemoteConfigHandler } from "../../client/options.js";
import { withFields } from "../../diagnostics/logger.js";
import { hasCode, messageOf, OpAMPError } from "../../errors.js";
import { syncDirectory } from "../../store/atomic-write.js";
import type { DirectoryLock } from "../../store/directory-lock.js";
import { makeDirectories } from "../../store/make-directories.js";
import type { ConfigFiles, RemoteConfig } from "../../values/config-files.js";
import type { Version } from "./config-manifest.js";
import {
  type ConfigHost,
  type ConfigPlace,
  placeAt,
  type RemoteConfigSettings,
  readTrial,
  TRIAL,
} from "./config-place.js";
import { type Recovery, recover } from "./config-recovery.js";
import { applyOffer, asError, refuseAborted } from "./config-switch.js";
import { look, makeDirectory, PASSAGE } from "./durable.js";
import { filesInUse, type InUse } from "./files-in-use.js";
import { formerTrial } from "./former-directory.js";
import { foreign } from "./own-path.js";
import { ownedDirectory } from "./owned-directory.js";

/** Before anything was ever offered. */
const NO_VERSION: Version = { id: "", hash: undefined, base: "", previous: undefined, files: [] };

/** What the config directory runs on. */
export interface ConfigDirectoryHost extends ConfigHost {
  /**
   * Keeps others from using the same versions, which are in the directory that it is called with, or throws. Default: the
   * caller sees to that.
   */
  readonly lock?: (state: string) => Promise<DirectoryLock>;
}

/** The remote configuration of a program that reads files. */
export interface ConfigDirectory {
  /**
   * Recovers from whatever a crash left, and must have resolved before the handler is used.
   *
   * @param signal ends a command that tells the program of the configuration that is in use again
   * @throws OpAMPError `ERR_OPAMP_STORE` if the directory cannot be read or written
   */
  prepare(signal?: AbortSignal): Promise<Recovery>;
  /** For the client's `remoteConfig`; one offer at a time. */
  readonly handler: RemoteConfigHandler;
  /**
   * For the client's `effectiveConfig`: the files that the program reads now under names that were offered, and the
   * user's own where no offer hides them. While an offer is on trial, those before it. Changes nothing, and needs no
   * `prepare()`: without it, what `prepare()` would put to use.
   */
  effectiveConfig(): Promise<ConfigFiles>;
  /** The offer in use, and the names of its files; `undefined` while the user's own files are. */
  readonly current: { readonly hash: Uint8Array; readonly files: readonly string[] } | undefined;
  /** Resolves when no offer is being applied or rolled back, and others may use the directory. Call it before the process ends. */
  close(): Promise<void>;
}

/**
 * Writes offered configurations into a directory, has a program take them, and takes them back where that fails.
 *
 * What can be opened in the directory is one whole configuration at every moment, even if the process is killed: names in
 * it are symbolic links through `.opamp/opamp-config/current`, which is itself replaced in one step. An offer lies over
 * version 0, which has the user's own files as they were when an offer first had their names; an offer without files brings
 * them back. Files that no offer names are never touched, and a directory of the user's stays a directory. A file that took
 * the place of a link is kept aside.
 */
export function configDirectory(settings: RemoteConfigSettings, given: ConfigDirectoryHost = {}): ConfigDirectory {
  /** Of the offer that is being applied, in hexadecimal digits. */
  let offered: string | undefined;
  const log = given.log && withFields(given.log, () => ({ hash: offered }));
  const host: ConfigDirectoryHost = { ...given, log };
  const place = placeAt(settings, host, ownedDirectory(settings.state));
  const { versions } = place;
  let lock: DirectoryLock | undefined;
  /** The version that is in use for good. */
  let committed: Version | undefined;
  let applying = false;
  /** Why files are not reported, by their names. */
  const problems = new Map<string, string>();
  let queue: Promise<unknown> = Promise.resolve();

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = queue.then(work).catch((error: unknown) => {
      throw error instanceof OpAMPError ? error : asError(messageOf(error), error);
    });
    queue = turn.catch(() => undefined);
    return turn;
  }

  async function reopen(): Promise<void> {
    await makeState(settings.state);
    if (lock !== undefined && !(await lock.isVisible())) {
      await lock.release();
      lock = undefined;
    }
    lock ??= await host.lock?.(settings.state);
    const { text = "made it again, since it was removed" } = await recover(place, false);
    host.log?.warn(`Recovered ${settings.directory}: ${text}`);
  }

  async function apply(config: RemoteConfig, signal: AbortSignal): Promise<void> {
    if (committed === undefined) {
      const hint = "await `prepare()` first";
      throw new OpAMPError("ERR_OPAMP_HANDLER", "the config directory is not prepared", { hint });
    }
    refuseAborted(signal);
    applying = true;
    offered = hexOf(config.hash);
    try {
      // An offer that could not be rolled back, since the disk was full perhaps; or somebody removed the directory.
      if (place.trial.phase !== "none" || !(await isAsLeft(place))) await reopen();
      await applyOffer(place, config, signal);
    } finally {
      if (place.trial.phase === "none") committed = versions.current ?? committed;
      applying = false;
      offered = undefined;
    }
  }

  /** The version in use for good, and whether the directory may show another one, which is on trial. */
  async function inUse(): Promise<InUse> {
    if (committed !== undefined) return { place, version: committed, onTrial: applying };
    const ours = placeAt(settings, host, versions.root);
    const old = placeAt(settings, host, settings.state);
    await ours.versions.load();
    await old.versions.load();
    // Version 0.1.0 kept them there, and nothing has been taken over yet.
    const there = ours.versions.currentId === undefined && old.versions.current !== undefined ? old : ours;
    const former = there === old ? (await formerTrial(settings.state)).trial : undefined;
    const { phase, from } = former ?? (await readTrial(versions.root)) ?? NO_TRIAL;
    const before = phase === "trial" || phase === "reverting" ? there.versions.get(from) : undefined;
    if (before !== undefined) return { place: there, version: before, onTrial: true };
    return { place: there, version: there.versions.current ?? NO_VERSION, onTrial: false };
  }

  return {
    prepare: (signal) =>
      inTurn(async () => {
        await makeState(settings.state);
        lock ??= await host.lock?.(settings.state);
        const recovery = await recover(place, true, signal);
        committed = versions.current;
        return recovery;
      }),
    handler: { apply: (config, { signal }) => inTurn(() => apply(config, signal)) },
    async effectiveConfig() {
      try {
        return await filesInUse(await inUse(), problems);
      } catch (error) {
        if (!hasCode(error, "ENOENT")) throw error;
        // Another configuration came into use meanwhile.
        await queue;
        return await filesInUse(await inUse(), problems);
      }
    },
    get current() {
      if (committed?.hash === undefined) return undefined;
      const files = committed.files.filter(({ local }) => !local).map(({ name }) => name);
      return { hash: bytesOfHex(committed.hash), files };
    },
    async close() {
      await queue;
      await lock?.release();
      lock = undefined;
    },
  };
}

/** Whether nobody has removed anything of ours, or put something else in its place. */
async function isAsLeft({ versions, trial }: ConfigPlace): Promise<boolean> {
  return (await versions.isInPlace()) && (await readdir(versions.root)).includes(TRIAL) === (trial !== NO_TRIAL);
}

async function makeState(state: string): Promise<void> {
  const found = await stat(state).catch(() => look(state));
  if (found?.isDirectory() === true) return;
  if (found !== undefined) throw foreign(state, "is not a directory");
  await makeDirectories(dirname(state));
  await makeDirectory(state, PASSAGE);
  await syncDirectory(dirname(state));
}
