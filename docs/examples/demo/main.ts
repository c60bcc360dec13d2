import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { TransportName } from "opamp-client/testing";
import { type AgentSaid, now } from "./messages.js";
import { paint } from "./paint.js";
import { killAll, Peer } from "./peer.js";
import { STEPS } from "./steps.js";
import { seconds, Timeline } from "./timeline.js";
import { Walkthrough } from "./walkthrough.js";
import { loneAgentWords } from "./words.js";

const USAGE = `Shows an OpAMP agent and a server at work, first over WebSocket, then over HTTP.

  npm run demo                                      server and agent, through every step
  npm run demo -- --url ws://host:4320/v1/opamp     only the agent, against a server you have, until Ctrl-C
                                                    (ws, wss, http or https)
`;

const NAMES: Record<TransportName, string> = { ws: "WebSocket", http: "HTTP" };

/** Makes a folder for one agent, with the Collector's configuration in it. */
function configFile(folder: string): string {
  mkdirSync(folder);
  const path = join(folder, "collector.yaml");
  copyFileSync(fileURLToPath(new URL("collector.yaml", import.meta.url)), path);
  return path;
}

/** @returns the exit code */
async function walkThroughAll(folder: string): Promise<number> {
  const timelines: Record<TransportName, Timeline> = { ws: new Timeline(), http: new Timeline() };
  let failure: string | undefined;
  for (const transport of ["ws", "http"] as const) {
    console.log(`${paint("title", `OpAMP over ${NAMES[transport]}`)}\n`);
    const timeline = timelines[transport];
    try {
      await new Walkthrough(timeline, configFile(join(folder, transport))).run(transport);
    } catch (error) {
      failure = `over ${NAMES[transport]}, ${error instanceof Error ? error.message : String(error)}`;
    }
    timeline.end();
    console.log("");
    if (failure !== undefined) break;
  }
  printTable(timelines);
  const tookS = seconds(now()).toFixed(1);
  if (failure === undefined) console.log(`\nEvery step was seen over both transports, in ${tookS} s.`);
  else console.log(paint("bad", `\nFAILED after ${tookS} s: ${failure}`));
  return failure === undefined ? 0 : 1;
}

function printTable(timelines: Record<TransportName, Timeline>): void {
  console.log(paint("title", `${"step".padEnd(32)}${NAMES.ws.padEnd(14)}${NAMES.http}`));
  for (const step of STEPS) {
    const cell = ({ results }: Timeline): string => {
      if (!results.has(step)) return "-";
      const seenAt = results.get(step);
      return seenAt === undefined ? "FAILED" : `ok ${seenAt.toFixed(2).padStart(6)} s`;
    };
    console.log(`${step.padEnd(32)}${cell(timelines.ws).padEnd(14)}${cell(timelines.http)}`);
  }
}

/** Runs the agent against somebody else's server until it is told to stop. */
async function runAgent(url: string, folder: string): Promise<number> {
  const timeline = new Timeline();
  const path = configFile(join(folder, "agent"));
  const args = [url, dirname(path)];
  const agent = new Peer<AgentSaid>({ name: "agent", script: "agent.ts", args, words: loneAgentWords }, timeline);
  timeline.line("demo", [`runs an agent for ${path} against ${url}; Ctrl-C ends it`]);
  for (const signal of ["SIGHUP", "SIGINT", "SIGTERM"]) process.once(signal, () => agent.signal("SIGTERM"));
  const { code } = await agent.ended;
  timeline.end();
  return code ?? 1;
}

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { url: { type: "string" }, help: { type: "boolean", short: "h" } } });
  if (values.help) {
    console.log(USAGE);
    return 0;
  }
  const folder = mkdtempSync(join(tmpdir(), "opamp-demo-"));
  process.on("exit", () => {
    killAll();
    rmSync(folder, { recursive: true, force: true });
  });
  if (values.url !== undefined) return runAgent(values.url, folder);
  for (const [signal, code] of Object.entries({ SIGHUP: 129, SIGINT: 130, SIGTERM: 143 })) {
    process.on(signal, () => process.exit(code));
  }
  return walkThroughAll(folder);
}

const exitCode = await main().catch((error: unknown) => {
  console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  return 2;
});
process.exit(exitCode);
