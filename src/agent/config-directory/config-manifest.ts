import { basename, join } from "node:path";
import { isObject } from "../../base/checks.js";
import { isRealDirectory, isRealFile } from "./durable.js";
import { readOwnJson } from "./own-path.js";

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

/** One whole configuration: an offer laid over the user's own files. */
export interface Version {
  readonly id: string;
  /** Of the offer, in hexadecimal digits; `undefined` where none was. */
  readonly hash: string | undefined;
  /** Version 0, which has the user's own files; itself where it is that one. */
  readonly base: string;
  /** What was in use before. */
  readonly previous: string | undefined;
  readonly files: readonly VersionFile[];
}

/** What has the name of a version and cannot be read. */
export interface Unreadable {
  readonly id: string;
  /** `damaged`: the manifest is not JSON; `unknown`: it has another form, or a part is missing. */
  readonly problem: "damaged" | "unknown";
}

/** The parts of a version: a directory, and what describes it. */
export const FILES = "files";
export const MANIFEST = "manifest.json";
export const FORMAT = 1;
/** What we call versions. */
export const VERSION_NAME = /^\d+-(?:local|config|[0-9a-f]{0,12})$/;

/** A file of the user's, as a version has it. */
export function localFile(path: string): VersionFile {
  return { path, name: path, contentType: contentTypeOf(path), local: true };
}

/** Of a file of the user's. */
export function contentTypeOf(path: string): string {
  return /\.ya?ml$/i.test(path) ? "text/yaml" : /\.json$/i.test(path) ? "application/json" : "";
}

/** @returns undefined for what does not have the name of a version, or is not a directory */
export async function inspectVersion(path: string): Promise<Version | Unreadable | undefined> {
  const id = basename(path);
  if (!VERSION_NAME.test(id) || !(await isRealDirectory(path))) return undefined;
  const manifest = join(path, MANIFEST);
  if (!(await isRealFile(manifest)) || !(await isRealDirectory(join(path, FILES)))) return { id, problem: "unknown" };
  const read = await readOwnJson(manifest);
  if (read === null) return { id, problem: "damaged" };
  const version = readManifest(read);
  return version?.id === id ? version : { id, problem: "unknown" };
}

function readManifest(read: unknown): Version | undefined {
  if (!isObject(read) || read["format"] !== FORMAT) return undefined;
  const { id, hash, base, previous, files } = read;
  if (typeof id !== "string" || typeof base !== "string" || !VERSION_NAME.test(base)) return undefined;
  if (!Array.isArray(files) || !files.every(isVersionFile)) return undefined;
  return {
    id,
    base,
    hash: typeof hash === "string" ? hash : undefined,
    previous: typeof previous === "string" ? previous : undefined,
    files,
  };
}

function isVersionFile(file: unknown): file is VersionFile {
  if (!isObject(file)) return false;
  const { path, name, contentType, local } = file;
  if (typeof path !== "string" || path.includes("\0")) return false;
  // A manifest that somebody changed must not lead outside.
  if (path.split("/").some((segment) => segment === "" || segment === "." || segment === "..")) return false;
  return typeof name === "string" && typeof contentType === "string" && typeof local === "boolean";
}
