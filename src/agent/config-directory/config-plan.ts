import { lstat, stat } from "node:fs/promises";
import { join } from "node:path";
import type { ConfigLinks } from "./config-links.js";
import type { Version, VersionFile } from "./config-manifest.js";
import { type ConfigVersions, type Content, parentsOf } from "./config-versions.js";
import type { Access } from "./durable.js";
import { conflicting, type OfferedFile } from "./offered-files.js";

/** How to get from the version in use to one for an offer. */
export interface Plan {
  /** The version for the offer. */
  readonly candidate: Version;
  readonly contents: ReadonlyMap<string, Content>;
  readonly directories: Access;
  /** What is to be in use just before the switch, and to be gone back to: what can be read is the same as now. */
  readonly from: Version;
  /** Versions to write to that end, besides the candidate, in this order. Empty: `from` is in use. */
  readonly first: readonly { version: Version; contents: ReadonlyMap<string, Content> }[];
  /** Regular files that lie where links belong. `from` has them, and links take their place. */
  readonly found: readonly string[];
  /** Of these, the ones that took the place of an offered file: they stay with the version in use, and go with it. */
  readonly strays: readonly string[];
}

/** What a plan is made of. */
export interface PlanInput {
  readonly versions: ConfigVersions;
  readonly links: ConfigLinks;
  readonly directory: string;
  readonly current: Version;
  readonly offered: readonly OfferedFile[];
  readonly hash: string;
  readonly fileMode: number;
}

/** @throws OpAMPError `ERR_OPAMP_HANDLER` if something is in the way of an offered file */
export async function planSwitch(input: PlanInput): Promise<Plan> {
  const { versions, links, directory, current, offered, hash } = input;
  await links.refuseObstacles(offered.map(({ path }) => path));
  const offeredFiles = offered.map(({ path, name, contentType }) => ({ path, name, contentType, local: false }));
  const points = await links.points([...current.files, ...offeredFiles]);
  const found = [...points.values()].filter(({ kind }) => kind === "file").map(({ at }) => at);
  const own = found.filter((path) => isOwn(path, current));
  const oldBase = current.base === current.id ? current : await versions.read(current.base);
  const [baseId = "", fromId = "", candidateId = ""] = await versions.newIds(
    "local",
    current.hash === undefined ? "local" : current.hash.slice(0, 12) || "config",
    offered.length === 0 ? "local" : hash.slice(0, 12) || "config",
  );

  const first: Plan["first"][number][] = [];
  const copied = (version: Version, of: Version, moved: readonly string[]): Version => {
    const place = (path: string) => (moved.includes(path) ? directory : versions.filesOf(of.id));
    first.push({
      version,
      contents: new Map(version.files.map(({ path }) => [path, { from: join(place(path), path) }])),
    });
    return version;
  };

  let base: Version = oldBase ?? { ...current, id: current.base, files: [] };
  let from = current;
  if (own.length > 0) {
    const files = overlaid(base.files, own.map(localFile));
    base = copied({ ...base, id: baseId, base: baseId, files }, base, own);
  }
  if (current.id === current.base) {
    from = base;
  } else if (found.length > 0) {
    const asFound = found.map((path) => current.files.find((file) => file.path === path) ?? localFile(path));
    const files = overlaid(current.files, asFound);
    from = copied({ ...current, id: fromId, base: base.id, files }, current, found);
  }

  const directories = await accessIn(directory, input.fileMode);
  const contents = new Map<string, Content>();
  const ownFile = (path: string): string =>
    own.includes(path) ? join(directory, path) : join(versions.filesOf(current.base), path);
  for (const { path } of base.files) contents.set(path, { from: ownFile(path) });
  for (const { path, body } of offered) {
    const replaced = base.files.some((file) => file.path === path) ? await accessOf(ownFile(path)) : undefined;
    contents.set(path, { body, access: replaced ?? { ...directories, mode: input.fileMode } });
  }
  const candidate: Version = {
    id: candidateId,
    hash,
    base: offered.length === 0 ? candidateId : from.base,
    previous: from.id,
    files: overlaid(base.files, offeredFiles),
  };
  return { candidate, contents, directories, from, first, found, strays: found.filter((path) => !own.includes(path)) };
}

/** Whether a file that lies where a link belongs is the user's, and not what a program made of an offered one. */
function isOwn(path: string, current: Version): boolean {
  return current.files.every((file) => file.local || !conflicting(file.path, path));
}

/** One config laid over another: of the lower one, what can exist beside the upper one. */
function overlaid(lower: readonly VersionFile[], upper: readonly VersionFile[]): VersionFile[] {
  const files = new Set(upper.map(({ path }) => path));
  const directories = new Set(upper.flatMap(({ path }) => parentsOf(path)));
  const visible = lower.filter(
    ({ path }) => !files.has(path) && !directories.has(path) && !parentsOf(path).some((parent) => files.has(parent)),
  );
  return [...upper, ...visible];
}

/** A file of the user's, as a version has it. */
export function localFile(path: string): VersionFile {
  return { path, name: path, contentType: contentTypeOf(path), local: true };
}

/** Of a file of the user's. */
export function contentTypeOf(path: string): string {
  return /\.ya?ml$/i.test(path) ? "text/yaml" : /\.json$/i.test(path) ? "application/json" : "";
}

/** Of the directories of a version: who may read a file may list them, and everyone may go through. */
async function accessIn(directory: string, fileMode: number): Promise<Access> {
  const { gid } = await stat(directory);
  return { mode: fileMode | ((fileMode & 0o444) >> 2) | 0o111, uid: -1, gid };
}

async function accessOf(path: string): Promise<Access> {
  const { mode, uid, gid } = await lstat(path);
  return { mode: mode & 0o777, uid, gid };
}
