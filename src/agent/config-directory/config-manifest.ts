import { readdir, readFile } from "node:fs/promises";
import { basename, join, relative, sep } from "node:path";
import { isOptions } from "../../base/option-path.js";
import { isRealDirectory, isRealFile, isUnfinishedName, isVersionName } from "./owned-directory.js";

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

export const FILES = "files";
export const MANIFEST = "manifest.json";
/** All that we write into the directory of a version. */
const PARTS: readonly string[] = [FILES, MANIFEST];
const FORMAT = 1;

export function manifestOf(version: Version): string {
  return JSON.stringify({ format: FORMAT, ...version });
}

/**
 * Looks at what may be a version.
 *
 * @returns `damaged`: the manifest is no JSON; `unknown`: it has another form, or a part is missing; undefined for what
 * does not have the name of a version, or is no directory
 */
export async function inspectVersion(path: string): Promise<Version | "damaged" | "unknown" | undefined> {
  const name = basename(path);
  if (!isVersionName(name) || !(await isRealDirectory(path))) return undefined;
  const manifest = join(path, MANIFEST);
  if (!(await isRealFile(manifest)) || !(await isRealDirectory(join(path, FILES)))) return "unknown";
  try {
    const version = readManifest(JSON.parse(await readFile(manifest, "utf8")));
    return version?.id === name ? version : "unknown";
  } catch (error) {
    if (error instanceof SyntaxError) return "damaged";
    throw error;
  }
}

/** Whether a directory is a version of ours that was half written, or half removed. */
export async function isUnfinished(path: string): Promise<boolean> {
  if (!isUnfinishedName(basename(path)) || !(await isRealDirectory(path))) return false;
  return (await readdir(path)).every((name) => PARTS.includes(name));
}

/** Files, directories and links in a version, whatever its manifest says. */
export async function entriesIn(version: string): Promise<{ path: string; isFile: boolean }[]> {
  const root = join(version, FILES);
  if (!(await isRealDirectory(root))) return [];
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries.map((entry) => ({
    path: relative(root, join(entry.parentPath, entry.name)).split(sep).join("/"),
    isFile: entry.isFile(),
  }));
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
