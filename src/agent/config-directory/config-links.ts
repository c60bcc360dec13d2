import { readFile, rm, symlink } from "node:fs/promises";
import { dirname, isAbsolute, join, relative, resolve, sep } from "node:path";
import { OpAMPError } from "../../errors.js";
import { syncDirectory } from "../../store/atomic-write.js";
import { realPathOf } from "../real-path.js";
import { agentFiles } from "./agent-files.js";
import type { Version } from "./config-manifest.js";
import { look, replaceWithLink, targetOf } from "./durable.js";
import { parentsOf } from "./offered-files.js";

/** Hidden, so that no pattern for configuration files takes it for one; one in a directory at a time. */
const TEMPORARY_LINK = ".opamp-link";

type Kind = "absent" | "link" | "file" | "directory" | "other";

/** What lies in the directory where the way to a file leaves the user's own directories. */
export interface Point {
  /** Of the file, below the directory. */
  readonly path: string;
  /** Where that is, below the directory. */
  readonly at: string;
  /** `link`: one of ours. `file`: a regular one. `directory`: the whole path is one. `other`: a link to elsewhere, a socket. */
  readonly kind: Kind;
}

/**
 * The links in the directory that lead to the version in use, whichever that is.
 *
 * There is one for each file or directory that a version has where the user has no directory: a directory of the user's
 * stays, and has links in it.
 */
export class ConfigLinks {
  readonly #directory: string;
  readonly #currentLink: string;
  readonly #formerLink: string;
  readonly #own: readonly string[];

  /** @param own what no offered file may replace, nor lie below */
  constructor(directory: string, state: string, own: readonly string[], currentLink: string) {
    this.#directory = directory;
    this.#currentLink = currentLink;
    this.#formerLink = join(state, "current");
    this.#own = [state, ...own];
  }

  /** Where the ways to some files go, now. */
  async look(paths: Iterable<string>): Promise<Point[]> {
    const kinds = new Map<string, Kind>();
    const points: Point[] = [];
    for (const path of new Set(paths)) points.push(await this.#point(path, kinds));
    return points;
  }

  /**
   * @throws OpAMPError `ERR_OPAMP_HANDLER` if something is in the way that is neither a file nor a link of ours, or a path
   * leads to what is the agent's own
   */
  async refuseObstacles(points: readonly Point[]): Promise<void> {
    const isOwn = await agentFiles(this.#directory, this.#own);
    const directory = realPathOf(this.#directory);
    const mounted = await mountPoints();
    for (const { path, at, kind } of points) {
      if (await isOwn(path)) {
        throw new OpAMPError("ERR_OPAMP_HANDLER", `"${path}" belongs to the agent itself`, {
          hint: "rename the file on the server, or keep what is the agent's outside the directory",
        });
      }
      const place = join(this.#directory, at);
      const obstacle = await obstacleAt(place, kind, mounted.has(join(directory, at)));
      if (obstacle === undefined) continue;
      const text = `"${path}" cannot be written: ${place} is ${obstacle.what}`;
      throw new OpAMPError("ERR_OPAMP_HANDLER", text, { hint: `${obstacle.remedy}, or rename the file on the server` });
    }
  }

  /** Makes links where there is nothing; they lead nowhere until a version that has them is in use. @returns how many */
  add(points: readonly Point[]): Promise<number> {
    const absent = points.filter(({ kind }) => kind === "absent");
    return this.#change(placesOf(absent), (path, at) => symlink(this.#target(at), path));
  }

  /** Puts links in the place of files that the version in use has too. */
  async replace(ats: Iterable<string>): Promise<void> {
    await this.#change(ats, (path, at) => this.#replace(path, at));
  }

  /** Puts our links to some files in place again: programs that watch the directory hear of that. */
  async renew(paths: Iterable<string>): Promise<void> {
    const points = await this.look(paths);
    await this.replace(placesOf(points.filter(({ kind }) => kind === "link")));
  }

  /** Removes links of ours, except those that a version needs. @returns how many there were */
  async removeExcept(needed: readonly Point[], ats: Iterable<string>): Promise<number> {
    const kept = placesOf(needed);
    const stale: string[] = [];
    for (const at of ats) if (!kept.has(at) && (await this.#isOurs(at))) stale.push(at);
    return await this.#change(stale, (path) => rm(path));
  }

  /** Has the links that led through another link to the version in use lead through ours. */
  async follow(paths: readonly string[], formerLink: string): Promise<void> {
    const ats: string[] = [];
    for (const at of new Set(paths)) {
      const target = await targetOf(join(this.#directory, at));
      // Ours: replaced before a crash, perhaps, and not synced.
      if (target === this.#target(at, formerLink) || target === this.#target(at)) ats.push(at);
    }
    await this.replace(ats);
  }

  /** Removes what a crash left half done where these versions have links. @returns how many links that were */
  async removeUnfinished(versions: readonly Version[]): Promise<number> {
    let removed = 0;
    for (const directory of new Set(["", ...[...pathsOf(versions)].map((path) => dirname(path))])) {
      if (await this.#removeTemporary(join(this.#directory, directory, TEMPORARY_LINK))) removed += 1;
    }
    return removed;
  }

  async #change(ats: Iterable<string>, change: (path: string, at: string) => Promise<void>): Promise<number> {
    const directories = new Set<string>();
    let changed = 0;
    for (const at of ats) {
      const path = join(this.#directory, at);
      await change(path, at);
      directories.add(dirname(path));
      changed += 1;
    }
    for (const directory of directories) await syncDirectory(directory);
    return changed;
  }

  async #point(path: string, kinds: Map<string, Kind>): Promise<Point> {
    for (const at of [...parentsOf(path), path]) {
      const kind = kinds.get(at) ?? (await this.#kindOf(at));
      kinds.set(at, kind);
      if (kind !== "directory") return { path, at, kind };
    }
    return { path, at: path, kind: "directory" };
  }

  async #kindOf(at: string): Promise<Kind> {
    const found = await look(join(this.#directory, at));
    if (found === undefined) return "absent";
    if (found.isSymbolicLink()) return (await this.#isOurs(at)) ? "link" : "other";
    if (found.isFile()) return "file";
    return found.isDirectory() ? "directory" : "other";
  }

  async #isOurs(at: string): Promise<boolean> {
    return (await targetOf(join(this.#directory, at))) === this.#target(at);
  }

  async #replace(path: string, at: string): Promise<void> {
    const temporary = join(dirname(path), TEMPORARY_LINK);
    await this.#removeTemporary(temporary);
    await replaceWithLink(path, this.#target(at), temporary);
  }

  /** Removes a temporary link that a crash left, also one of version 0.1.0. */
  async #removeTemporary(path: string): Promise<boolean> {
    const target = await targetOf(path);
    if (target === undefined) return false;
    const absolute = resolve(dirname(path), target);
    const isOurs = [this.#currentLink, this.#formerLink].some((link) => absolute.startsWith(link + sep));
    if (isOurs) await rm(path, { force: true });
    return isOurs;
  }

  /** Relative where it can be, so that the directory may be moved, or seen at another place in a container. */
  #target(at: string, through = this.#currentLink): string {
    const inside = relative(this.#directory, through);
    if (inside.startsWith("..") || isAbsolute(inside)) return join(through, at);
    return join(relative(dirname(at), "."), inside, at);
  }
}

/** What is in the way of a link of ours, if anything is, and what to do about it. */
async function obstacleAt(
  place: string,
  kind: Kind,
  isMounted: boolean,
): Promise<{ what: string; remedy: string } | undefined> {
  if (kind === "directory") return { what: "a directory", remedy: "move it away" };
  if (kind === "file" && isMounted) {
    const remedy = "mount the directory around it instead";
    return { what: `mounted by itself and cannot be replaced; ${remedy}`, remedy };
  }
  if (kind !== "other") return undefined;
  const target = await targetOf(place);
  if (target === undefined) {
    return { what: "neither a regular file nor a link to a configuration", remedy: "move it away" };
  }
  const remedy = "put a copy in its place, so that offers lie over that";
  return { what: `a symbolic link of your own to ${target}; ${remedy}`, remedy };
}

/** Where some points are, each once. */
export function placesOf(points: readonly Point[]): Set<string> {
  return new Set(points.map(({ at }) => at));
}

/** Where versions may have links: their files, and the directories around these. */
export function pathsOf(versions: readonly Version[]): Set<string> {
  return new Set(versions.flatMap(({ files }) => files.flatMap(({ path }) => [...parentsOf(path), path])));
}

/** Where file systems, directories and single files are mounted; nothing where the system does not tell. */
async function mountPoints(): Promise<ReadonlySet<string>> {
  const text = await readFile("/proc/self/mountinfo", "utf8").catch(() => "");
  return mountPointsIn(text);
}

/** The fifth field of each line, in which white space and backslashes are octal escapes. */
export function mountPointsIn(text: string): ReadonlySet<string> {
  const points = text.split("\n").flatMap((line) => line.split(" ")[4] ?? []);
  const plain = (point: string) =>
    Buffer.from(point, "utf8")
      .toString("latin1")
      .replaceAll(/\\([0-7]{3})/g, (_, digits: string) => String.fromCharCode(Number.parseInt(digits, 8)));
  return new Set(points.map((point) => Buffer.from(plain(point), "latin1").toString("utf8")));
}
