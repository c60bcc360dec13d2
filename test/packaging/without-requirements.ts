import { groups } from "../conformance/requirements.js";

const ID = `(?:${Object.keys(groups).join("|")})-\\d+`;
const LIST = `${ID}(?:(?:, | to )${ID})*`;
const IN_BRACKETS = new RegExp(`(?:\\n\\s*\\*?)? ?\\(${LIST}\\)`, "g");
const SEE = new RegExp(`\\n\\s*\\* @see ${LIST}(?=\\n)`, "g");
const AT_THE_END = new RegExp(`, ${ID}\\)`, "g");

/** A text without the ids of requirements, such as `(CFG-01)`, which mean nothing to those who have the package alone. */
export function withoutRequirements(text: string): string {
  return text.replace(IN_BRACKETS, "").replace(SEE, "").replace(AT_THE_END, ")");
}
