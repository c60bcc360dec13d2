import { join, resolve } from "node:path";
import type { SectionReader } from "../../extension/reader/section-reader.js";
import type { OfferLimits } from "../limits/offer-limits.js";
import { matches, patternOf } from "../limits/patterns.js";
import { realPathOf } from "../real-path.js";

const HINT = "give a list, where [] allows nothing, or remove the key";

/**
 * The section `remote_config.allow`.
 *
 * @param directory where offers are written
 * @returns `undefined` where there is none: then any offer is allowed
 */
export function readAllow(section: SectionReader, directory: string): OfferLimits | undefined {
  const allow = section.sectionOrEmpty("allow");
  if (!section.keys.includes("allow")) return undefined;
  if (allow.keys.length === 0) {
    const hint = "give names, max_bytes, keys, paths or commands, or remove the key";
    throw section.wrong("allow", "has no limits in it", hint);
  }
  const limits: OfferLimits = {
    names: readList(allow, "names")?.map((name) => patternOf(name, "/")),
    maxBytes: readBytes(allow),
    keys: readList(allow, "keys")?.map((key) => patternOf(key, ".")),
    paths: readPaths(allow),
    commands: readCommands(allow, directory),
  };
  allow.done();
  return limits;
}

function readList(allow: SectionReader, key: string): readonly string[] | undefined {
  const isGiven = allow.has(key);
  if (!allow.keys.includes(key)) return undefined;
  if (!isGiven) return allow.refuse(key, "is empty", HINT);
  const list = allow.textList(key);
  for (const [index, item] of list.entries()) {
    const isRule = item.trim() !== "" && !item.includes("\0");
    if (!isRule) allow.refuse([key, index], "must be a rule", "write a rule, or remove the item");
  }
  return list;
}

function readBytes(allow: SectionReader): number | undefined {
  const maxBytes = allow.integer("max_bytes", Number.MAX_SAFE_INTEGER);
  if (!allow.keys.includes("max_bytes")) return undefined;
  if (maxBytes > 0) return maxBytes;
  return allow.refuse("max_bytes", "must be above 0", "give a number of bytes, or remove the key");
}

function readPaths(allow: SectionReader): readonly string[] | undefined {
  return readList(allow, "paths")?.map((path, index) => {
    if (!path.startsWith("/") || path.includes("*")) {
      allow.refuse(["paths", index], "must be an absolute path", "write it such as /var/log, without *");
    }
    return resolve(path);
  });
}

function readCommands(allow: SectionReader, directory: string): OfferLimits["commands"] {
  return readList(allow, "commands")?.map((rule, index) => {
    if (rule.includes("/") && !rule.startsWith("/")) {
      const hint = "write it such as /usr/bin/my-program or /opt/scripts/*";
      allow.refuse(["commands", index], "must be an absolute path, or a name without a slash", hint);
    }
    if (couldBeIn(directory, rule)) {
      const hint = "keep programs that offers may run where no offer is written";
      allow.refuse(["commands", index], "allows programs in remote_config.directory", hint);
    }
    return patternOf(rule, "/");
  });
}

/** Whether a rule allows a program in a directory where offers are written, also where links lead to it. */
function couldBeIn(directory: string, rule: string): boolean {
  if (!rule.startsWith("/")) return false;
  const fixed = rule.replace(/[^/]*\*.*$/s, "");
  const patterns = [rule, join(realPathOf(fixed), rule.slice(fixed.length))].map((path) => patternOf(path, "/"));
  const places = [directory, realPathOf(directory)].map((path) => path.split("/"));
  return patterns.some((pattern) =>
    places.some((place) => pattern.some((_, index) => matches(pattern.slice(0, index + 1), place))),
  );
}
