import type { SectionReader } from "./section-reader.js";

/** A value whose key is in the section, if without a value; `undefined` for the default that stands for a missing key. */
export function namedValue<T>(section: SectionReader, key: string, value: T): T | undefined {
  return section.keys.includes(key) ? value : undefined;
}
