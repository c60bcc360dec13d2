import type { RedactionLists } from "../../diagnostics/redactor.js";
import { DEFAULT_MAX_BYTES } from "../../extension/effective-config/reported-files.js";
import type { SectionReader } from "../../extension/reader/section-reader.js";

/** What the effective config is made of, besides what was offered. */
export interface EffectiveSettings {
  /** Paths of the program's own files, by the names to report them under. */
  files: Readonly<Record<string, string>>;
  /** The configuration as it was written, for `reports_raw_config`. */
  rawFile: string | undefined;
  /** `false`: files are reported as they are, secrets included. */
  redact: RedactionLists | false;
  /** How much is reported of all files together. */
  maxBytes: number;
}

/** As much as a message may have. */
const MOST_BYTES = 64 * 1_024 * 1_024;

/** The name that the extension gives to the configuration as it was written. */
export const RAW = "raw";

/** The section `effective_config`. */
export function readEffectiveConfig(section: SectionReader): EffectiveSettings {
  const files = readFiles(section);
  const rawFile = section.text("raw_file");
  const redact = readRedact(section);
  const maxBytes = section.integer("max_bytes", MOST_BYTES) || DEFAULT_MAX_BYTES;
  section.done();
  if (rawFile === "") section.refuse("raw_file", "is empty", "give the path of a file, or remove the key");
  if (rawFile !== undefined && Object.hasOwn(files, RAW)) {
    section.refuse("files", `has a file called ${RAW}, as raw_file is`, "give it another name");
  }
  return { files, rawFile, redact, maxBytes };
}

/** A map from names to paths, or a list of paths that are reported under the names of the files. */
function readFiles(section: SectionReader): Readonly<Record<string, string>> {
  const given = section.value("files");
  if (given === undefined || given === null) return {};
  const isMap = !Array.isArray(given) && typeof given === "object";
  const files = isMap ? section.textMap("files") : readPaths(section);
  for (const [name, path] of Object.entries(files)) {
    if (path === "") section.refuse(["files", name], "has no path", "give one, or remove the name");
  }
  return files;
}

function readPaths(section: SectionReader): Readonly<Record<string, string>> {
  const paths = section.textList("files");
  const named = paths.map((path): [string, string] => [path.replace(/^.*[/\\]/, ""), path]);
  for (const [index, [name]] of named.entries()) {
    const at = ["files", index];
    if (name === "") section.refuse(at, "must be the path of a file", "give the path of a file");
    else if (named.findIndex(([other]) => other === name) !== index) {
      section.refuse(at, "has the name of an earlier file", "give a map from names to paths instead of a list");
    }
  }
  return Object.fromEntries(named);
}

function readRedact(section: SectionReader): RedactionLists | false {
  const given = section.value("redact");
  if (given === false) return false;
  if (given === undefined || given === null || given === true) return {};
  const lists = section.sectionOrEmpty("redact");
  const redact = { allow: lists.textList("allow"), deny: lists.textList("deny") };
  lists.done();
  return redact;
}
