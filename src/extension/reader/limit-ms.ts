import type { SectionReader } from "./section-reader.js";

/** A duration above 0, in milliseconds; `undefined` where none is given, or a wrong one. */
export function limitMs(section: SectionReader, key: string): number | undefined {
  const ms = section.durationMs(key);
  if (ms === undefined || ms > 0) return ms;
  return section.refuse(key, "must be above 0", "write it such as 30s, or remove the key");
}
