import type { SimulationResult } from "../../../../src/simulate/result.js";

/** A run in which so many attempts were made in each second; each attempt connects an agent. */
export function resultOf(
  scenario: string,
  attempts: readonly number[],
  more: Partial<SimulationResult> = {},
): SimulationResult {
  let connected = 0;
  const seconds = attempts.map((made, second) => {
    connected += made;
    return { second, attempts: made, accepted: made, refused: 0, connected };
  });
  return { scenario, agents: connected, seed: 7, seconds, figures: [], ...more };
}
