import { open, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { hasCode, messageOf, OpAMPError } from "../../errors.js";
import { figuresTable } from "../../simulate/picture/figures-table.js";
import { numberText } from "../../simulate/picture/series.js";
import { SVG_MARK, svgChart } from "../../simulate/picture/svg-chart.js";
import { terminalChart } from "../../simulate/picture/terminal-chart.js";
import type { SimulationProgress, SimulationResult } from "../../simulate/result.js";
import type { Terminal } from "../terminal.js";
import type { OutputFlags } from "./flags.js";

/** Where lines are only added, one in so many milliseconds is enough. */
const PROGRESS_LINE_MS = 5_000;
const COLUMNS = 80;
/** Enough for the head of a picture. */
const HEAD_CHARACTERS = 400;

/**
 * Shows how far a run is, on standard error: in one line on a terminal, in a line now and then elsewhere.
 *
 * @returns what is told of progress, and what takes the line away at the end
 */
export function progressOn(terminal: Terminal): { onProgress: SimulationProgress; end(): void } {
  let nextMs = 0;
  const { rewrite } = terminal;
  return {
    onProgress({ virtualSeconds, connected, agents }) {
      const line = `${numberText(virtualSeconds)} s: ${numberText(connected)} of ${numberText(agents)} agents connected`;
      if (rewrite !== undefined) return rewrite(line);
      const nowMs = performance.now();
      if (nowMs < nextMs) return;
      nextMs = nowMs + PROGRESS_LINE_MS;
      terminal.complain(line);
    },
    end: () => rewrite?.(""),
  };
}

/** Prints a result: as JSON, or as a table and a picture for people. */
export function printResult(result: SimulationResult, { json, ascii }: OutputFlags, terminal: Terminal): void {
  if (json === true) return terminal.print(JSON.stringify(result, undefined, 2));
  const columns = terminal.columns ?? COLUMNS;
  const chart = terminalChart([result], { columns, ascii: ascii ?? !isUtf8(process.env) });
  terminal.print(`${figuresTable(result)}\n\n${chart}`);
}

/** Whether what is printed may be more than ASCII, by the locale. */
export function isUtf8(
  env: Readonly<Record<string, string | undefined>>,
  platform: string = process.platform,
): boolean {
  if (platform === "win32") return true;
  const locale = [env["LC_ALL"], env["LC_CTYPE"], env["LANG"]].find((value) => value !== undefined && value !== "");
  return /utf-?8/i.test(locale ?? "");
}

/**
 * Whether a picture may be written to a path: nothing is there, or an earlier picture. To be asked before a long run.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export async function checkPlace({ svg: path, force }: OutputFlags): Promise<void> {
  if (path === undefined) return;
  const folder = await attemptStat(dirname(path));
  if (folder?.isDirectory() !== true)
    throw wrongPlace(`the directory ${dirname(path)} does not exist`, "make it first");
  const found = await attemptStat(path);
  if (found === undefined) return;
  if (!found.isFile()) throw wrongPlace(`${path} is not a file`, "give the path of a file");
  if (force === true) return;
  const head = (await readFile(path, "utf8")).slice(0, HEAD_CHARACTERS);
  if (head.includes(SVG_MARK)) return;
  throw wrongPlace(
    `${path} exists and was not made by opamp simulate`,
    "give another path, or --force to overwrite it",
  );
}

async function attemptStat(path: string) {
  try {
    return await stat(path);
  } catch (error) {
    if (hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
    throw wrongPlace(`${path} cannot be read: ${messageOf(error)}`, "check the path, and who may read it");
  }
}

/** @throws OpAMPError `ERR_OPAMP_OPTION` where the picture cannot be written */
export async function writePicture(result: SimulationResult, flags: OutputFlags): Promise<void> {
  const { svg: path } = flags;
  if (path === undefined) return;
  await checkPlace(flags);
  const beside = `${path}.${process.pid}.tmp`;
  try {
    const file = await open(beside, "wx");
    await file.writeFile(svgChart([result])).finally(() => file.close());
    await rename(beside, path);
  } catch (cause) {
    // Where it could not be made, there may be no way to remove it either.
    await rm(beside, { force: true }).catch(() => undefined);
    throw wrongPlace(
      `${path} cannot be written: ${messageOf(cause)}`,
      "check who may write there, and the space that is left",
    );
  }
}

function wrongPlace(problem: string, hint: string): OpAMPError {
  return new OpAMPError("ERR_OPAMP_OPTION", `--svg: ${problem}`, { hint });
}
