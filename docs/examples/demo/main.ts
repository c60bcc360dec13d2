import { copyFileSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import type { TransportName } from "opamp-client/testing";
import { type AgentSaid, now } from "./messages.js";
import { paint } from "./paint.js";
import { killAll, Peer } from "./peer.js";
import { SETTINGS_STEPS, type SettingsStep } from "./settings/steps.js";
import { SettingsWalk } from "./settings/walk.js";
import { STEPS, type Step } from "./steps.js";
import { seconds, Timeline } from "./timeline.js";
import { Walkthrough } from "./walkthrough.js";
import { loneAgentWords } from "./words.js";

const USAGE = `Shows an OpAMP agent and a server at work, first over WebSocket, then over HTTP.

  npm run demo                                      server and agent, through every step of a configuration
  npm run demo -- settings                          two servers that change the connection of an agent
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

/** What is shown over both transports. */
interface Story<Name extends string> {
  title: string;
  steps: readonly Name[];
  /** Rejects at the first step that fails. @param folder not there yet */
  walk(timeline: Timeline<Name>, folder: string, transport: TransportName): Promise<void>;
}

const configuration: Story<Step> = {
  title: "OpAMP",
  steps: STEPS,
  walk: (timeline, folder, transport) => new Walkthrough(timeline, configFile(folder)).run(transport),
};

const settings: Story<SettingsStep> = {
  title: "Connection settings",
  steps: SETTINGS_STEPS,
  walk: (timeline, folder, transport) => new SettingsWalk(timeline, folder, transport).run(),
};

/** @returns the exit code */
async function tell<Name extends string>({ title, steps, walk }: Story<Name>, folder: string): Promise<number> {
  const timelines: Record<TransportName, Timeline<Name>> = { ws: new Timeline(), http: new Timeline() };
  let failure: string | undefined;
  for (const transport of ["ws", "http"] as const) {
    console.log(`${paint("title", `${title} over ${NAMES[transport]}`)}\n`);
    const timeline = timelines[transport];
    try {
      await walk(timeline, join(folder, transport), transport);
    } catch (error) {
      failure = `over ${NAMES[transport]}, ${error instanceof Error ? error.message : String(error)}`;
    }
    timeline.end();
    console.log("");
    if (failure !== undefined) break;
  }
  printTable(timelines, steps);
  const tookS = seconds(now()).toFixed(1);
  if (failure === undefined) console.log(`\nEvery step was seen over both transports, in ${tookS} s.`);
  else console.log(paint("bad", `\nFAILED after ${tookS} s: ${failure}`));
  return failure === undefined ? 0 : 1;
}

function printTable<Name extends string>(
  timelines: Readonly<Record<TransportName, Timeline<Name>>>,
  steps: readonly Name[],
): void {
  console.log(paint("title", `${"step".padEnd(32)}${NAMES.ws.padEnd(14)}${NAMES.http}`));
  for (const step of steps) {
    const cell = ({ results }: Timeline<Name>): string => {
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
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { url: { type: "string" }, help: { type: "boolean", short: "h" } },
  });
  const [topic, ...others] = positionals;
  if (others.length > 0 || (topic !== undefined && topic !== "settings")) {
    throw new Error(`there is nothing to show of "${positionals.join(" ")}"`);
  }
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
  return topic === "settings" ? tell(settings, folder) : tell(configuration, folder);
}

const exitCode = await main().catch((error: unknown) => {
  console.error(`${error instanceof Error ? error.message : String(error)}\n\n${USAGE}`);
  return 2;
});
process.exit(exitCode);
