import { describe, expect, test } from "vitest";
import type { LinkTimes } from "../../../../src/core/link/link.js";
import { runVirtual } from "../../../../src/simulate/virtual/run-virtual.js";
import { scenarios } from "../../../../src/simulate/virtual/scenarios.js";
import { figure } from "./figure.js";

const AGENTS = 3_000;

/** All back and attempts per agent, at most: as in the table of docs/benchmarks.md, with room for chance among so few. */
const storms: readonly [string, number, number][] = [
  ["capacity-20", 26, 4],
  ["capacity-60", 78, 4],
  ["capacity-120", 156, 4],
  ["capacity-600", 900, 8],
  ["server-restart-5", 85, 4],
  ["server-restart-30", 125, 4],
  ["server-restart-600", 130, 14],
  ["server-close", 78, 4],
  ["busy", 108, 4],
  ["busy-600", 1_500, 4],
  ["retry-after", 108, 4],
  ["retry-after-600", 1_500, 4],
  ["silence", 140, 4],
  ["unavailable", 108, 4],
  ["zone-lost", 110, 4],
  ["rolling-restart", 90, 4],
  ["polling", 120, 4],
  ["polling-busy", 150, 4],
];

function spread(spreadMs: number): Partial<LinkTimes> {
  return { backoff: { minMs: 1_000, maxMs: 60_000, spreadMs } };
}

test("every scenario has its limits", () => {
  expect(storms.map(([name]) => name)).toEqual(expect.arrayContaining(scenarios.slice(2).map(({ name }) => name)));
});

describe.each(storms)("a fleet in the scenario %s", (scenario, allBackSeconds, attempts) => {
  test(`is back within ${allBackSeconds} s, after ${attempts} attempts an agent`, async () => {
    const result = await runVirtual({ agents: AGENTS, scenario });
    expect(figure(result, "all back")).toBeLessThanOrEqual(allBackSeconds);
    expect(figure(result, "attempts per agent")).toBeLessThanOrEqual(attempts);
  });
});

describe("a fleet that knows how long its server needs", () => {
  test.each(["capacity-60", "server-restart-5", "server-restart-30", "server-restart-600", "server-close", "silence"])(
    "comes back evenly in that time in the scenario %s",
    async (scenario) => {
      const result = await runVirtual({ agents: AGENTS, scenario, link: spread(75_000) });
      expect(figure(result, "all back")).toBeLessThanOrEqual(78);
      expect(figure(result, "attempts per agent")).toBeLessThanOrEqual(scenario === "server-restart-600" ? 9.1 : 4);
      const fullest = Math.max(...result.seconds.map(({ attempts }) => attempts));
      expect(fullest).toBeLessThan(2 * (AGENTS / 75));
    },
  );
});

test("one agent alone is back within a second of a server that restarts", async () => {
  expect(figure(await runVirtual({ agents: 1_000, scenario: "one-agent" }), "back p95")).toBeLessThan(1);
});

describe("a fleet of which half are clients of opamp-go", () => {
  test("is half back sooner, with fewer attempts, than one of those alone", async () => {
    const [mixed, go] = await Promise.all(
      (["mixed", "go"] as const).map((policy) => runVirtual({ agents: AGENTS, scenario: "retry-after", policy })),
    );
    if (mixed === undefined || go === undefined) throw new Error("nothing came of a run");
    expect(figure(mixed, "back p50")).toBeLessThan(figure(go, "back p50"));
    expect(figure(mixed, "attempts per agent")).toBeLessThan(figure(go, "attempts per agent"));
  });
});

test("this package's earlier policy, restated, is slower where the server names a pause", async () => {
  const [ours, earlier] = await Promise.all(
    (["ours", "earlier"] as const).map((policy) => runVirtual({ agents: AGENTS, scenario: "retry-after", policy })),
  );
  if (ours === undefined || earlier === undefined) throw new Error("nothing came of a run");
  expect(figure(ours, "all back") * 2).toBeLessThan(figure(earlier, "all back"));
});
