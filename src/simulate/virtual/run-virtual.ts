import { randomFrom } from "../../core/link/backoff.js";
import type { LinkTimes } from "../../core/link/link.js";
import type { SimulationProgress, SimulationResult } from "../result.js";
import { figuresOf, returnBegins } from "./figures.js";
import { OurAgents } from "./our-agents.js";
import type { Network, Population } from "./population.js";
import { RestatedAgents } from "./restated-agents.js";
import { earlierPolicy, goPolicy } from "./restated-policies.js";
import { type Scenario, scenarios } from "./scenarios.js";
import { FIRST_STOP_MS, World } from "./world.js";

/** What is simulated. */
export interface VirtualOptions {
  agents: number;
  /** The name of one of {@link scenarios}. */
  scenario: string;
  /** Same seed, same figures. Default 1. */
  seed?: number | undefined;
  /** Whose agents: of this package, of the Go client, or every other one; or as this package was at first. Default ours. */
  policy?: "ours" | "go" | "mixed" | "earlier" | undefined;
  /** Parameters of the scenario that are other than in its row. */
  parameters?: Partial<Omit<Scenario, "name" | "description">> | undefined;
  /** Settings of our agents that are other than by default. */
  link?: Partial<LinkTimes> | undefined;
  /** Ends the run, with the figures so far. */
  signal?: AbortSignal | undefined;
}

const SECOND_MS = 1_000;
/** How long the event loop is held up, in milliseconds of real time. */
const LONGEST_TURN_MS = 50;

/**
 * Runs a fleet through a scenario, on virtual time.
 *
 * @throws RangeError for a scenario that there is not
 */
export async function runVirtual(options: VirtualOptions, onProgress?: SimulationProgress): Promise<SimulationResult> {
  const { agents, seed = 1, signal } = options;
  const known = scenarios.find(({ name }) => name === options.scenario);
  if (known === undefined) throw new RangeError(`unknown scenario: ${options.scenario}`);
  const scenario: Scenario = { ...known, ...options.parameters };
  const random = randomFrom(seed);
  const begins = FIRST_STOP_MS + Math.round(returnBegins(scenario) * SECOND_MS);
  const endMs = begins + Math.max(1_800, 10 * scenario.idealSeconds) * SECOND_MS;
  const inhabit = (network: Network) => inhabitants(options, scenario, random, network);
  const world = new World(agents, endMs, scenario, inhabit, random);
  let nowMs = 0;
  let outside = 0;
  let turnEndsMs = Number.NEGATIVE_INFINITY;
  for (; nowMs < endMs && signal?.aborted !== true; nowMs++) {
    const sinceMs = nowMs - FIRST_STOP_MS;
    const isSecond = sinceMs >= 0 && sinceMs % SECOND_MS === 0;
    if (isSecond) {
      if (sinceMs > 0) world.endSecond(sinceMs / SECOND_MS - 1);
      if (nowMs > begins && world.connected === agents) break;
    }
    if (isSecond || performance.now() > turnEndsMs) {
      const virtualSeconds = Math.max(0, Math.floor(sinceMs / SECOND_MS));
      onProgress?.({ virtualSeconds, connected: world.connected, agents });
      // Lets a signal through.
      await new Promise((resolve) => setImmediate(resolve));
      turnEndsMs = performance.now() + LONGEST_TURN_MS;
    }
    const stop = sinceMs / SECOND_MS / scenario.everySeconds;
    if (sinceMs >= 0 && Number.isInteger(stop) && stop < scenario.stops) world.stop(stop, nowMs);
    if (nowMs === begins) outside = agents - world.connected;
    world.run(nowMs);
  }
  const { seconds, attempts, backAtMs, connected } = world;
  const figures = figuresOf(scenario, {
    agents,
    outside,
    seconds,
    attempts,
    backAtMs,
    isComplete: connected === agents,
  });
  return { scenario: scenario.name, agents, seed, seconds, figures };
}

/** Who an agent is. */
function inhabitants(
  { agents, policy = "ours", link }: VirtualOptions,
  scenario: Scenario,
  random: () => number,
  network: Network,
): (agent: number) => Population {
  const ours = () => new OurAgents(scenario, () => Math.floor(random() * 2 ** 32), network, link);
  const restated = (which: typeof goPolicy) => new RestatedAgents(which, agents, scenario, random, network);
  switch (policy) {
    case "ours":
      return always(ours());
    case "go":
      return always(restated(goPolicy));
    case "earlier":
      return always(restated(earlierPolicy));
    case "mixed": {
      const both = [ours(), restated(goPolicy)] as const;
      return (agent) => both[agent % 2 === 0 ? 0 : 1];
    }
    default:
      return policy satisfies never;
  }
}

function always(population: Population): () => Population {
  return () => population;
}
