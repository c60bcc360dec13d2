import type { SimulationProgress, SimulationResult } from "./result.js";

// Stands in for src/simulate/virtual until that is merged; to be deleted then.

export const scenarios: readonly { name: string; description: string }[] = [
  { name: "server-restart", description: "the server restarts" },
];

export async function runVirtual(
  options: {
    agents: number;
    scenario: string;
    seed?: number | undefined;
    policy?: "ours" | "go" | "mixed" | undefined;
    parameters?: { downSeconds?: number; idealSeconds?: number } | undefined;
    signal?: AbortSignal | undefined;
  },
  _onProgress?: SimulationProgress,
): Promise<SimulationResult> {
  return { scenario: options.scenario, agents: options.agents, seed: options.seed ?? 1, seconds: [], figures: [] };
}
