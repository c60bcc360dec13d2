import { randomUUID } from "node:crypto";
import { lstat, mkdir, readdir, readFile, readlink, rename, rm, symlink } from "node:fs/promises";
import { basename, dirname, join, posix } from "node:path";
import { isOptions } from "../client/option-path.js";
import { messageOf, OpAMPError } from "../errors.js";
import { syncDirectory } from "../store/atomic-write.js";
import { type Access, hasCode, linkFile, makeDirectory, writeNewFile } from "./durable.js";

/** A file of a version. */
export interface VersionFile {
  /** Below the directory, with `/` between its segments. */
  readonly path: string;
  /** As offered. */
  readonly name: string;
  readonly contentType: string;
  /** Whether it is the user's own, and was not offered. */
  readonly local: boolean;
}

/** One whole configuration. */
export interface Version {
  readonly id: string;
  /** Of the offer, in hexadecimal digits; `undefined` where none was. */
  readonly hash: string | undefined;
  /** The version that has the user's own files, all of them; itself where it is that one. */
  readonly base: string;
  /** What was in use before. */
  readonly previous: string | undefined;
  readonly files: readonly VersionFile[];
}

/** What a file of a new version is made of: bytes, or another file, of which it becomes a second name. */
export type Content = { body: Uint8Array; access: Access } | { from: string };

const UNFINISHED = ".tmp";
const MANIFEST = "manifest.json";
const FORMAT = 1;
/** Leads through, and shows nothing. */
const PASSAGE: Access = { mode: 0o711, uid: -1, gid: -1 };

/**
 * Whole configurations side by side in a directory of their own, and which of them is in use.
 *
 * A version is written under another name and then renamed, so what has its name is whole.
 */
export class ConfigVersions {
  /** Leads to the files of the version in use. */
  readonly currentLink: string;
  readonly #state: string;
  readonly #versions: string;

  constructor(state: string) {
    this.#state = state;
    this.#versions = join(state, "versions");
    this.currentLink = join(state, "current");
  }

  /** Makes the place for them. */
  async prepare(): Promise<void> {
    await mkdir(dirname(this.#state), { recursive: true });
    for (const path of [this.#state, this.#versions]) {
      try {
        await makeDirectory(path, PASSAGE);
        await syncDirectory(dirname(path));
      } catch (error) {
        if (!hasCode(error, "EEXIST")) throw error;
      }
    }
  }

  /** Where the files of a version are. */
  filesOf(id: string): string {
    return join(this.#versions, id, "files");
  }

  /** Ids for new versions, later ones with higher numbers. */
  async newIds(...kinds: readonly string[]): Promise<string[]> {
    const highest = Math.max(0, ...(await this.#names()).map(numberOf));
    return kinds.map((kind, index) => `${highest + 1 + index}-${kind}`);
  }

  /** Writes a version down to the disk. */
  async write(version: Version, contents: ReadonlyMap<string, Content>, directories: Access): Promise<void> {
    const whole = join(this.#versions, version.id);
    const unfinished = `${whole}${UNFINISHED}`;
    await makeDirectory(unfinished, PASSAGE);
    const root = join(unfinished, "files");
    await makeDirectory(root, directories);
    const made = new Set(["."]);
    for (const { path } of version.files) {
      for (const parent of parentsOf(path)) {
        if (made.has(parent)) continue;
        await makeDirectory(join(root, parent), directories);
        made.add(parent);
      }
      const content = contents.get(path);
      if (content === undefined) throw new Error(`no content for ${path}`);
      if ("from" in content) await linkFile(content.from, join(root, path));
      else await writeNewFile(join(root, path), content.body, content.access);
    }
    const manifest = Buffer.from(JSON.stringify({ format: FORMAT, ...version }));
    await writeNewFile(join(unfinished, MANIFEST), manifest, { ...PASSAGE, mode: 0o600 });
    for (const directory of [...made].reverse()) await syncDirectory(join(root, directory));
    await syncDirectory(unfinished);
    await rename(unfinished, whole);
    await syncDirectory(this.#versions);
  }

  /** A version that is there; undefined where it is not, or not whole. */
  async read(id: string): Promise<Version | undefined> {
    try {
      const manifest = readManifest(JSON.parse(await readFile(join(this.#versions, id, MANIFEST), "utf8")));
      return manifest?.id === id ? manifest : undefined;
    } catch (error) {
      if (error instanceof SyntaxError || hasCode(error, "ENOENT", "ENOTDIR")) return undefined;
      throw error;
    }
  }

  /** The version in use, if it is whole. */
  async current(): Promise<Version | undefined> {
    const id = await this.currentId();
    return id === undefined ? undefined : await this.read(id);
  }

  async currentId(): Promise<string | undefined> {
    try {
      return basename(dirname(await readlink(this.currentLink)));
    } catch (error) {
      if (hasCode(error, "ENOENT", "EINVAL")) return undefined;
      throw error;
    }
  }

  /** Puts a version to use: whoever opens a file before finds the old one, and after the new one. */
  async use(id: string): Promise<void> {
    const temporary = `${this.currentLink}${UNFINISHED}`;
    await rm(temporary, { force: true });
    await symlink(posix.join("versions", id, "files"), temporary);
    await rename(temporary, this.currentLink);
    await syncDirectory(this.#state);
  }

  /** All whole versions, oldest first. */
  async all(): Promise<Version[]> {
    const names = (await this.#names()).sort((a, b) => numberOf(a) - numberOf(b));
    const versions = await Promise.all(names.map((name) => this.read(name)));
    return versions.filter((version) => version !== undefined);
  }

  /** Removes what is neither in use, nor was before, nor has the user's files for these. @returns how many were removed */
  async prune(): Promise<number> {
    const current = await this.current();
    if (current === undefined) return 0;
    const previous = current.previous === undefined ? undefined : await this.read(current.previous);
    const kept = new Set([current.id, current.base, previous?.id, previous?.base]);
    const gone = (await this.#names()).filter((name) => !kept.has(name));
    for (const name of gone) await this.remove(name);
    if (gone.length > 0) await syncDirectory(this.#versions);
    return gone.length;
  }

  async remove(id: string): Promise<void> {
    const path = join(this.#versions, id);
    // What is half removed must not look whole.
    const doomed = id.endsWith(UNFINISHED) ? path : `${path}-${randomUUID()}${UNFINISHED}`;
    if (doomed !== path) await rename(path, doomed);
    await rm(doomed, { recursive: true, force: true });
  }

  /** Removes what a crash left half done. @returns whether there was something */
  async removeUnfinished(): Promise<boolean> {
    const temporary = `${this.currentLink}${UNFINISHED}`;
    const unfinished = (await this.#names()).filter((name) => name.endsWith(UNFINISHED));
    for (const name of unfinished) await rm(join(this.#versions, name), { recursive: true, force: true });
    const hadLink = await lstat(temporary).then(
      () => true,
      () => false,
    );
    if (hadLink) await rm(temporary, { force: true });
    return unfinished.length > 0 || hadLink;
  }

  async #names(): Promise<string[]> {
    try {
      return await readdir(this.#versions);
    } catch (cause) {
      throw new OpAMPError("ERR_OPAMP_STORE", `the configurations cannot be listed: ${messageOf(cause)}`, { cause });
    }
  }
}

/** The directories on the way to a path, outermost first. */
export function parentsOf(path: string): string[] {
  const segments = path.split("/").slice(0, -1);
  return segments.map((_, index) => segments.slice(0, index + 1).join("/"));
}

function numberOf(name: string): number {
  const number = Number.parseInt(name, 10);
  return Number.isSafeInteger(number) ? number : 0;
}

function readManifest(read: unknown): Version | undefined {
  if (!isOptions(read) || read["format"] !== FORMAT) return undefined;
  const { id, hash, base, previous, files } = read;
  if (typeof id !== "string" || typeof base !== "string" || !Array.isArray(files)) return undefined;
  return {
    id,
    base,
    hash: typeof hash === "string" ? hash : undefined,
    previous: typeof previous === "string" ? previous : undefined,
    files: files.filter(isVersionFile),
  };
}

function isVersionFile(file: unknown): file is VersionFile {
  return (
    isOptions(file) &&
    typeof file["path"] === "string" &&
    typeof file["name"] === "string" &&
    typeof file["contentType"] === "string" &&
    typeof file["local"] === "boolean"
  );
}
