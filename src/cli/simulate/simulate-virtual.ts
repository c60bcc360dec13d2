import { getHeapStatistics } from "node:v8";
import { amongKnown } from "../../base/checks.js";
import { OpAMPError } from "../../errors.js";
import { numberText } from "../../simulate/picture/series.js";
import type { SimulationProgress, SimulationResult } from "../../simulate/result.js";
import { runVirtual, scenarios } from "../../simulate/virtual-placeholder.js";
import type { Terminal } from "../terminal.js";
import type { VirtualFlags } from "./flags.js";

const POLICIES = ["ours", "go", "mixed"] as const;
/** Of the heap, with some to spare. */
const BYTES_PER_AGENT = 3_500;
const BYTES_BESIDES = 200_000_000;
const MIB = 2 ** 20;

/** All scenarios, for people or as JSON. */
export function scenarioList(json: boolean): string {
  const list = scenarios.map(({ name, description }) => ({ name, description }));
  if (json) return JSON.stringify(list, undefined, 2);
  const width = Math.max(...list.map(({ name }) => name.length));
  return list.map(({ name, description }) => `${name.padEnd(width)}  ${description}`).join("\n");
}

/**
 * Runs a fleet on virtual time; with several policies once for each.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export async function simulateVirtual(
  flags: VirtualFlags,
  _terminal: Terminal,
  signal: AbortSignal,
  onProgress: SimulationProgress,
): Promise<SimulationResult> {
  const { agents, seed, scenario, down, capacity } = flags;
  const policies = flags.policy.map(policyOf);
  const names = scenarios.map(({ name }) => name);
  if (!names.includes(scenario)) {
    throw unknown(
      "--scenario",
      `unknown scenario${amongKnown(scenario, names)}`,
      "opamp simulate --list describes them",
    );
  }
  checkHeap(agents);
  const parameters = {
    ...(down === undefined ? {} : { downSeconds: down }),
    ...(capacity === undefined ? {} : { idealSeconds: agents / capacity }),
  };
  const runs: SimulationResult[] = [];
  for (const policy of policies) {
    if (signal.aborted) break;
    const result = await runVirtual({ agents, scenario, seed, policy, parameters, signal }, onProgress);
    runs.push(policies.length === 1 ? result : { ...result, scenario: policy });
  }
  const [only] = runs;
  return runs.length === 1 && only !== undefined ? only : { scenario, agents, seed, seconds: [], figures: [], runs };
}

function policyOf(name: string): (typeof POLICIES)[number] {
  const known = POLICIES.find((policy) => policy === name);
  if (known === undefined)
    throw unknown(
      "--policy",
      `unknown policy${amongKnown(name, POLICIES)}`,
      "give one of these, or several with commas",
    );
  return known;
}

function unknown(option: string, problem: string, hint: string): OpAMPError {
  return new OpAMPError("ERR_OPAMP_OPTION", `${option}: ${problem}`, { hint });
}

function checkHeap(agents: number): void {
  const [needed, limit] = [agents * BYTES_PER_AGENT + BYTES_BESIDES, getHeapStatistics().heap_size_limit];
  if (needed <= limit) return;
  const [neededMib, limitMib] = [needed, limit].map((bytes) => Math.ceil(bytes / MIB));
  const text = `--agents: ${numberText(agents)} agents need ${numberText(neededMib ?? 0)} MiB of heap, and this process may use ${numberText(limitMib ?? 0)} MiB`;
  const hint = `set NODE_OPTIONS=--max-old-space-size=${neededMib} before the command, or give fewer agents`;
  throw new OpAMPError("ERR_OPAMP_OPTION", text, { hint });
}
