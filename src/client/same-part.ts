import { isDeepStrictEqual } from "node:util";
import type { PartName, PartValues } from "../core/parts.js";
import { sameHealth } from "./health.js";

/** Whether two values of a part say the same; health that differs only in its times does (STATUS-05). */
export function samePart<P extends PartName>(part: P, a: PartValues[P], b: PartValues[P]): boolean {
  return part === "health" && isHealth(a) && isHealth(b) ? sameHealth(a, b) : isDeepStrictEqual(a, b);
}

function isHealth(value: PartValues[PartName]): value is PartValues["health"] {
  return "componentHealthMap" in value;
}
