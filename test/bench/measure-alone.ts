import { setTimeout as sleep } from "node:timers/promises";
import { type Comparison, compare } from "./comparison.js";
import type { Program } from "./program.js";
import { type Bench, progress, type Section } from "./section.js";
import { earlierIn, type SubjectName, startCrowd } from "./subjects.js";

/** Understood by the subjects: a server in their own process. */
const LOOP = "loop:";
const CLIENTS = 32;

/** What the client itself takes for a cycle: no socket, no other process, and so far less noise than over a network. */
export async function measureAlone(bench: Bench): Promise<Section> {
  progress("offer cycles without a network");
  const others: SubjectName[] = [...earlierIn(bench), "bare protobuf"];
  const subjects: readonly SubjectName[] = ["ours", ...others];
  const costs = new Map<SubjectName, number[]>(subjects.map((subject) => [subject, []]));
  const crowds = new Map<SubjectName, Program>();
  for (const subject of subjects) {
    const crowd = startCrowd(bench, subject, LOOP, { clients: CLIENTS, apply: true });
    await crowd.next("ready");
    await sleep(bench.quick ? 700 : 2_000);
    crowd.pause();
    crowds.set(subject, crowd);
  }
  for (let round = 0; round < (bench.rounds ?? (bench.quick ? 5 : 15)); round++) {
    for (const [subject, crowd] of round % 2 === 0 ? crowds : [...crowds].reverse()) {
      crowd.resume();
      await sleep(50);
      costs.get(subject)?.push(await cost(crowd, bench.quick ? 200 : 400));
      crowd.pause();
    }
  }
  for (const crowd of crowds.values()) await crowd.kill();
  const comparisons: Comparison[] = others.map((against) => {
    const row = { measure: "CPU per cycle, no network", unit: "us", against };
    return compare(row, costs.get("ours") ?? [], costs.get(against) ?? []);
  });
  return { comparisons, explain: async () => "" };
}

async function cost(crowd: Program, windowMs: number): Promise<number> {
  const before = await crowd.ask("stats", "stats");
  await sleep(windowMs);
  const after = await crowd.ask("stats", "stats");
  return ((after.cpuMs - before.cpuMs) * 1000) / (after.cycles - before.cycles);
}
