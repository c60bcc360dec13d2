import { nearest } from "../../base/nearest.js";
import type { KeyPath } from "./key-path.js";
import type { Mistake } from "./mistakes.js";
import type { Reading } from "./reading.js";

/** What to write in place of keys that belong somewhere else, or to another program. */
export type Elsewhere = Readonly<Record<string, string>>;

/** The mistake about a key that its block does not know, with the advice for it, the nearest known key, or all of them. */
export function unknownKey(
  reading: Reading,
  block: KeyPath,
  key: string,
  known: readonly string[],
  elsewhere: Elsewhere,
): Mistake {
  // It may be written as an option of a program is.
  const names = [key, key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)];
  const advice = names.flatMap((name) => (Object.hasOwn(elsewhere, name) ? elsewhere[name] : undefined) ?? [])[0];
  const meant = advice === undefined ? nearest(key, known) : undefined;
  const hint = advice ?? (meant === undefined ? `valid keys: ${known.join(", ")}` : `write ${meant}`);
  // A key in the wrong place may stand for any: what is missing shows when it is in the right one.
  const isMisplaced = advice?.startsWith("write ") === true;
  const keys = isMisplaced ? known : meant !== undefined ? [meant] : [];
  const mistake = reading.mistake("unknown", [...block, key], `unknown key ${JSON.stringify(key)}`, hint);
  return { ...mistake, meant, missing: { in: block, keys } };
}
