import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { atMost, type Comparison, compare, type Target } from "./comparison.js";
import type { Spread } from "./cpu-profile.js";
import { readHeapSnapshot } from "./heap-snapshot.js";
import { cacheFolder } from "./prepare.js";
import { type Bench, progress, type Section } from "./section.js";
import { peersOf, type Scheme, Server, type SubjectName, startCrowd } from "./subjects.js";
import { formatSpread } from "./table.js";

const CLIENTS = 2_000;
const SETTLE_MS = 1_500;
const TARGET_OF_GO = atMost(0.5);
const SPARE_KB = 8;
const TARGET_OF_LIMIT: Target = {
  text: `<= 1.25 x + ${SPARE_KB} KB`,
  isMet: ({ ours, theirs }) => ours <= 1.25 * theirs + SPARE_KB,
};

interface Memory {
  rssKb: number;
  heapKb: number;
}

/** What one more agent costs a process that has many, connected and idle. */
export async function measureMemory(bench: Bench): Promise<Section> {
  const comparisons: Comparison[] = [];
  for (const scheme of ["ws", "http"] as const) comparisons.push(...(await compareMemory(bench, scheme)));
  return { comparisons, explain: () => explainAll(bench) };
}

async function compareMemory(bench: Bench, scheme: Scheme): Promise<Comparison[]> {
  const others = peersOf(bench, scheme);
  if (scheme === "http") others.push("Elastic");
  const subjects: readonly SubjectName[] = ["ours", ...others];
  const perClient = new Map<SubjectName, Memory[]>(subjects.map((subject) => [subject, []]));
  for (let round = 0; round < (bench.quick ? 1 : 3); round++) {
    progress(`memory over ${scheme}`);
    // All at once, which disturbs no one's memory.
    const [one, many] = [await weighAll(bench, subjects, scheme, 1), await weighAll(bench, subjects, scheme, CLIENTS)];
    for (const [index, subject] of subjects.entries()) {
      const per = (kb: keyof Memory): number => ((many[index]?.[kb] ?? 0) - (one[index]?.[kb] ?? 0)) / (CLIENTS - 1);
      perClient.get(subject)?.push({ rssKb: per("rssKb"), heapKb: per("heapKb") });
    }
  }
  const rows = (kb: keyof Memory, measure: string, targets: Partial<Record<SubjectName, Target>>) =>
    others.map((against) => {
      const values = (subject: SubjectName): number[] => (perClient.get(subject) ?? []).map((memory) => memory[kb]);
      const row = { measure: `${measure}, ${scheme}`, unit: "KB", against, target: targets[against] };
      return compare(row, values("ours"), values(against));
    });
  const targets = scheme === "ws" ? { "bare ws": TARGET_OF_LIMIT, "Go client": TARGET_OF_GO } : {};
  return [...rows("rssKb", "resident per idle agent", targets), ...rows("heapKb", "heap per idle agent", {})];
}

function weighAll(bench: Bench, subjects: readonly SubjectName[], scheme: Scheme, clients: number): Promise<Memory[]> {
  return Promise.all(subjects.map((subject) => weigh(bench, subject, scheme, clients)));
}

async function weigh(bench: Bench, subject: SubjectName, scheme: Scheme, clients: number): Promise<Memory> {
  const server = await Server.start(bench.withGo);
  const crowd = startIdle(bench, subject, server.url(scheme), clients);
  await crowd.next("ready");
  await sleep(SETTLE_MS);
  await crowd.ask("stats gc", "stats");
  await sleep(200);
  const memory = await crowd.ask("stats gc", "stats");
  await crowd.kill();
  await server.stop();
  return memory;
}

/** A young generation that grew would count as the agents' memory, although the next thing to grow it is anything at all. */
const NODE_FLAGS = ["--expose-gc", "--min-semi-space-size=16", "--max-semi-space-size=16"];

function startIdle(bench: Bench, subject: SubjectName, url: string, clients: number) {
  // A bare socket has no timer.
  const heartbeatMs = subject === "bare ws" ? 0 : 30_000;
  return startCrowd(bench, subject, url, { clients, heartbeatMs, nodeFlags: NODE_FLAGS });
}

async function explainAll(bench: Bench): Promise<string> {
  const ours = await heapPerClient(bench, "ours");
  const theirs = await heapPerClient(bench, "bare ws");
  return formatSpread("heap per idle agent over ws by constructor, bytes", { ours, "bare ws": theirs });
}

/** Bytes by constructor that one agent more takes. */
async function heapPerClient(bench: Bench, subject: SubjectName): Promise<Spread> {
  progress(`heap snapshots: ${subject}`);
  const [few, many] = [100, 600];
  const one = readHeapSnapshot(await snapshot(bench, subject, few));
  const all = readHeapSnapshot(await snapshot(bench, subject, many));
  return new Map([...all].map(([name, bytes]) => [name, (bytes - (one.get(name) ?? 0)) / (many - few)]));
}

async function snapshot(bench: Bench, subject: SubjectName, clients: number): Promise<string> {
  const server = await Server.start(bench.withGo);
  const crowd = startIdle(bench, subject, server.url("ws"), clients);
  await crowd.next("ready");
  await sleep(SETTLE_MS);
  const file = join(cacheFolder, `${clients}-${subject.replace(" ", "-")}.heapsnapshot`);
  await crowd.ask(`snapshot ${file}`, "done");
  await crowd.kill();
  await server.stop();
  return file;
}
