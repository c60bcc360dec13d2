import { oneLine } from "../../diagnostics/one-line.js";
import { OpAMPError } from "../../errors.js";
import type { RemoteConfig } from "../../values/config-files.js";

/** A file of an offer, and where it goes. */
export interface OfferedFile {
  /** As offered; "" for a single file without a name. */
  readonly name: string;
  /** Below the directory, with `/` between its segments. */
  readonly path: string;
  readonly contentType: string;
  readonly body: Uint8Array;
}

const MOST_FILES = 4_000;
const MOST_SEGMENTS = 8;
const LONGEST_SEGMENT_BYTES = 200;
const LONGEST_SHOWN = 120;
/** Control and invisible characters, halves of pairs, ends of lines and paragraphs. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\u2028\u2029]/u;
const WINDOWS_DEVICE = /^(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])(?:\.|$)/i;

/**
 * The files of an offer under names that are safe on every system.
 *
 * @throws OpAMPError `ERR_OPAMP_HANDLER` naming the file and what is wrong with its name
 */
export function offeredFiles(config: Pick<RemoteConfig, "files">): OfferedFile[] {
  const files = Object.entries(config.files).map(([name, { body, contentType }]) => {
    const problem = name === "" ? undefined : problemOfName(name);
    if (problem !== undefined) throw refused(name, problem);
    return { name, path: name === "" ? nameFor(contentType) : name, contentType, body };
  });
  if (files.length > MOST_FILES) {
    throw new OpAMPError("ERR_OPAMP_HANDLER", `the configuration has ${files.length} files: ${MOST_FILES} at most`, {
      hint: "put the content into fewer files on the server",
    });
  }
  refuseConflicts(files);
  return files;
}

/** The directories on the way to a path, outermost first. */
export function parentsOf(path: string): string[] {
  const segments = path.split("/").slice(0, -1);
  return segments.map((_, index) => segments.slice(0, index + 1).join("/"));
}

/** Tells which paths cannot exist beside some files: the same ones, and where one is a directory of the other. */
export function conflictsWith(files: readonly { readonly path: string }[]): (path: string) => boolean {
  const paths = new Set(files.map(({ path }) => path));
  const directories = new Set(files.flatMap(({ path }) => parentsOf(path)));
  return (path) => paths.has(path) || directories.has(path) || parentsOf(path).some((parent) => paths.has(parent));
}

function nameFor(contentType: string): string {
  if (/yaml/i.test(contentType)) return "config.yaml";
  return /json/i.test(contentType) ? "config.json" : "config";
}

/** What is wrong with the name of a file, if anything is. */
export function problemOfName(name: string): string | undefined {
  const segments = name.split("/");
  if (name.startsWith("/")) return "is an absolute path";
  if (segments.length > MOST_SEGMENTS) return `is more than ${MOST_SEGMENTS} levels deep`;
  return segments.map(problemOfSegment).find((problem) => problem !== undefined);
}

function problemOfSegment(segment: string): string | undefined {
  if (segment === "") return "has an empty part";
  if (segment === "." || segment === "..") return `has "${segment}" as a part`;
  if (segment.startsWith(".")) return "has a part that begins with a dot";
  if (segment.endsWith(".") || segment.endsWith(" ")) return "has a part that ends with a dot or a space";
  if (segment.includes("\\")) return "has a backslash";
  if (segment.includes(":")) return "has a colon";
  if (UNPRINTABLE.test(segment)) return "has a control or an invisible character";
  if (WINDOWS_DEVICE.test(segment)) return "has a part that is the name of a device on Windows";
  if (Buffer.byteLength(segment) > LONGEST_SEGMENT_BYTES) return `has a part of over ${LONGEST_SEGMENT_BYTES} bytes`;
  return undefined;
}

/** Names that are one on a file system that does not tell upper from lower case, and files that are also directories. */
function refuseConflicts(files: readonly OfferedFile[]): void {
  const byKey = new Map<string, OfferedFile>();
  for (const file of files) {
    const key = folded(file.path);
    const other = byKey.get(key);
    if (other !== undefined) throw refused(file.name, `goes to the same file as ${quoted(other.name)}`);
    byKey.set(key, file);
  }
  for (const file of files) {
    for (const parent of parentsOf(folded(file.path))) {
      const other = byKey.get(parent);
      if (other !== undefined) throw refused(file.name, `needs a directory where ${quoted(other.name)} is a file`);
    }
  }
}

/** The same for names that are one on a file system that does not tell upper from lower case. */
export function folded(path: string): string {
  return path.normalize("NFC").toLowerCase();
}

function refused(name: string, problem: string): OpAMPError {
  return new OpAMPError("ERR_OPAMP_HANDLER", `the name ${quoted(name)} ${problem}`, {
    hint: "names are relative paths such as agent.yaml or conf.d/inputs.yaml: rename the file on the server",
  });
}

function quoted(name: string): string {
  const text = oneLine(name, (line) => line);
  return text.length > LONGEST_SHOWN ? `"${text.slice(0, LONGEST_SHOWN)}"...` : `"${text}"`;
}
