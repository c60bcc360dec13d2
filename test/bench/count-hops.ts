import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type Profiler, Session } from "node:inspector/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { OpAMPServer, type ServerAgent } from "opamp-client/testing";
import { runProgram } from "../../src/cli/program.js";
import { type ConfigFiles, fileStore, OpAMPClient } from "../../src/index.js";
import { type Count, progress } from "./section.js";

// The agent runs from src, file by file; the server from the build, so that no file of src counts for its sake.

/** Something that happens between an agent and a server. */
interface Flow {
  name: string;
  /** In how many files functions may run. */
  limit: number;
  /** Starts an agent. @returns what stops it */
  start(server: OpAMPServer, folder: string): Started;
}

interface Started {
  /** Makes it happen: in round 1 to load everything, in round 2 to be counted. */
  happen(seen: ServerAgent, round: number): Promise<unknown>;
  stop(): Promise<unknown>;
}

const source = pathToFileURL(join(import.meta.dirname, "../../src/")).href;
const NOT_COUNTED = /^(server|testing|gen)\//;
/** For what follows what the server sees: its answer, and state that is saved. */
const SETTLE_MS = 500;
const PATIENCE_MS = 20_000;
const POLL_MS = 1_500;
const description = { identifying: { "service.name": "hops" } };

const flows: readonly Flow[] = [
  { name: "remote config offer, WebSocket", limit: 26, start: startOffer },
  { name: "setHealth, WebSocket", limit: 20, start: startHealth },
  { name: "poll, HTTP", limit: 24, start: startPoll },
  // 45, and what local limits, links, watchers and secrets of every form have added since.
  { name: "opamp agent apply", limit: 62, start: startAgent },
];

/** Counts the files of ours in which functions run between a cause and its effect. */
export async function countHops(): Promise<Count[]> {
  const counts: Count[] = [];
  for (const flow of flows) counts.push(await countFlow(flow));
  return counts;
}

async function countFlow({ name, limit, start }: Flow): Promise<Count> {
  progress(name);
  const folder = mkdtempSync(join(tmpdir(), "opamp-hops-"));
  const server = await OpAMPServer.start();
  const { happen, stop } = start(server, folder);
  const seen = await server.firstAgent(patience());
  await happen(seen, 1);
  await pause(SETTLE_MS);
  const session = new Session();
  session.connect();
  await session.post("Profiler.enable");
  await session.post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
  await session.post("Profiler.takePreciseCoverage");
  await happen(seen, 2);
  await pause(SETTLE_MS);
  const { result } = await session.post("Profiler.takePreciseCoverage");
  session.disconnect();
  await stop();
  await server.close();
  rmSync(folder, { recursive: true, force: true });
  const files = filesThatRan(result);
  const functions = [...files.values()].flat().length;
  const details = [...files].map(([file, names]) => `${file}: ${names.join(", ")}`).sort();
  return { measure: name, value: files.size, unit: "files", limit, note: `${functions} functions`, details };
}

/** The functions that were called, by file. */
function filesThatRan(scripts: readonly Profiler.ScriptCoverage[]): Map<string, string[]> {
  const files = new Map<string, string[]>();
  for (const { url, functions } of scripts) {
    const file = url.slice(source.length);
    if (!url.startsWith(source) || NOT_COUNTED.test(file)) continue;
    const names = functions.flatMap(({ functionName: name, ranges: [range] }) => {
      // The module itself is a function without a name, from its first character on; tsx adds __name to every module.
      const isModule = name === "" && range?.startOffset === 0;
      return isModule || name === "__name" || !range?.count ? [] : [name || "()"];
    });
    if (names.length > 0) files.set(file, names);
  }
  return files;
}

function startOffer({ url }: OpAMPServer, folder: string): Started {
  let files: ConfigFiles = {};
  const client = new OpAMPClient({
    url,
    description,
    store: fileStore(join(folder, "state")),
    effectiveConfig: () => files,
    remoteConfig: {
      apply(config) {
        files = config.files;
      },
    },
  });
  client.start();
  return { happen: offer, stop: () => client.stop() };
}

function startHealth({ url }: OpAMPServer): Started {
  const client = new OpAMPClient({ url, description });
  client.start();
  return {
    happen(seen, round) {
      const status = `round ${round}`;
      client.setHealth({ healthy: true, status });
      return seen.until(({ health }) => health?.status === status, patience());
    },
    stop: () => client.stop(),
  };
}

function startPoll({ httpUrl: url }: OpAMPServer): Started {
  const client = new OpAMPClient({ url, description, heartbeat: { intervalMs: POLL_MS } });
  client.start();
  return {
    happen(seen) {
      const before = seen.sequenceNum;
      return seen.until(({ sequenceNum }) => sequenceNum !== before, patience());
    },
    stop: () => client.stop(),
  };
}

function startAgent({ url }: OpAMPServer, folder: string): Started {
  const directory = join(folder, "config");
  mkdirSync(directory);
  const config = join(folder, "opamp.yaml");
  const settings = {
    server: { ws: { endpoint: url } },
    storage: { directory: join(folder, "state") },
    remote_config: { directory, command: "true" },
  };
  writeFileSync(config, JSON.stringify(settings));
  const terminal = { colours: false, print: () => undefined, complain: () => undefined, exit: () => undefined };
  const ended = runProgram(["agent", "--config", config], terminal);
  return {
    happen: offer,
    async stop() {
      process.emit("SIGTERM", "SIGTERM");
      await ended;
    },
  };
}

function offer(seen: ServerAgent, round: number): Promise<unknown> {
  seen.offerConfig({ "collector.yaml": `round: ${round}\n` });
  return seen.until((agent) => agent.hasApplied(), patience());
}

function patience(): { signal: AbortSignal } {
  return { signal: AbortSignal.timeout(PATIENCE_MS) };
}
