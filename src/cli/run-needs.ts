import { constants } from "node:fs";
import fs from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { missingLocalFiles } from "../agent/config-directory/local-files.js";
import { lookAtPlace, ownedDirectory } from "../agent/config-directory/owned-directory.js";
import type { AgentConfig } from "../agent/file/agent-config.js";
import { fileSecret } from "../auth/file-secret.js";
import { errorLine } from "../diagnostics/one-line.js";
import { codeOf, OpAMPError } from "../errors.js";
import type { Need } from "../extension/reader/reading.js";
import { holderOf } from "../store/directory-lock.js";
import { peekState } from "../store/peek-store.js";
import type { TlsOptions } from "../transport/settings/tls-options.js";
import { prepareTls } from "../transport/tls/tls.js";
import { NOT_NEEDED, tlsChecks } from "./doctor/check-files.js";
import { settingsInForce, spareFiles } from "./doctor/settings-in-force.js";
import { fileWords } from "./surface-words.js";

/** Why a run would not come about, or not do what it is for. */
export interface RunProblem {
  text: string;
  /** That of `opamp agent`: 1 a directory that cannot be used, 2 something in the file is wrong, 3 something is not ours. */
  exitCode: 1 | 2 | 3;
}

/** What a run needs, as it is now. */
export interface RunNeeds {
  problems: readonly RunProblem[];
  /** What works, and will not for long. */
  warnings: readonly string[];
  /** What is worth knowing, and normal. */
  notes: readonly string[];
}

/** Looks for everything that a run needs on this machine. Nothing is made, changed, locked or run. */
export async function checkNeeds(config: AgentConfig): Promise<RunNeeds> {
  const { needs, stateDirectory, remoteConfig } = config;
  const directories: [key: string, path: string][] = [["storage.directory", stateDirectory]];
  if (remoteConfig !== undefined) {
    directories.push(["remote_config.directory", remoteConfig.directory]);
    directories.push(["remote_config.state_directory", remoteConfig.state]);
  }
  const spare = spareFiles(await settingsInForce(config).catch(() => undefined));
  const found = await Promise.all([
    ...directories.map(([key, path]) => problemOf(`${key}: `, 1, () => checkDirectory(path))),
    problemOf("storage.directory: ", 1, () => peekState(stateDirectory)),
    remoteConfig && problemOf("", 1, () => lookAtPlace(ownedDirectory(remoteConfig.state))),
    ...needs.flatMap((need) => {
      const checks = checksOf(need, spare, config.extension.server.tls);
      return checks.map(([look, isSpare]) => problemOf(`${need.where}: `, 2, look, isSpare));
    }),
  ]);
  const all = found.filter((problem) => problem !== undefined);
  const looks = needs.flatMap((need) => (need.kind === "tls" ? tlsChecks(need.tls) : []));
  const findings = await Promise.all(looks.map((look) => look().catch(() => undefined)));
  const doubts = findings.flatMap((finding) => {
    if (finding?.warning === undefined) return [];
    return [fileWords(`${finding.detail}; ${finding.warning} (${finding.hint})`)];
  });
  const warnings = [...doubts, ...all.flatMap(({ text, isSpare }) => (isSpare ? [`${text}; ${NOT_NEEDED}`] : []))];
  const holder = await holderOf(stateDirectory);
  return {
    problems: all.filter(({ isSpare }) => !isSpare),
    warnings: remoteConfig === undefined ? warnings : [...warnings, ...(await missingLocalFiles(remoteConfig))],
    notes: holder === undefined ? [] : [`storage.directory: ${holder}; a second agent cannot start`],
  };
}

/** Whether something is not the agent's, rather than not readable now. */
export function isForeign(error: unknown): boolean {
  return error instanceof OpAMPError && error.foreignStore && !error.retryable;
}

async function problemOf(
  where: string,
  exitCode: 1 | 2,
  check: () => Promise<unknown>,
  isSpare = false,
): Promise<(RunProblem & { isSpare: boolean }) | undefined> {
  try {
    await check();
    return undefined;
  } catch (error) {
    return { text: where + fileWords(errorLine(error)), exitCode: isForeign(error) ? 3 : exitCode, isSpare };
  }
}

type Check = [look: () => Promise<unknown>, isSpare: boolean];

/** Each with whether the agent does without. @param ofServer the TLS options for the connection; others are those of an auth extension */
function checksOf(need: Need, spare: ReturnType<typeof spareFiles>, ofServer: TlsOptions | undefined): Check[] {
  switch (need.kind) {
    case "secret":
      return [[fileSecret(need.name), spare.credentials]];
    case "program":
      return [[() => checkProgram(need.name), false]];
    case "tls":
      return partsOf(need.tls).map((part) => {
        const isSpare = (part.ca !== undefined && spare.ca) || (part.cert !== undefined && spare.identity);
        return [() => prepareTls("tls", part), need.tls === ofServer ? isSpare : spare.credentials];
      });
    default:
      return need satisfies never;
  }
}

/** Each is read by itself, so that what is wrong with one does not hide the other. */
function partsOf({ ca, cert, key, ...others }: TlsOptions): readonly TlsOptions[] {
  return [
    ...(ca === undefined ? [] : [{ ca }]),
    ...(cert === undefined || key === undefined ? [] : [{ cert, key }]),
    others,
  ];
}

/** Whether a directory may be written, or made where it is missing. */
async function checkDirectory(path: string): Promise<void> {
  let at = path;
  for (;;) {
    // A link that leads nowhere is there, and in the way.
    const isThere = await fs.lstat(at).then(
      () => true,
      (error: unknown) => codeOf(error) !== "ENOENT",
    );
    if (isThere || dirname(at) === at) break;
    at = dirname(at);
  }
  try {
    if (!(await fs.stat(at)).isDirectory()) throw new Error(`${at} is not a directory`);
    await fs.access(at, constants.W_OK | constants.X_OK);
  } catch (cause) {
    const code = codeOf(cause);
    if (code === undefined) throw cause;
    const what = at === path ? "cannot be written" : `cannot be created: ${at} cannot be written`;
    throw new OpAMPError("ERR_OPAMP_STORE", `${path} ${what} (${code})`, {
      cause,
      hint: "allow the agent's user to write there, or choose another directory",
    });
  }
}

async function mayExecute(path: string): Promise<boolean> {
  try {
    await fs.access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** Whether a program is there and may be executed, as the system looks for it. */
async function checkProgram(name: string): Promise<void> {
  // What it is shows when the offer is there.
  if (name.includes("{directory}")) return;
  const folders = name.includes("/") ? [""] : (process.env["PATH"] ?? "").split(delimiter);
  let isThere = false;
  for (const folder of folders) {
    const path = folder === "" ? name : join(folder, name);
    const found = await fs.stat(path).catch(() => undefined);
    if (found?.isFile() !== true) continue;
    isThere = true;
    if (await mayExecute(path)) return;
  }
  const problem = isThere ? "may not be executed" : "was not found";
  const hint = name.includes("/") ? "check the path" : "check its name and PATH, or give the full path";
  throw new OpAMPError("ERR_OPAMP_HANDLER", `the program ${JSON.stringify(name)} ${problem}`, { hint });
}
