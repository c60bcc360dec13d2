import { describe, expect, test } from "vitest";
import { runVirtual } from "../../../../src/simulate/virtual/run-virtual.js";
import { figure } from "./figure.js";

describe("a fleet on virtual time", () => {
  test("comes back whole, with a row for each second", async () => {
    const result = await runVirtual({ agents: 300, scenario: "capacity-20" });
    expect(result.seconds.map(({ second }) => second)).toEqual(result.seconds.map((_, index) => index));
    expect(result.seconds.at(-1)?.connected).toBe(300);
    const attempts = result.seconds.reduce((sum, row) => sum + row.attempts, 0);
    expect(attempts / 300).toBeCloseTo(figure(result, "attempts per agent"));
    for (const row of result.seconds) expect(row.accepted + row.refused).toBe(row.attempts);
    // 15 in a second, and as many once more at the start.
    for (const { accepted } of result.seconds) expect(accepted).toBeLessThanOrEqual(30);
  });

  test("gives the same figures from the same seed, and others from another one", async () => {
    const [one, same, other] = await Promise.all(
      [1, 1, 2].map((seed) => runVirtual({ agents: 200, scenario: "server-restart-5", policy: "mixed", seed })),
    );
    expect(same).toEqual(one);
    expect(other?.seconds).not.toEqual(one?.seconds);
  });

  test("ends at once when it is told to, with what there is", async () => {
    const end = new AbortController();
    const result = await runVirtual(
      { agents: 100, scenario: "server-restart-600", signal: end.signal },
      ({ virtualSeconds }) => virtualSeconds === 3 && end.abort(),
    );
    expect(result.seconds).toHaveLength(3);
    expect(result.figures.map(({ name }) => name)).not.toContain("all back");
  });

  test("is refused a scenario that there is not", async () => {
    await expect(runVirtual({ agents: 1, scenario: "sunshine" })).rejects.toThrow("unknown scenario: sunshine");
  });
});
