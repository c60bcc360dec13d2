import { randomUUID } from "node:crypto";
import { readdir, rename, rm, symlink } from "node:fs/promises";
import { join, posix } from "node:path";
import { messageOf, OpAMPError } from "../../errors.js";
import { syncDirectory } from "../../store/atomic-write.js";
import {
  entriesIn,
  FILES,
  inspectVersion,
  isUnfinished,
  MANIFEST,
  manifestOf,
  type Version,
} from "./config-manifest.js";
import { type Access, linkFile, linkTree, look, makeDirectory, writeNewFile } from "./durable.js";
import { isRealDirectory, isVersionName, makeOwned, PASSAGE, targetOf } from "./owned-directory.js";

/** What a file of a new version is made of: bytes, or another file, of which it becomes a second name. */
export type Content = { body: Uint8Array; access: Access } | { from: string };

/** What lies where versions are kept, by name: `damaged` has a manifest that is no JSON; `unknown` only has the name of one. */
export interface Survey {
  readonly whole: readonly Version[];
  readonly damaged: readonly string[];
  readonly unknown: readonly string[];
}

const UNFINISHED = ".tmp";
const UNREADABLE = ".unreadable";
/**
 * Whole configurations side by side in a directory of their own, and which of them is in use.
 *
 * A version is written under another name and then renamed, so what has its name is whole. Links are not followed, and
 * only directories that have the name and the manifest of a version, or the name of an unfinished one, are removed.
 */
export class ConfigVersions {
  /** Leads to the files of the version in use. */
  readonly currentLink: string;
  readonly #root: string;
  readonly #versions: string;

  constructor(root: string) {
    this.#root = root;
    this.#versions = join(root, "versions");
    this.currentLink = join(root, "current");
  }

  /** Makes the place for them. @throws OpAMPError `ERR_OPAMP_STORE` if something else is there */
  async prepare(): Promise<void> {
    await makeOwned(this.#versions);
  }

  /** Where the files of a version are. */
  filesOf(id: string): string {
    return join(this.#versions, id, FILES);
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
    const root = join(unfinished, FILES);
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
    const manifest = Buffer.from(manifestOf(version));
    await writeNewFile(join(unfinished, MANIFEST), manifest, { ...PASSAGE, mode: 0o600 });
    for (const directory of [...made].reverse()) await syncDirectory(join(root, directory));
    await syncDirectory(unfinished);
    await rename(unfinished, whole);
    await syncDirectory(this.#versions);
  }

  /** A version that is there; undefined where it is not, or not whole. */
  async read(id: string): Promise<Version | undefined> {
    const found = await this.#inspect(id);
    return typeof found === "object" ? found : undefined;
  }

  /** Whether something has the name of a version, whole or not. */
  async has(id: string): Promise<boolean> {
    return await isRealDirectory(join(this.#versions, id));
  }

  /** Paths of the files in a version, and of the directories around these, whatever its manifest says. */
  async pathsIn(id: string): Promise<string[]> {
    return (await entriesIn(join(this.#versions, id))).map(({ path }) => path);
  }

  /** What is there besides whole versions has the files that are found in it. */
  async unreadable(): Promise<{ id: string; paths: string[] }[]> {
    const { damaged, unknown } = await this.survey();
    const found: { id: string; paths: string[] }[] = [];
    for (const id of [...damaged, ...unknown].sort((a, b) => numberOf(a) - numberOf(b))) {
      const files = (await entriesIn(join(this.#versions, id))).filter(({ isFile }) => isFile);
      found.push({ id, paths: files.map(({ path }) => path) });
    }
    return found;
  }

  /** Puts a version that cannot be read aside, for good. @returns where it is now */
  async setAside(id: string): Promise<string> {
    const aside = join(this.#versions, `${id}${UNREADABLE}`);
    await rename(join(this.#versions, id), aside);
    await syncDirectory(this.#versions);
    return aside;
  }

  /** Copies a version from another place, unless it is there. */
  async copyFrom(other: ConfigVersions, id: string): Promise<void> {
    const whole = join(this.#versions, id);
    if ((await look(whole)) !== undefined) return;
    await linkTree(join(other.#versions, id), `${whole}${UNFINISHED}`);
    await rename(`${whole}${UNFINISHED}`, whole);
    await syncDirectory(this.#versions);
  }

  /** The version in use, if it is whole. */
  async current(): Promise<Version | undefined> {
    const id = await this.currentId();
    return id === undefined ? undefined : await this.read(id);
  }

  async currentId(): Promise<string | undefined> {
    return idIn(await targetOf(this.currentLink));
  }

  /** Puts a version to use: whoever opens a file before finds the old one, and after the new one. */
  async use(id: string): Promise<void> {
    const found = await look(this.currentLink);
    if (found !== undefined && !found.isSymbolicLink()) {
      throw new OpAMPError("ERR_OPAMP_STORE", `${this.currentLink} is not a link`, { hint: "move it away" });
    }
    const temporary = `${this.currentLink}${UNFINISHED}`;
    await this.#removeTemporaryLink();
    await symlink(posix.join("versions", id, FILES), temporary);
    await rename(temporary, this.currentLink);
    await syncDirectory(this.#root);
  }

  /** All whole versions, oldest first. */
  async all(): Promise<readonly Version[]> {
    return (await this.survey()).whole;
  }

  /** What has the name of a version, oldest first. */
  async survey(): Promise<Survey> {
    const whole: Version[] = [];
    const damaged: string[] = [];
    const unknown: string[] = [];
    const names = (await isRealDirectory(this.#versions)) ? await this.#names() : [];
    for (const name of names.sort((a, b) => numberOf(a) - numberOf(b))) {
      const found = await this.#inspect(name);
      if (found === "damaged") damaged.push(name);
      else if (found === "unknown") unknown.push(name);
      else if (found !== undefined) whole.push(found);
    }
    return { whole, damaged, unknown };
  }

  /** Removes what is neither in use, nor was before, nor has the user's files for these. @returns how many were removed */
  async prune(): Promise<number> {
    const current = await this.current();
    if (current === undefined) return 0;
    const previous = current.previous === undefined ? undefined : await this.read(current.previous);
    const kept = new Set([current.id, current.base, previous?.id, previous?.base]);
    const gone = (await this.all()).filter(({ id }) => !kept.has(id));
    for (const { id } of gone) await this.remove(id);
    if (gone.length > 0) await syncDirectory(this.#versions);
    return gone.length;
  }

  async remove(id: string): Promise<void> {
    const path = join(this.#versions, id);
    // What is half removed must not look whole.
    const doomed = `${path}-${randomUUID()}${UNFINISHED}`;
    await rename(path, doomed);
    await rm(doomed, { recursive: true, force: true });
  }

  /** Removes what a crash left half done. @returns whether there was something */
  async removeUnfinished(): Promise<boolean> {
    let found = await this.#removeTemporaryLink();
    const names = (await isRealDirectory(this.#versions)) ? await this.#names() : [];
    for (const name of names) {
      const path = join(this.#versions, name);
      if (!(await isUnfinished(path))) continue;
      await rm(path, { recursive: true, force: true });
      found = true;
    }
    return found;
  }

  async #removeTemporaryLink(): Promise<boolean> {
    const temporary = `${this.currentLink}${UNFINISHED}`;
    const isOurs = idIn(await targetOf(temporary)) !== undefined;
    if (isOurs) await rm(temporary, { force: true });
    return isOurs;
  }

  async #inspect(name: string): Promise<Version | "damaged" | "unknown" | undefined> {
    return (await isRealDirectory(this.#versions)) ? await inspectVersion(join(this.#versions, name)) : undefined;
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

/** The version that a link to the one in use names. */
function idIn(target: string | undefined): string | undefined {
  const [versions, id = "", files, ...others] = target?.split("/") ?? [];
  const isOurs = versions === "versions" && files === FILES && others.length === 0 && isVersionName(id);
  return isOurs ? id : undefined;
}

function numberOf(name: string): number {
  const number = Number.parseInt(name, 10);
  return Number.isSafeInteger(number) ? number : 0;
}
