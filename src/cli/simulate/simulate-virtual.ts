import { getHeapStatistics } from "node:v8";
import { amongKnown } from "../../base/checks.js";
import { OpAMPError } from "../../errors.js";
import { numberText } from "../../simulate/picture/series.js";
import type { SimulationProgress, SimulationResult } from "../../simulate/result.js";
import { runVirtual } from "../../simulate/virtual/run-virtual.js";
import { scenarios } from "../../simulate/virtual/scenarios.js";
import type { Terminal } from "../terminal.js";
import type { VirtualFlags } from "./flags.js";

const POLICIES = ["ours", "go", "mixed", "earlier"] as const;
/** Of the heap, with some to spare. */
const BYTES_PER_AGENT = 2_600;
const BYTES_BESIDES = 150_000_000;
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
  const { agents, seed, scenario: name, down, capacity } = flags;
  const policies = flags.policy.map(policyOf);
  const names = scenarios.map((scenario) => scenario.name);
  if (!names.includes(name)) {
    throw unknown("--scenario", `unknown scenario${amongKnown(name, names)}`, "opamp simulate --list describes them");
  }
  checkHeap(agents);
  const parameters = {
    ...(down === undefined ? {} : { downSeconds: Math.round(down * 1_000) / 1_000 }),
    ...(capacity === undefined ? {} : { idealSeconds: agents / capacity }),
  };
  const runs: SimulationResult[] = [];
  for (const policy of policies) {
    if (signal.aborted) break;
    const run = await runVirtual({ agents, scenario: name, seed, policy, parameters, signal }, onProgress);
    // A run that was ended early may have too little for some of them.
    const figures = run.figures.filter(({ value }) => Number.isFinite(value));
    runs.push({ ...run, scenario: policy, figures });
  }
  const scenario = titleOf(flags);
  const [only] = runs;
  if (runs.length === 1 && only !== undefined) return { ...only, scenario };
  return { scenario, agents, seed, seconds: [], figures: [], runs };
}

function titleOf({ scenario, down, capacity }: VirtualFlags): string {
  const changes = [
    ...(down === undefined ? [] : [`down for ${numberText(down)} s`]),
    ...(capacity === undefined ? [] : [`${numberText(capacity)} connections a second`]),
  ];
  return changes.length === 0 ? scenario : `${scenario}, ${changes.join(", ")}`;
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
