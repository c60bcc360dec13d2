import { randomUUID } from "node:crypto";
import { lstat, readdir, rename, rm, utimes } from "node:fs/promises";
import { join, posix } from "node:path";
import { setAside, syncDirectory } from "../../store/atomic-write.js";
import {
  FILES,
  FORMAT,
  inspectVersion,
  localFile,
  MANIFEST,
  type Unreadable,
  VERSION_NAME,
  type Version,
} from "./config-manifest.js";
import {
  type Access,
  entriesIn,
  isRealDirectory,
  linkFile,
  linkTree,
  look,
  makeDirectory,
  makeParents,
  PASSAGE,
  replaceText,
  replaceWithLink,
  targetOf,
  writeNewFile,
} from "./durable.js";
import { foreign, isOwnDirectory } from "./own-path.js";

/** Of what is not complete. */
const UNFINISHED = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** What a file of a new version is made of: bytes, or another file, of which it becomes a second name. */
export type Content = { readonly body: Uint8Array; readonly access: Access } | { readonly from: string };

/**
 * Whole configurations side by side, and which of them is in use. What is there is read once, by `load`.
 *
 * Everything is made in the directory `tmp`, under a name that nothing else can have, and then renamed, so what has the
 * name of a version is whole. Links are not followed, and only versions that were read are removed.
 */
export class ConfigVersions {
  readonly root: string;
  /** Leads to the files of the version in use. */
  readonly currentLink: string;
  /** For what is not complete. */
  readonly temporary: string;
  readonly directory: string;
  /** Files that somebody put in the place of links. */
  readonly changed: string;
  readonly #whole = new Map<string, Version>();
  #currentId: string | undefined;
  #highest = 0;

  constructor(root: string) {
    this.root = root;
    this.directory = join(root, "versions");
    this.temporary = join(root, "tmp");
    this.changed = join(root, "changed");
    this.currentLink = join(root, "current");
  }

  /** Reads what is there. @returns what cannot be read, oldest first */
  async load(): Promise<Unreadable[]> {
    const unreadable: Unreadable[] = [];
    this.#whole.clear();
    const names = (await isRealDirectory(this.directory)) ? await readdir(this.directory) : [];
    for (const name of names.sort((a, b) => numberOf(a) - numberOf(b))) {
      this.#highest = Math.max(this.#highest, numberOf(name));
      const found = await inspectVersion(join(this.directory, name));
      if (found === undefined) continue;
      if ("problem" in found) unreadable.push(found);
      else this.#whole.set(name, found);
    }
    this.#currentId = idIn(await targetOf(this.currentLink));
    return unreadable;
  }

  /** All whole versions, oldest first. */
  get all(): readonly Version[] {
    return [...this.#whole.values()];
  }

  get(id: string): Version | undefined {
    return this.#whole.get(id);
  }

  /** What the link to the version in use names, whether or not it is whole. */
  get currentId(): string | undefined {
    return this.#currentId;
  }

  /** The version in use, if it is whole. */
  get current(): Version | undefined {
    return this.#currentId === undefined ? undefined : this.get(this.#currentId);
  }

  /** Whether all is as we left it: somebody may have removed the directory, or put something else in its place. */
  async isInPlace(): Promise<boolean> {
    const { current } = this;
    if (current === undefined || idIn(await targetOf(this.currentLink)) !== current.id) return false;
    const own = [this.directory, this.temporary, this.filesOf(current.id)].map(isRealDirectory);
    return (await Promise.all(own)).every((isThere) => isThere);
  }

  /** An id for a new version, higher than all before. */
  newId(kind: string): string {
    this.#highest += 1;
    return `${this.#highest}-${kind}`;
  }

  directoryOf(id: string): string {
    return join(this.directory, id);
  }

  /** Where the files of a version are. */
  filesOf(id: string): string {
    return join(this.directory, id, FILES);
  }

  /** Writes a version down to the disk. */
  async write(version: Version, contents: ReadonlyMap<string, Content>, directories: Access): Promise<void> {
    const unfinished = this.unfinished();
    const root = join(unfinished, FILES);
    await makeDirectory(unfinished, PASSAGE);
    await makeDirectory(root, directories);
    const touched = new Set(["."]);
    for (const { path } of version.files) {
      const content = contents.get(path);
      if (content === undefined) throw new Error(`no content for ${path}`);
      await makeParents(root, path, directories, touched);
      if ("from" in content) await linkFile(content.from, join(root, path));
      else await writeNewFile(join(root, path), content.body, content.access);
    }
    await writeNewFile(join(unfinished, MANIFEST), Buffer.from(manifestOf(version)), { ...PASSAGE, mode: 0o600 });
    for (const directory of touched) await syncDirectory(join(root, directory));
    await syncDirectory(unfinished);
    await rename(unfinished, this.directoryOf(version.id));
    await syncDirectory(this.directory);
    this.#whole.set(version.id, version);
  }

  /** Takes files from a directory into a version, also in place of its own. The caller makes sure that no link leads to these. */
  async take(version: Version, paths: readonly string[], from: string, directories: Access): Promise<Version> {
    const root = this.filesOf(version.id);
    const temporary = this.unfinished();
    const touched = new Set<string>();
    for (const path of paths) {
      await makeParents(root, path, directories, touched);
      await linkFile(join(from, path), temporary);
      await rename(temporary, join(root, path));
      // Where it is the same file already, renaming does nothing.
      await rm(temporary, { force: true });
    }
    for (const directory of touched) await syncDirectory(join(root, directory));
    const known = new Set(version.files.map(({ path }) => path));
    const added = paths.filter((path) => !known.has(path)).map(localFile);
    return added.length === 0 ? version : await this.revise({ ...version, files: [...version.files, ...added] });
  }

  /** Writes the manifest of a version again. */
  async revise(version: Version): Promise<Version> {
    const manifest = join(this.directoryOf(version.id), MANIFEST);
    const { mtimeMs } = await lstat(manifest);
    await replaceText(manifest, manifestOf(version), this.unfinished());
    // What was changed since it was written at first can be told from the time.
    await utimes(manifest, new Date(), new Date(Math.ceil(mtimeMs)));
    this.#whole.set(version.id, version);
    return version;
  }

  /** Copies a version from another place, unless it is there. */
  async copyFrom(other: ConfigVersions, id: string): Promise<void> {
    // What is there is whole: it was renamed.
    if (await isOwnDirectory(this.directoryOf(id))) return;
    const unfinished = this.unfinished();
    await linkTree(other.directoryOf(id), unfinished);
    await rename(unfinished, this.directoryOf(id));
    await syncDirectory(this.directory);
  }

  /** Puts a version that cannot be read aside, for good. @returns where it is now */
  async setAside(id: string): Promise<string> {
    return join(this.directory, await setAside(this.directory, id, `${id}.unreadable`));
  }

  /** @throws OpAMPError with `foreignStore` if something that is not ours has the name of the link to the version in use */
  async refuseForeignLink(): Promise<void> {
    const isOurs = idIn(await targetOf(this.currentLink)) !== undefined;
    if (isOurs || (await look(this.currentLink)) === undefined) return;
    throw foreign(this.currentLink, "is not a link to a configuration of this agent");
  }

  /** Puts a version to use, in one step: a file opened before is the old one, a file opened after the new one. */
  async use(id: string): Promise<void> {
    await this.refuseForeignLink();
    await replaceWithLink(this.currentLink, posix.join("versions", id, FILES), this.unfinished());
    this.#currentId = id;
    await syncDirectory(this.root);
  }

  /**
   * Removes what is neither in use, nor was before, nor has the user's files for these.
   *
   * @param keep takes what somebody made or changed in the files of a version that is not in use
   * @returns how many were removed
   */
  async prune(keep: (files: string, paths: readonly string[]) => Promise<void>): Promise<number> {
    const { current } = this;
    if (current === undefined) return 0;
    const previous = current.previous === undefined ? undefined : this.get(current.previous);
    const kept = new Set([current.id, current.base, previous?.id, previous?.base]);
    // One that is its own base has the user's files.
    const gone = this.all.filter(({ id, base }) => !kept.has(id) && base !== id);
    for (const version of this.all) {
      if (version === current || version.base === version.id) continue;
      const paths = await this.#changedIn(version);
      if (paths.length > 0) await keep(this.filesOf(version.id), paths);
    }
    for (const { id } of gone) await this.discard(this.directoryOf(id));
    for (const { id } of gone) this.#whole.delete(id);
    if (gone.length > 0) await syncDirectory(this.directory);
    return gone.length;
  }

  /** Files in a version that are not as it was written, and have no other name by which they are kept. */
  async #changedIn({ id, files }: Version): Promise<string[]> {
    const { mtimeMs } = await lstat(join(this.directoryOf(id), MANIFEST));
    const known = new Set(files.map(({ path }) => path));
    const changed: string[] = [];
    for (const { path, isFile } of await entriesIn(this.filesOf(id))) {
      if (!isFile) continue;
      const file = await lstat(join(this.filesOf(id), path));
      if (file.nlink === 1 && (file.mtimeMs > mtimeMs || !known.has(path))) changed.push(path);
    }
    return changed;
  }

  /** Removes the directory of a version. What is half removed must not look whole. */
  async discard(path: string): Promise<void> {
    const doomed = this.unfinished();
    await rename(path, doomed);
    await rm(doomed, { recursive: true, force: true });
  }

  /** A new path for what is not complete yet, or not any more. */
  unfinished(): string {
    return join(this.temporary, randomUUID());
  }

  /** Removes what a crash left unfinished. @returns whether there was something */
  async sweep(): Promise<boolean> {
    const names = (await readdir(this.temporary)).filter((name) => UNFINISHED.test(name));
    for (const name of names) await rm(join(this.temporary, name), { recursive: true, force: true });
    return names.length > 0;
  }
}

function manifestOf(version: Version): string {
  return JSON.stringify({ format: FORMAT, ...version });
}

/** The version that a link to the one in use names. */
function idIn(target: string | undefined): string | undefined {
  const [versions, id = "", files, ...others] = target?.split("/") ?? [];
  const isOurs = versions === "versions" && files === FILES && others.length === 0 && VERSION_NAME.test(id);
  return isOurs ? id : undefined;
}

function numberOf(name: string): number {
  const number = Number.parseInt(name, 10);
  return Number.isSafeInteger(number) ? number : 0;
}
