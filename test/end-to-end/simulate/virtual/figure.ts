import type { SimulationResult } from "../../../../src/simulate/result.js";

/** The value of a figure. */
export function figure({ figures }: SimulationResult, wanted: string): number {
  const found = figures.find(({ name }) => name === wanted);
  if (found === undefined) throw new Error(`there is no figure ${wanted}`);
  return found.value;
}
