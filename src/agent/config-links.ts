import { readlink, rm, symlink } from "node:fs/promises";
import { dirname, isAbsolute, join, relative } from "node:path";
import { OpAMPError } from "../errors.js";
import { syncDirectory } from "../store/atomic-write.js";
import { parentsOf, type Version, type VersionFile } from "./config-versions.js";
import { hasCode, look, removeTemporaryLink, replaceWithLink } from "./durable.js";
import { conflicting } from "./offered-files.js";

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

  constructor(directory: string, currentLink: string) {
    this.#directory = directory;
    this.#currentLink = currentLink;
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
    const state = relative(this.#directory, dirname(this.#currentLink)).toLowerCase();
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
      const path = join(this.#directory, at);
      await replaceWithLink(path, this.#target(at));
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
      if (await removeTemporaryLink(join(this.#directory, directory))) found = true;
    }
    return found;
  }

  async #isOurs(at: string): Promise<boolean> {
    try {
      return (await readlink(join(this.#directory, at))) === this.#target(at);
    } catch (error) {
      // No link, or nothing at all.
      if (hasCode(error, "EINVAL", "ENOENT", "ENOTDIR")) return false;
      throw error;
    }
  }

  /** Relative where it can be, so that the directory may be moved, or seen at another place in a container. */
  #target(at: string): string {
    const inside = relative(this.#directory, this.#currentLink);
    if (inside.startsWith("..") || isAbsolute(inside)) return join(this.#currentLink, at);
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
