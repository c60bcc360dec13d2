import { type TestFunction, test } from "vitest";
import { isRequirementId, type RequirementId, waivers } from "./requirements.js";

/**
 * A test that proves requirements. Their ids end up in its title and in `docs/conformance.md`.
 *
 * The ids are written as literals, since they are collected from the source. The same id may be proved many times, on
 * each transport for instance.
 */
export function verifies(
  ids: RequirementId | readonly RequirementId[],
  title: string,
  prove: TestFunction,
  timeoutMs?: number,
): void {
  const cited: readonly string[] = typeof ids === "string" ? [ids] : ids;
  if (cited.length === 0) throw new Error(`no requirement cited by "${title}"`);
  for (const id of cited) {
    if (!isRequirementId(id)) throw new Error(`no such requirement: ${id}, cited by "${title}"`);
    if (waivers[id] !== undefined) throw new Error(`${id} is waived, yet cited by "${title}": take the waiver away`);
  }
  test(`${title} [${cited.join(", ")}]`, prove, timeoutMs);
}
