import { writeFileSync } from "node:fs";
import { Session } from "node:inspector/promises";
import { createInterface } from "node:readline";
import { setImmediate } from "node:timers/promises";
import { parseArgs } from "node:util";
import { writeHeapSnapshot } from "node:v8";
import { loopCycles } from "./loop-server.js";

/** What every agent of a crowd is told. */
export interface CrowdSettings {
  url: string;
  /** Between heartbeats or polls; 0 means none. */
  heartbeatMs: number;
  /** Whether it takes remote configuration. */
  apply: boolean;
}

/** One agent of a crowd. */
export interface Member {
  /** Resolves with the first answer. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Several times the young generation, however large it is. */
const GARBAGE_OBJECTS = 2_000_000;
/** As many wait for their first answer at a time as in the Go client's crowd. */
const DIALLING = 64;

/**
 * Runs agents under the same flags, events and commands as the Go client of the interop tests, so that both can be
 * measured alike. Two commands more: `profile start` and `profile stop FILE`, and `snapshot FILE` for the heap.
 */
export async function runCrowd(make: (settings: CrowdSettings) => Member): Promise<void> {
  const { values } = parseArgs({
    options: {
      url: { type: "string", default: "" },
      clients: { type: "string", default: "1" },
      heartbeat: { type: "string", default: "30000ms" },
      apply: { type: "boolean", default: false },
    },
  });
  const settings = { url: values.url, heartbeatMs: Number.parseInt(values.heartbeat, 10), apply: values.apply };
  const members = Array.from({ length: Number(values.clients) }, () => make(settings));
  const lines = createInterface({ input: process.stdin });
  lines.on("line", (line) => void obey(line, () => lines.close()));
  lines.on("close", () => void Promise.all(members.map((member) => member.stop())));
  await startAll(members);
  emit({ event: "ready", clients: members.length });
}

async function startAll(members: readonly Member[]): Promise<void> {
  const waiting = members.values();
  const startSome = async (): Promise<void> => {
    for (const member of waiting) await member.start();
  };
  await Promise.all(Array.from({ length: DIALLING }, startSome));
}

const session = new Session();

async function obey(line: string, quit: () => void): Promise<void> {
  const [command = "", detail = "", file = ""] = line.trim().split(" ");
  switch (command) {
    case "stats":
      return emit({ event: "stats", ...(await measure(detail === "gc")), cycles: loopCycles });
    case "profile":
      if (detail === "start") await startProfile();
      else await stopProfile(file);
      return emit({ event: "done" });
    case "snapshot":
      writeHeapSnapshot(detail);
      return emit({ event: "done" });
    case "quit":
      return quit();
    default:
      throw new Error(`unknown command ${JSON.stringify(line)}`);
  }
}

/** Collecting first costs CPU time, which is therefore read before. */
async function measure(collect: boolean): Promise<{ cpuMs: number; rssKb: number; heapKb: number }> {
  const { user, system } = process.cpuUsage();
  if (collect) {
    fillYoungGeneration();
    globalThis.gc?.();
    // What the first collection finalized is free after the second.
    await setImmediate();
    globalThis.gc?.();
  }
  const { rss, heapUsed } = process.memoryUsage();
  return { cpuMs: (user + system) / 1000, rssKb: rss / 1024, heapKb: heapUsed / 1024 };
}

/**
 * Makes all of the young generation resident, as it is in a process that has been at work for some time. Else a small
 * crowd, which has touched less of it, would seem to be smaller by its whole size.
 */
function fillYoungGeneration(): void {
  const kept: unknown[] = [];
  for (let index = 0; index < GARBAGE_OBJECTS; index++) kept[index % 1024] = [index];
}

async function startProfile(): Promise<void> {
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.setSamplingInterval", { interval: 200 });
  await session.post("Profiler.start");
}

async function stopProfile(file: string): Promise<void> {
  const { profile } = await session.post("Profiler.stop");
  session.disconnect();
  writeFileSync(file, JSON.stringify(profile));
}

function emit(event: Readonly<Record<string, unknown>>): void {
  process.stdout.write(`${JSON.stringify(event)}\n`);
}
