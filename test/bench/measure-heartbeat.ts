import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { atMost, type Comparison, compare } from "./comparison.js";
import { readCpuProfile, spreadOf } from "./cpu-profile.js";
import { cacheFolder } from "./prepare.js";
import type { Program } from "./program.js";
import { type Bench, progress, type Section } from "./section.js";
import { peersOf, profiledBeside, type Scheme, Server, type SubjectName, startCrowd } from "./subjects.js";
import { formatSpread } from "./table.js";

const HEARTBEAT_MS = 1_000;
const CLIENTS = { ws: 1_000, http: 500 };
const TARGET_OF_GO = atMost(1.2);

/** A crowd, and the server that it has to itself, so that its heartbeats can be counted. */
interface Pair {
  subject: SubjectName;
  crowd: Program;
  server: Server;
}

/** CPU time of the client's process for a heartbeat and its answer. */
export async function measureHeartbeat(bench: Bench): Promise<Section> {
  const comparisons: Comparison[] = [];
  for (const scheme of ["ws", "http"] as const) comparisons.push(...(await compareHeartbeats(bench, scheme)));
  return { comparisons, explain: () => explainAll(bench) };
}

async function compareHeartbeats(bench: Bench, scheme: Scheme): Promise<Comparison[]> {
  progress(`heartbeats over ${scheme}`);
  const others = peersOf(bench, scheme);
  if (scheme === "http") others.push("Elastic");
  const pairs: Pair[] = [];
  for (const subject of ["ours", ...others] as const) pairs.push(await beating(bench, subject, scheme));
  const { usual, windowMs } = bench.quick ? { usual: 2, windowMs: 1_500 } : { usual: 4, windowMs: 2_500 };
  const rounds = bench.rounds ?? usual;
  await sleep(bench.quick ? 1_000 : 3_000);
  const costs = new Map<SubjectName, number[]>(pairs.map(({ subject }) => [subject, []]));
  for (let round = 0; round < rounds; round++) {
    // All at once: they leave the machine mostly idle, and whatever else goes on there disturbs all of them.
    const measured = pairs.map(async (pair) => costs.get(pair.subject)?.push(await cost(pair, windowMs)));
    await Promise.all(measured);
  }
  await Promise.all(pairs.map(end));
  return others.map((against) => {
    const target = against === "Go client" ? TARGET_OF_GO : undefined;
    const row = { measure: `CPU per heartbeat, ${scheme}`, unit: "us", against, target };
    return compare(row, costs.get("ours") ?? [], costs.get(against) ?? []);
  });
}

async function beating(bench: Bench, subject: SubjectName, scheme: Scheme): Promise<Pair> {
  const server = await Server.start(bench.withGo);
  const crowd = startCrowd(bench, subject, server.url(scheme), { clients: CLIENTS[scheme], heartbeatMs: HEARTBEAT_MS });
  await crowd.next("ready");
  return { subject, crowd, server };
}

async function cost({ crowd, server }: Pair, windowMs: number): Promise<number> {
  const before = { ...(await server.count()), ...(await crowd.ask("stats", "stats")) };
  await sleep(windowMs);
  const after = { ...(await server.count()), ...(await crowd.ask("stats", "stats")) };
  return ((after.cpuMs - before.cpuMs) * 1000) / (after.messages - before.messages);
}

async function end({ crowd, server }: Pair): Promise<void> {
  await crowd.kill();
  await server.stop();
}

async function explainAll(bench: Bench): Promise<string> {
  const texts: string[] = [];
  for (const scheme of ["ws", "http"] as const) {
    progress(`profiling heartbeats over ${scheme}`);
    const other = profiledBeside(bench, scheme);
    const [ours, theirs] = await Promise.all([profile(bench, "ours", scheme), profile(bench, other, scheme)]);
    texts.push(formatSpread(`CPU time per heartbeat over ${scheme}, us`, { ours, [other]: theirs }));
  }
  return texts.join("\n\n");
}

async function profile(bench: Bench, subject: SubjectName, scheme: Scheme) {
  const pair = await beating(bench, subject, scheme);
  const file = join(cacheFolder, `heartbeats-${scheme}-${subject.replace(" ", "-")}.cpuprofile`);
  await sleep(2_000);
  await pair.crowd.ask("profile start", "done");
  const before = await pair.server.count();
  await sleep(bench.quick ? 2_000 : 5_000);
  const after = await pair.server.count();
  await pair.crowd.ask(`profile stop ${file}`, "done");
  await end(pair);
  return spreadOf(readCpuProfile(file), after.messages - before.messages);
}
