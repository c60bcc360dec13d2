import type { SimulationResult } from "../../src/simulate/result.js";
import { runVirtual, type VirtualOptions } from "../../src/simulate/virtual/run-virtual.js";
import { scenarios } from "../../src/simulate/virtual/scenarios.js";
import { type Count, progress } from "./section.js";
import { type Goals, type Storm, storms } from "./storms.js";

const AGENTS = 50_000;
const QUICK_AGENTS = 10_000;
/** One agent alone is back within a second, of 95 in 100. */
const ALONE_SECONDS = 1;
const LONG_MS = 600_000;

interface Figures {
  allBack: number;
  ideal: number;
  attempts: number;
}

/** Runs fleets through the scenarios: ours, ours with a spread, ours as it was, Go's. The same on every machine. */
export async function countStorms(isQuick: boolean): Promise<Count[]> {
  const agents = isQuick ? QUICK_AGENTS : AGENTS;
  const counts = [await countAlone(agents)];
  for (const storm of storms) {
    // So few agents in so long a time are a matter of chance.
    if (!isQuick || storm.spreadMs < LONG_MS) counts.push(...(await countStorm(storm, agents)));
  }
  return counts;
}

async function countAlone(agents: number): Promise<Count> {
  const { figures } = await runVirtual({ agents, scenario: "one-agent" });
  const value = rounded(figures.find(({ name }) => name === "back p95")?.value ?? Number.NaN);
  return { measure: "one agent alone: back, p95", value, unit: "s", limit: ALONE_SECONDS, note: "", details: [] };
}

async function countStorm({ scenario, goals, spreadMs, spreadGoals, beside }: Storm, agents: number): Promise<Count[]> {
  progress(scenario);
  const run = async (changes: Partial<VirtualOptions>): Promise<Figures> =>
    figuresOf(await runVirtual({ agents, scenario, ...changes }));
  const ours = await run({});
  const spread = await run({ link: { backoff: { minMs: 1_000, maxMs: 60_000, spreadMs } } });
  const others: [string, Figures][] = [];
  for (const policy of beside) others.push([policy, await run({ policy })]);
  const askedSeconds = scenarios.find(({ name }) => name === scenario)?.askedSeconds ?? 0;
  return [
    ...rows(scenario, ours, goals, askedSeconds, others),
    ...rows(`${scenario}, spreadMs ${spreadMs}`, spread, spreadGoals, askedSeconds, []),
  ];
}

function rows(
  name: string,
  { allBack, attempts, ideal }: Figures,
  goals: Goals,
  askedSeconds: number,
  others: readonly [string, Figures][],
): Count[] {
  const note = (of: (figures: Figures) => number): string =>
    [...others.map(([who, figures]) => `${who} ${rounded(of(figures))}`), goals.why ?? ""].filter(Boolean).join("; ");
  const limit = rounded(goals.allBack * ideal + askedSeconds);
  const backNote = [`ideal ${rounded(ideal)}`, note((figures) => figures.allBack)].filter(Boolean).join("; ");
  return [
    { measure: `${name}: all back`, value: rounded(allBack), unit: "s", limit, note: backNote, details: [] },
    {
      measure: `${name}: attempts`,
      value: rounded(attempts),
      unit: "an agent",
      limit: goals.attempts,
      note: note((figures) => figures.attempts),
      details: [],
    },
  ];
}

function figuresOf({ figures }: SimulationResult): Figures {
  const value = (wanted: string): number => figures.find(({ name }) => name === wanted)?.value ?? Number.NaN;
  return { allBack: value("all back"), ideal: value("ideal"), attempts: value("attempts per agent") };
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
