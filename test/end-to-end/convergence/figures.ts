import { expect } from "vitest";
import { ways } from "./busy-agent.js";
import type { Outcome, Sample } from "./converge.js";
import { faults } from "./faults.js";

const AGREED_MS = 1_000;

/** Every agent and the server agreed in time, nothing got lost, and nothing was done twice. Prints how long it took. */
export function expectAgreement({ samples, restarts, agents, lost }: Outcome, rounds: number): void {
  const slowest = samples.toSorted((one, other) => other.tookMs - one.tookMs);
  const p99Ms = quantile(slowest, 0.99);
  const times = [0.5, 0.99, 1].map((part) => `${Math.round(quantile(slowest, part))} ms`);
  process.stdout.write(
    `${samples.length} faults, ${restarts} restarts: half agreed within ${times[0]}, 99 % within ${times[1]}, all within ${times[2]}\n`,
  );
  expect(samples).toHaveLength(agents.length * rounds * Object.keys(faults).length);
  expect(new Set(samples.map(({ way }) => way))).toEqual(new Set(ways));
  expect(restarts).toBeGreaterThanOrEqual(2);
  expect(p99Ms, `the slowest: ${JSON.stringify(slowest.slice(0, 5))}`).toBeLessThan(AGREED_MS);
  expect(lost).toEqual([]);
  for (const { applied, sent } of agents) {
    expect(applied).toEqual([...new Set(applied)]);
    expect(applied.length).toBeGreaterThan(0);
    expect(new Set(sent.values())).toEqual(new Set(["resolved"]));
  }
}

/** @param slowest the slowest first */
function quantile(slowest: readonly Sample[], part: number): number {
  return slowest[Math.floor((1 - part) * slowest.length)]?.tookMs ?? Number.POSITIVE_INFINITY;
}
