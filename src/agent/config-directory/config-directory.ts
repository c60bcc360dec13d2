import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { bytesOfHex } from "../../base/bytes.js";
import { hasCode } from "../../base/error-code.js";
import type { RemoteConfigHandler } from "../../client/options.js";
import { messageOf, OpAMPError } from "../../errors.js";
import { syncDirectory } from "../../store/atomic-write.js";
import type { ConfigFiles, RemoteConfig } from "../../values/config-files.js";
import { ConfigLinks } from "./config-links.js";
import type { Version } from "./config-manifest.js";
import {
  type ConfigDirectoryOptions,
  type ConfigHost,
  type ConfigLock,
  type ConfigSettings,
  readConfigOptions,
} from "./config-options.js";
import { contentTypeOf } from "./config-plan.js";
import { type Recovery, recover } from "./config-recovery.js";
import { applyOffer, asError, type ConfigPlace, refuseAborted } from "./config-switch.js";
import { TrialRecord } from "./config-trial.js";
import { ConfigVersions } from "./config-versions.js";
import { look, makeDirectory } from "./durable.js";
import { ownedDirectory, PASSAGE } from "./owned-directory.js";

/** Before anything was ever offered. */
const NO_VERSION: Version = { id: "", hash: undefined, base: "", previous: undefined, files: [] };

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
  /** Resolves when no offer is being put to use or taken back. To be waited for before the process ends. */
  settled(): Promise<void>;
  /** The same, and others may use the directory then. */
  close(): Promise<void>;
}

/**
 * Writes offered configurations into a directory, has a program take them, and takes them back where that fails.
 *
 * What can be opened in the directory is one whole configuration at every moment, even if the process is killed: names in
 * it are symbolic links through `.opamp/opamp-config/current`, which is itself replaced in one step. An offer lies over the
 * user's own files: where it has a name that one of them has, that one is kept beside the versions, and seen again as soon
 * as the offer in use does not have the name. An offer without files thus brings all of them back. Files that no offer names are never
 * touched, and a directory of the user's stays a directory. A file that took the place of an offered one is kept until
 * the next but one configuration.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION`; also on Windows, where links cannot be replaced in one step
 */
export function configDirectory(options: ConfigDirectoryOptions, host: ConfigHost = {}): ConfigDirectory {
  const settings = readConfigOptions(options, host);
  const place = placeAt(settings, ownedDirectory(settings.state));
  const { versions } = place;
  let lock: ConfigLock | undefined;
  /** The version that is in use for good. */
  let committed: Version | undefined;
  let applying = false;
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
    const { action, text } = await recover(place, false);
    const what = action === "nothing" ? "made it again, since it was removed" : text;
    settings.log?.warn(`Recovered ${settings.directory}: ${what}`);
  }

  async function apply(config: RemoteConfig, signal: AbortSignal): Promise<void> {
    if (committed === undefined) {
      const hint = "await `prepare()` first";
      throw new OpAMPError("ERR_OPAMP_HANDLER", "the config directory is not prepared", { hint });
    }
    refuseAborted(signal);
    applying = true;
    try {
      // An offer that could not be taken back, since the disk was full perhaps; or somebody removed the directory.
      if ((await place.trials.read()) !== undefined || (await versions.current()) === undefined) await reopen();
      await applyOffer(place, config, signal);
    } finally {
      if ((await place.trials.read()) === undefined) committed = (await versions.current()) ?? committed;
      applying = false;
    }
  }

  /** @returns also whether another version is on trial, so that the directory may show that one */
  async function inUse({ versions, trials }: ConfigPlace): Promise<{ version: Version; onTrial: boolean }> {
    if (committed !== undefined) return { version: committed, onTrial: applying };
    const trial = await trials.read();
    const isTrial = typeof trial === "object" && trial.phase === "trial";
    const before = isTrial ? await versions.read(trial.from) : undefined;
    if (before !== undefined) return { version: before, onTrial: true };
    return { version: (await versions.current()) ?? NO_VERSION, onTrial: false };
  }

  /** That of version 0.1.0 where nothing has been taken over yet. */
  async function readablePlace(): Promise<ConfigPlace> {
    if (committed !== undefined || (await versions.currentId()) !== undefined) return place;
    const old = placeAt(settings, settings.state);
    return (await old.versions.current()) === undefined ? place : old;
  }

  async function filesInUse(): Promise<ConfigFiles> {
    const there = await readablePlace();
    const { versions, links } = there;
    const { version, onTrial } = await inUse(there);
    const files: [string, { body: Uint8Array; contentType: string }][] = [];
    for (const { name, path, contentType } of version.files) {
      const kept = join(versions.filesOf(version.id), path);
      const source = onTrial ? kept : await readable(links, path, kept);
      if (source !== undefined) files.push([name, { body: await readFile(source), contentType }]);
    }
    for (const name of settings.localFiles) {
      if (version.files.some(({ path }) => path === name)) continue;
      const { kind, at } = await links.point(name);
      if (kind !== "file" || at !== name) continue;
      files.push([name, { body: await readFile(join(settings.directory, name)), contentType: contentTypeOf(name) }]);
    }
    return Object.fromEntries(files);
  }

  /** Where the program reads a file: in the version in use, unless somebody put another in place of the link. */
  async function readable(links: ConfigLinks, path: string, kept: string): Promise<string | undefined> {
    const { kind, at } = await links.point(path);
    if (kind === "link") return kept;
    return kind === "file" && at === path ? join(settings.directory, path) : undefined;
  }

  return {
    prepare: (signal) =>
      inTurn(async () => {
        await makeState(settings.state);
        lock ??= await host.lock?.(settings.state);
        const recovery = await recover(place, true, signal);
        committed = await versions.current();
        return recovery;
      }),
    handler: { apply: (config, { signal }) => inTurn(() => apply(config, signal)) },
    async effectiveConfig() {
      try {
        return await filesInUse();
      } catch (error) {
        if (!hasCode(error, "ENOENT")) throw error;
        // Another configuration came into use meanwhile.
        await queue;
        return await filesInUse();
      }
    },
    get current() {
      if (committed?.hash === undefined) return undefined;
      const files = committed.files.filter(({ local }) => !local).map(({ name }) => name);
      return { hash: bytesOfHex(committed.hash), files };
    },
    async settled() {
      await queue;
    },
    async close() {
      await queue;
      await lock?.release();
      lock = undefined;
    },
  };
}

/** @param root where versions are kept */
function placeAt(settings: ConfigSettings, root: string): ConfigPlace {
  const versions = new ConfigVersions(root);
  const links = new ConfigLinks(settings.directory, versions.currentLink, settings.state);
  return { settings, versions, links, trials: new TrialRecord(root) };
}

async function makeState(state: string): Promise<void> {
  if ((await look(state)) !== undefined) return;
  await mkdir(dirname(state), { recursive: true });
  await makeDirectory(state, PASSAGE);
  await syncDirectory(dirname(state));
}
