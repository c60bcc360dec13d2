import { hexOf } from "../../base/bytes.js";
import { messageOf, OpAMPError } from "../../errors.js";
import type { RemoteConfig } from "../../values/config-files.js";
import { type Command, withDirectory } from "../commands/command.js";
import { runCommand } from "../commands/run-command.js";
import { signalProcess } from "../commands/signal-process.js";
import type { ConfigLinks } from "./config-links.js";
import type { Version } from "./config-manifest.js";
import type { ConfigSettings } from "./config-options.js";
import { type Plan, planSwitch } from "./config-plan.js";
import type { Trial, TrialRecord } from "./config-trial.js";
import type { ConfigVersions } from "./config-versions.js";
import { offeredFiles } from "./offered-files.js";

/** How often the agent may die of one offer before it refuses it. */
const MOST_CRASHES = 3;

/** How far an offer came: whether it was being put to use, and whether the program may have heard of it. */
type Reached = "candidate" | "switch" | "program";

/** What the parts of a config directory work on. */
export interface ConfigPlace {
  readonly settings: ConfigSettings;
  readonly versions: ConfigVersions;
  readonly links: ConfigLinks;
  readonly trials: TrialRecord;
}

/**
 * Puts an offer to use, or leaves everything as it was. The offer is in use for good once the trial's marker is gone.
 *
 * @throws OpAMPError `ERR_OPAMP_HANDLER` that says why it is not in use
 */
export async function applyOffer(place: ConfigPlace, config: RemoteConfig, signal: AbortSignal): Promise<void> {
  const { settings, versions, links, trials } = place;
  const offered = offeredFiles(config);
  const hash = hexOf(config.hash);
  const current = await versions.current();
  if (current === undefined) throw new Error("no version is in use");
  if (hash !== "" && current.hash === hash) return;
  const crashes = await trials.crashesOf(hash);
  if (crashes >= MOST_CRASHES) throw tooManyCrashes(crashes);
  const { directory, fileMode, log } = settings;
  const plan = await planSwitch({ versions, links, directory, current, offered, hash, fileMode });
  const { candidate } = plan;
  const trial: Trial = { phase: "candidate", from: current.id, to: candidate.id, hash, attempt: crashes + 1 };
  if (crashes === 0) await trials.forgetCrashes();
  await trials.write(trial);
  let reached: Reached = "candidate";
  try {
    refuseAborted(signal);
    await versions.write(candidate, plan.contents, plan.directories);
    log?.info(`configuration ${candidate.id}: ${filesText(offered.length)} written`);
    await validateCandidate(place, candidate, signal);
    refuseAborted(signal);
    await makeWay(place, plan);
    await trials.write({ ...trial, phase: "trial", from: plan.from.id });
    reached = "switch";
    await switchTo(place, candidate, [plan.from]);
    log?.info(`configuration ${candidate.id}: in use on trial`);
    reached = "program";
    await tellProgram(place, candidate, signal);
    refuseAborted(signal);
    await trials.clear();
    if (crashes > 0) await trials.forgetCrashes();
  } catch (cause) {
    throw await takeBack(place, plan, reached, cause);
  }
  await tidy(place);
}

/** Has the program take the version in use. */
export async function tellProgram({ settings }: ConfigPlace, version: Version, signal?: AbortSignal): Promise<void> {
  const { directory, command, reload } = settings;
  if (command !== undefined) await run(settings, command, directory, version, signal);
  if (reload !== undefined) await signalProcess(reload);
}

async function run(
  { timeoutMs, graceMs, log }: ConfigSettings,
  command: Command,
  directory: string,
  version: Version,
  signal: AbortSignal | undefined,
): Promise<void> {
  const env = { OPAMP_CONFIG_DIR: directory, OPAMP_CONFIG_HASH: version.hash ?? "" };
  await runCommand(withDirectory(command, directory), { timeoutMs, graceMs, signal, env, log });
}

function filesText(count: number): string {
  return count === 1 ? "1 file" : `${count} files`;
}

/** At every moment, what can be opened in the directory is one whole version. */
export async function switchTo(
  { versions, links }: ConfigPlace,
  to: Version,
  others: readonly Version[],
): Promise<void> {
  await links.add(to);
  await versions.use(to.id);
  await links.removeStale(to, others);
}

async function validateCandidate({ settings, versions }: ConfigPlace, version: Version, signal: AbortSignal) {
  const { validate, log } = settings;
  if (validate === undefined) return;
  await run(settings, validate, versions.filesOf(version.id), version, signal);
  log?.info(`configuration ${version.id}: valid`);
}

/** Takes the user's files that lie where links belong into the version in use; what can be read stays the same. */
async function makeWay({ settings, versions, links }: ConfigPlace, plan: Plan): Promise<void> {
  if (plan.found.length === 0) return;
  for (const { version, contents } of plan.first) await versions.write(version, contents, plan.directories);
  await versions.use(plan.from.id);
  await links.replaceFiles(plan.found);
  settings.log?.info(`taken into configuration ${plan.from.id}: ${plan.found.join(", ")}`);
  if (plan.strays.length > 0) {
    settings.log?.warn(`changed by somebody else, and replaced now: ${plan.strays.join(", ")}`);
  }
}

/** Makes everything as it was. @returns why the offer is not in use, and what else went wrong */
async function takeBack(place: ConfigPlace, plan: Plan, reached: Reached, cause: unknown): Promise<OpAMPError> {
  const { settings, trials } = place;
  let message = messageOf(cause);
  try {
    if (reached !== "candidate") await switchTo(place, plan.from, [plan.candidate]);
    if (reached === "program") {
      await tellProgram(place, plan.from).catch((error: unknown) => {
        message += `\nthe files are as before, but the program could not be told: ${messageOf(error)}`;
      });
    }
    await trials.clear();
    settings.log?.info(`configuration ${plan.candidate.id}: taken back, ${plan.from.id} is in use`);
    await tidy(place);
  } catch (error) {
    message += `\nwhat was there before is not back yet: ${messageOf(error)}`;
  }
  return asError(message, cause);
}

async function tidy({ settings, versions }: ConfigPlace): Promise<void> {
  try {
    await versions.prune();
  } catch (error) {
    settings.log?.warn(`old configurations are still there: ${messageOf(error)}`);
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
