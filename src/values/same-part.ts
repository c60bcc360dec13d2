import { isDeepStrictEqual } from "node:util";
import { sameBytes } from "../core/identity.js";
import type { PartName, PartValues } from "../core/parts.js";
import { sameEffectiveConfig } from "./config-files.js";
import { sameHealth } from "./health.js";

type Same<P extends PartName> = (a: PartValues[P], b: PartValues[P]) => boolean;

/**
 * Health has times that do not count; the effective config is large, and compared after every apply; the hash of
 * components says all about them (COMP-04).
 */
const comparisons: { readonly [P in PartName]?: Same<P> } = {
  health: sameHealth,
  effectiveConfig: sameEffectiveConfig,
  availableComponents: (a, b) => sameBytes(a.hash, b.hash),
};

/** Whether two values of a part say the same; health that differs only in its times does (STATUS-05). */
export function samePart<P extends PartName>(part: P, a: PartValues[P], b: PartValues[P]): boolean {
  const same: Same<P> = comparisons[part] ?? isDeepStrictEqual;
  return same(a, b);
}
