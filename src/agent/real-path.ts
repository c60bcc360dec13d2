import { realpathSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { attempt } from "../base/checks.js";

/** Where a path leads in the end; parts that are missing, or cannot be looked at, stay as they are. */
export function realPathOf(path: string): string {
  const parent = dirname(path);
  const real = attempt(() => realpathSync(path));
  return real ?? (parent === path ? path : join(realPathOf(parent), basename(path)));
}
