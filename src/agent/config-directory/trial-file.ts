import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isOptions } from "../../base/option-path.js";
import { NO_TRIAL, type Trial, type TrialPhase, trialTransitions } from "../../base/trial.js";
import { isRealFile } from "./durable.js";

/** What outlives a crash of the trial under way. There is none where nothing needs to be remembered. */
export const TRIAL = "trial.json";
/** Where version 0.1.0 counted crashes. */
export const CRASHES = "crashes.json";

/** The trial in a directory, also as version 0.1.0 wrote it; undefined where it cannot be read. */
export async function readTrial(root: string): Promise<Trial | undefined> {
  const [trial, counted] = [await readJson(join(root, TRIAL)), await readJson(join(root, CRASHES))];
  const { hash, count } = isOptions(counted) ? counted : {};
  const before = typeof hash === "string" && typeof count === "number" ? { hash, crashes: count } : undefined;
  return trial === undefined ? { ...NO_TRIAL, ...before } : trialOf(trial, before);
}

function trialOf(json: unknown, before: Pick<Trial, "hash" | "crashes"> | undefined): Trial | undefined {
  if (!isOptions(json)) return undefined;
  const { phase, from, to, hash, crashes, attempt } = json;
  if (!isPhase(phase) || typeof from !== "string" || typeof to !== "string" || typeof hash !== "string")
    return undefined;
  if (typeof crashes === "number") return { phase, from, to, hash, crashes };
  // Version 0.1.0 counted the attempt under way too.
  const counted = typeof attempt === "number" ? attempt - 1 : 0;
  return { phase, from, to, hash, crashes: Math.max(counted, before?.hash === hash ? before.crashes : 0) };
}

function isPhase(phase: unknown): phase is TrialPhase {
  return typeof phase === "string" && Object.hasOwn(trialTransitions, phase);
}

/** @returns `null` for what is not JSON, undefined where there is no regular file */
async function readJson(path: string): Promise<unknown> {
  if (!(await isRealFile(path))) return undefined;
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    throw error;
  }
}
