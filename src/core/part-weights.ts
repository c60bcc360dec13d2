import { Part, type PartSet } from "./parts.js";

/** What is in a message at no cost to its size, and therefore never has to travel alone. */
export const WEIGHTLESS = Part.capabilities | Part.uidRequest;
export const COMPONENTS = Part.availableComponents | Part.componentMap;
/** What may be large: of parts that travel alone these go last, so that they hold up nothing else. */
const BULKY = Part.effectiveConfig | COMPONENTS;

/** Which of the parts that travel alone goes first. */
export function firstAlone(alone: PartSet): PartSet {
  const small = alone & ~BULKY;
  return small === 0 ? alone & -alone : small & -small;
}

/** Whether a message with these parts cannot be split. @param accompanied whether there was something else in it */
export function isSingle(parts: PartSet, accompanied: boolean): boolean {
  const weighty = parts & ~WEIGHTLESS;
  const units = (weighty & Part.componentMap) === 0 ? weighty : weighty & ~Part.availableComponents;
  return units === 0 || ((units & (units - 1)) === 0 && !accompanied);
}
