import { rm, symlink } from "node:fs/promises";
import { dirname, isAbsolute, join, relative } from "node:path";
import { OpAMPError } from "../../errors.js";
import { syncDirectory } from "../../store/atomic-write.js";
import type { Version, VersionFile } from "./config-manifest.js";
import { parentsOf } from "./config-versions.js";
import { look, replaceWithLink } from "./durable.js";
import { conflicting } from "./offered-files.js";
import { leadsInto, targetOf } from "./owned-directory.js";

/** Hidden, so that no pattern for configuration files takes it for one; one in a directory at a time. */
const TEMPORARY_LINK = ".opamp-link";

/** What lies in the directory where the way to a file leaves the user's own directories. */
export interface Point {
  /** Where that is, below the directory. */
  readonly at: string;
  /** `link`: one of ours. `file`: a regular one. `directory`: the whole path is one. `other`: a link to elsewhere, a socket. */
  readonly kind: "absent" | "link" | "file" | "directory" | "other";
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
  readonly #state: string;

  /** @param state no offered file may be written below it */
  constructor(directory: string, currentLink: string, state: string) {
    this.#directory = directory;
    this.#currentLink = currentLink;
    this.#state = state;
  }

  /** Where the way to a file goes. */
  async point(path: string): Promise<Point> {
    for (const at of [...parentsOf(path), path]) {
      const found = await look(join(this.#directory, at));
      if (found === undefined) return { at, kind: "absent" };
      if (found.isSymbolicLink()) return { at, kind: (await this.#isOurs(at)) ? "link" : "other" };
      if (found.isFile()) return { at, kind: "file" };
      if (!found.isDirectory()) return { at, kind: "other" };
    }
    return { at: path, kind: "directory" };
  }

  /** The points of some files, each once. */
  async points(files: readonly VersionFile[]): Promise<Map<string, Point>> {
    const points = new Map<string, Point>();
    for (const { path } of files) {
      const point = await this.point(path);
      points.set(point.at, point);
    }
    return points;
  }

  /**
   * @throws OpAMPError `ERR_OPAMP_HANDLER` if something is in the way that is neither a file nor a link of ours, or a path
   * leads to where the versions are kept
   */
  async refuseObstacles(paths: Iterable<string>): Promise<void> {
    const state = relative(this.#directory, this.#state).toLowerCase();
    for (const path of paths) {
      if (conflicting(path.toLowerCase(), state)) throw reserved(path);
      const { at, kind } = await this.point(path);
      if (kind !== "directory" && kind !== "other") continue;
      const what = kind === "directory" ? "a directory" : "neither a regular file nor a link to a configuration";
      throw new OpAMPError(
        "ERR_OPAMP_HANDLER",
        `"${path}" cannot be written: ${join(this.#directory, at)} is ${what}`,
        {
          hint: "move it away, or rename the file on the server",
        },
      );
    }
  }

  /** Makes the links that a version lacks; they lead nowhere until it is in use. What is in the way stays. */
  async add(version: Version): Promise<number> {
    const changed = new Set<string>();
    let added = 0;
    for (const { at, kind } of (await this.points(version.files)).values()) {
      if (kind !== "absent") continue;
      const path = join(this.#directory, at);
      await symlink(this.#target(at), path);
      changed.add(dirname(path));
      added += 1;
    }
    for (const directory of changed) await syncDirectory(directory);
    return added;
  }

  /** Puts links in the place of files that the version in use has too. */
  async replaceFiles(paths: readonly string[]): Promise<void> {
    const changed = new Set<string>();
    for (const at of paths) {
      changed.add(await this.#replace(at));
    }
    for (const directory of changed) await syncDirectory(directory);
  }

  /** Has the links that led through another link to the version in use lead through ours. */
  async follow(paths: readonly string[], formerLink: string): Promise<void> {
    const changed = new Set<string>();
    for (const at of new Set(paths)) {
      const path = join(this.#directory, at);
      const target = await targetOf(path);
      if (target === this.#target(at, formerLink)) await this.#replace(at);
      // Replaced before a crash, perhaps, and not synced.
      else if (target !== this.#target(at)) continue;
      changed.add(dirname(path));
    }
    for (const directory of changed) await syncDirectory(directory);
  }

  /** Removes the links that only other versions need. @returns how many there were */
  async removeStale(kept: Version, others: readonly Version[]): Promise<number> {
    const needed = await this.points(kept.files);
    const changed = new Set<string>();
    let removed = 0;
    for (const at of pathsOf(others)) {
      if (needed.has(at) || !(await this.#isOurs(at))) continue;
      const path = join(this.#directory, at);
      await rm(path);
      changed.add(dirname(path));
      removed += 1;
    }
    for (const directory of changed) await syncDirectory(directory);
    return removed;
  }

  /** Removes what a crash left half done where these versions have links. @returns whether there was something */
  async removeUnfinished(versions: readonly Version[]): Promise<boolean> {
    const directories = new Set([""]);
    for (const path of pathsOf(versions)) directories.add(dirname(path));
    let found = false;
    for (const directory of directories) {
      if (await this.#removeTemporary(join(this.#directory, directory, TEMPORARY_LINK))) found = true;
    }
    return found;
  }

  async #isOurs(at: string): Promise<boolean> {
    return (await targetOf(join(this.#directory, at))) === this.#target(at);
  }

  /** @returns the directory of the link */
  async #replace(at: string): Promise<string> {
    const path = join(this.#directory, at);
    const temporary = join(dirname(path), TEMPORARY_LINK);
    await this.#removeTemporary(temporary);
    await replaceWithLink(path, this.#target(at), temporary);
    return dirname(path);
  }

  /** Removes a temporary link that a crash left, also one of version 0.1.0. */
  async #removeTemporary(path: string): Promise<boolean> {
    const isOurs = await leadsInto(path, [this.#currentLink, join(this.#state, "current")]);
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

function reserved(path: string): OpAMPError {
  return new OpAMPError("ERR_OPAMP_HANDLER", `"${path}" is where configurations are kept`, {
    hint: "rename the file on the server, or keep configurations outside the directory",
  });
}

function pathsOf(versions: readonly Version[]): Set<string> {
  return new Set(versions.flatMap(({ files }) => files.flatMap(({ path }) => [...parentsOf(path), path])));
}
