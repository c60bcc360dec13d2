import type { SimulationResult } from "../../src/simulate/result.js";
import { runVirtual, type VirtualOptions } from "../../src/simulate/virtual/run-virtual.js";
import { scenarios } from "../../src/simulate/virtual/scenarios.js";
import { type Count, progress } from "./section.js";
import { type StormGoals, storms } from "./storms.js";

const AGENTS = 50_000;
const QUICK_AGENTS = 10_000;
/** One agent alone is back within a second, of 95 in 100. */
const ALONE_SECONDS = 1;

interface Storm {
  allBack: number;
  ideal: number;
  attempts: number;
}

/** Runs fleets through the scenarios: ours today, ours before, Go's, and ours with a spread. The same on every machine. */
export async function countStorms(isQuick: boolean): Promise<Count[]> {
  const agents = isQuick ? QUICK_AGENTS : AGENTS;
  const counts = [await countAlone(agents)];
  for (const goals of storms) counts.push(...(await countStorm(goals, agents)));
  return counts;
}

async function countAlone(agents: number): Promise<Count> {
  const { figures } = await runVirtual({ agents, scenario: "one-agent" });
  const value = figures.find(({ name }) => name === "back p95")?.value ?? Number.NaN;
  return { measure: "one agent alone: back, p95", value, unit: "s", limit: ALONE_SECONDS, note: "", details: [] };
}

async function countStorm(goals: StormGoals, agents: number): Promise<Count[]> {
  const { scenario, spreadMs, why = "" } = goals;
  progress(scenario);
  const run = async (changes: Partial<VirtualOptions>): Promise<Storm> =>
    stormOf(await runVirtual({ agents, scenario, ...changes }));
  const ours = await run({});
  const spread = await run({ link: { backoff: { minMs: 1_000, maxMs: 60_000, spreadMs } } });
  const earlier = await run({ policy: "earlier" });
  const go = await run({ policy: "go" });
  const askedSeconds = scenarios.find(({ name }) => name === scenario)?.askedSeconds ?? 0;
  const beside = (text: (storm: Storm) => string): string =>
    [`earlier ${text(earlier)}`, `Go ${text(go)}`, `with spreadMs ${text(spread)}`, why].filter(Boolean).join("; ");
  return [
    {
      measure: `${scenario}: all back`,
      value: rounded(ours.allBack),
      unit: "s",
      limit: rounded(goals.allBack * ours.ideal + askedSeconds),
      note: `ideal ${rounded(ours.ideal)}; ${beside(({ allBack }) => `${rounded(allBack)}`)}`,
      details: [],
    },
    {
      measure: `${scenario}: attempts`,
      value: rounded(ours.attempts),
      unit: "an agent",
      limit: goals.attempts,
      note: beside(({ attempts }) => `${rounded(attempts)}`),
      details: [],
    },
  ];
}

function stormOf({ figures }: SimulationResult): Storm {
  const value = (wanted: string): number => figures.find(({ name }) => name === wanted)?.value ?? Number.NaN;
  return { allBack: value("all back"), ideal: value("ideal"), attempts: value("attempts per agent") };
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
