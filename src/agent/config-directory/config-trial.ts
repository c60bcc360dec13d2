import { readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { hasCode } from "../../base/error-code.js";
import { isOptions } from "../../base/option-path.js";
import { syncDirectory } from "../../store/atomic-write.js";
import { look, replaceText } from "./durable.js";
import { isRealFile, isVersionName } from "./owned-directory.js";

/** An apply that has neither succeeded nor been taken back. */
export interface Trial {
  /** `candidate`: the version in use is still the old one. `trial`: the new one may be, and the program may have it. */
  readonly phase: "candidate" | "trial";
  /** The version to go back to. */
  readonly from: string;
  /** The new one. */
  readonly to: string;
  /** Of the offer, in hexadecimal digits. */
  readonly hash: string;
  /** One more than how often this process's predecessors died of the same offer. */
  readonly attempt: number;
}

/** How often the agent died while it applied one offer. */
export interface Crashes {
  readonly hash: string;
  readonly count: number;
}

/** The marker of an apply under way, and what became of those that a crash cut off. */
export class TrialRecord {
  readonly #directory: string;
  readonly #trial: string;
  readonly #crashes: string;

  constructor(directory: string) {
    this.#directory = directory;
    this.#trial = join(directory, "trial.json");
    this.#crashes = join(directory, "crashes.json");
  }

  /** @returns `"unreadable"` for a marker that is there and says nothing */
  async read(): Promise<Trial | "unreadable" | undefined> {
    const read = await readJson(this.#trial);
    if (read === undefined) return undefined;
    if (!isOptions(read)) return "unreadable";
    const { phase, from, to, hash, attempt } = read;
    if (phase !== "candidate" && phase !== "trial") return "unreadable";
    if (typeof from !== "string" || typeof to !== "string" || typeof hash !== "string") return "unreadable";
    return { phase, from, to, hash, attempt: typeof attempt === "number" ? attempt : 1 };
  }

  /** Puts an unreadable marker aside. @returns where it is now */
  async setAside(): Promise<string> {
    const aside = `${this.#trial}.unreadable`;
    await rename(this.#trial, aside);
    await syncDirectory(this.#directory);
    return aside;
  }

  /** Takes over what version 0.1.0 wrote, unless that has been done. */
  async copyFrom(other: TrialRecord): Promise<void> {
    const { trial, crashes } = await other.#own();
    if (trial !== undefined && (await look(this.#trial)) === undefined) await this.write(trial);
    if (crashes !== undefined && (await look(this.#crashes)) === undefined) await this.countCrashes(crashes);
  }

  /** Removes what has our form. */
  async removeOwn(): Promise<void> {
    const { trial, crashes } = await this.#own();
    if (trial !== undefined) await this.clear();
    if (crashes !== undefined) await this.forgetCrashes();
  }

  async #own(): Promise<{ trial: Trial | undefined; crashes: Crashes | undefined }> {
    const trial = (await isRealFile(this.#trial)) ? await this.read() : undefined;
    const isTrial = typeof trial === "object" && isVersionName(trial.from) && isVersionName(trial.to);
    const crashes = (await isRealFile(this.#crashes)) ? await readJson(this.#crashes) : undefined;
    return { trial: isTrial ? trial : undefined, crashes: isCrashes(crashes) ? crashes : undefined };
  }

  async write(trial: Trial): Promise<void> {
    await replaceText(this.#trial, JSON.stringify(trial));
  }

  /** The apply has succeeded, or has been taken back whole. */
  async clear(): Promise<void> {
    await rm(this.#trial, { force: true });
    await syncDirectory(this.#directory);
  }

  /** How often the agent died of an offer; 0 if another one came since. */
  async crashesOf(hash: string): Promise<number> {
    const read = await readJson(this.#crashes);
    return isCrashes(read) && read.hash === hash && hash !== "" ? read.count : 0;
  }

  async countCrashes(crashes: Crashes): Promise<void> {
    await replaceText(this.#crashes, JSON.stringify(crashes));
  }

  async forgetCrashes(): Promise<void> {
    await rm(this.#crashes, { force: true });
  }

  /** Removes what a crash left half written. @returns whether there was something */
  async removeUnfinished(): Promise<boolean> {
    let found = false;
    for (const path of [`${this.#trial}.tmp`, `${this.#crashes}.tmp`]) {
      if (!(await isRealFile(path))) continue;
      found = true;
      await rm(path, { force: true });
    }
    return found;
  }
}

function isCrashes(read: unknown): read is Crashes {
  return isOptions(read) && typeof read["hash"] === "string" && typeof read["count"] === "number";
}

/** @returns `null` for what is no JSON, undefined where nothing is */
async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError) return null;
    if (hasCode(error, "ENOENT")) return undefined;
    throw error;
  }
}
