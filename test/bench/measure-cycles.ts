import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { atLeast, atMost, type Comparison, compare, median, type Target } from "./comparison.js";
import { readCpuProfile, type Spread, spreadOf } from "./cpu-profile.js";
import { cacheFolder } from "./prepare.js";
import type { Program } from "./program.js";
import { type Bench, progress, type Section } from "./section.js";
import { limitOf, peersOf, profiledBeside, type Scheme, Server, type SubjectName, startCrowd } from "./subjects.js";
import { formatSpread } from "./table.js";

/** One agent shows the time of a round trip, a crowd what is left when the client's process is never idle. */
const CROWDS = [1, 32];
const TARGET_OF_LIMIT = atLeast(0.7);
const TARGET_OF_GO = atLeast(0.8);
const TARGET_OF_CPU = atMost(1.6);
/** What a subject that stood still needs to be at full speed again. */
const RESUME_MS = 100;

interface Sample {
  cyclesPerS: number;
  cpuUsPerCycle: number;
  messagesPerCycle: number;
}

/** Offer to APPLIED and the next offer, as often as it goes. */
export async function measureCycles(bench: Bench): Promise<Section> {
  const comparisons: Comparison[] = [];
  for (const scheme of ["ws", "http"] as const) {
    for (const clients of CROWDS) comparisons.push(...(await compareCycles(bench, scheme, clients)));
  }
  return { comparisons, explain: () => explainAll(bench) };
}

async function compareCycles(bench: Bench, scheme: Scheme, clients: number): Promise<Comparison[]> {
  const name = `${scheme}, ${clients} ${clients === 1 ? "agent" : "agents"}`;
  progress(`offer cycles over ${name}`);
  const others = peersOf(bench, scheme);
  const samples = await sampleInTurns(bench, ["ours", ...others], scheme, clients);
  const values = (subject: SubjectName, read: (sample: Sample) => number): number[] =>
    (samples.get(subject) ?? []).map(read);
  const targets: Partial<Record<SubjectName, Target>> = {
    [limitOf(scheme)]: TARGET_OF_LIMIT,
    "Go client": TARGET_OF_GO,
  };
  const rates = others.map((against) => {
    const messages = (subject: SubjectName): string =>
      median(values(subject, (sample) => sample.messagesPerCycle)).toFixed(2);
    const note = `messages per cycle ${messages("ours")}, ${messages(against)}`;
    const row = { measure: `cycles, ${name}`, unit: "1/s", against, target: targets[against], note };
    const rate = (sample: Sample): number => sample.cyclesPerS;
    return compare(row, values("ours", rate), values(against, rate));
  });
  const costs = others.map((against) => {
    const isAimedAt = clients > 1 && against === "bare ws";
    const target = isAimedAt ? TARGET_OF_CPU : undefined;
    const row = { measure: `CPU per cycle, ${name}`, unit: "us", against, target };
    const cost = (sample: Sample): number => sample.cpuUsPerCycle;
    return compare(row, values("ours", cost), values(against, cost));
  });
  return [...rates, ...costs];
}

/** All subjects are connected and warm from the start, but only the one whose turn it is runs. */
async function sampleInTurns(bench: Bench, subjects: readonly SubjectName[], scheme: Scheme, clients: number) {
  const { usual, warmUpMs, windowMs } = bench.quick
    ? { usual: 3, warmUpMs: 500, windowMs: 300 }
    : { usual: 5, warmUpMs: 1_500, windowMs: 700 };
  const rounds = bench.rounds ?? usual;
  const server = await Server.start(bench.withGo, { cycles: true });
  const crowds = new Map<SubjectName, Program>();
  const samples = new Map<SubjectName, Sample[]>(subjects.map((subject) => [subject, []]));
  for (const subject of subjects) {
    const crowd = startCrowd(bench, subject, server.url(scheme), { clients, apply: true });
    await crowd.next("ready");
    await sleep(warmUpMs);
    crowd.pause();
    crowds.set(subject, crowd);
  }
  for (let round = 0; round < rounds; round++) {
    // There and back, so that nobody always follows the same one.
    for (const [subject, crowd] of round % 2 === 0 ? crowds : [...crowds].reverse()) {
      crowd.resume();
      await sleep(RESUME_MS);
      samples.get(subject)?.push(await sample(server, crowd, windowMs));
      crowd.pause();
    }
  }
  for (const crowd of crowds.values()) await crowd.kill();
  await server.stop();
  return samples;
}

async function sample(server: Server, crowd: Program, windowMs: number): Promise<Sample> {
  const cpuBefore = await crowd.ask("stats", "stats");
  const before = await server.count();
  const start = performance.now();
  await sleep(windowMs);
  const after = await server.count();
  const seconds = (performance.now() - start) / 1000;
  const cpuAfter = await crowd.ask("stats", "stats");
  const cycles = after.cycles - before.cycles;
  return {
    cyclesPerS: cycles / seconds,
    cpuUsPerCycle: ((cpuAfter.cpuMs - cpuBefore.cpuMs) * 1000) / cycles,
    messagesPerCycle: (after.messages - before.messages) / cycles,
  };
}

async function explainAll(bench: Bench): Promise<string> {
  const texts: string[] = [];
  for (const scheme of ["ws", "http"] as const) {
    progress(`profiling offer cycles over ${scheme}`);
    const other = profiledBeside(bench, scheme);
    const [ours, theirs] = [await profile(bench, "ours", scheme), await profile(bench, other, scheme)];
    texts.push(formatSpread(`CPU time per offer cycle over ${scheme}, us`, { ours, [other]: theirs }));
  }
  return texts.join("\n\n");
}

/** Microseconds per cycle by place. */
async function profile(bench: Bench, subject: SubjectName, scheme: Scheme): Promise<Spread> {
  const server = await Server.start(bench.withGo, { cycles: true });
  const crowd = startCrowd(bench, subject, server.url(scheme), { clients: 32, apply: true });
  await crowd.next("ready");
  await sleep(1_500);
  const file = join(cacheFolder, `cycles-${scheme}-${subject.replace(" ", "-")}.cpuprofile`);
  await crowd.ask("profile start", "done");
  const before = await server.count();
  await sleep(bench.quick ? 1_000 : 2_500);
  const after = await server.count();
  await crowd.ask(`profile stop ${file}`, "done");
  await crowd.kill();
  await server.stop();
  return spreadOf(readCpuProfile(file), after.cycles - before.cycles);
}
