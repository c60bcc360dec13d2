import { setTimeout as delay } from "node:timers/promises";
import { Agent } from "../agent/agent.js";
import type { ServiceName } from "../agent/extension-host.js";
import type { AgentConfig } from "../agent/file/agent-config.js";
import type { LogFormat, LogLevel } from "../agent/file/log-words.js";
import { type Logger, logError } from "../diagnostics/logger.js";
import { errorsIn } from "../diagnostics/one-line.js";
import { failuresIn } from "../errors.js";
import { readAgentFile } from "./agent-file.js";
import { agentLog } from "./agent-log.js";
import { dryRun, dryRunText } from "./dry-run.js";
import type { LifecycleRequest, LifecycleRequests } from "./lifecycle-requests.js";
import { checkNeeds, isForeign } from "./run-needs.js";
import { fileWords } from "./surface-words.js";
import { packageVersion, type Terminal } from "./terminal.js";

/** The options of the command as they were given. */
export interface AgentFlags {
  config: string;
  logFormat?: LogFormat;
  logLevel?: LogLevel;
  dryRun?: true;
}

/** For a directory that is being opened, once the agent is to end. */
const STUCK_MS = 5_000;
const EXIT = { stop: 0, fail: 1, wrong: 2, refuse: 3 } as const;

/**
 * Runs `opamp agent`.
 *
 * @param requests what signals ask for; not used in a dry run
 * @returns what the process is to exit with
 * @throws OpAMPError `ERR_OPAMP_OPTION` for a configuration that is wrong, unless it goes into a log of JSON
 */
export async function runAgent(flags: AgentFlags, terminal: Terminal, requests: LifecycleRequests): Promise<number> {
  const warnings: string[] = [];
  try {
    return await run(flags, terminal, requests, warnings);
  } catch (error) {
    if (flags.logFormat !== "json") {
      for (const text of warnings) terminal.complain(`warning: ${text}`);
      throw error;
    }
    const log = agentLog({ format: "json", level: "warn", write: (line) => terminal.complain(line) });
    for (const text of warnings) log.warn(text);
    for (const one of errorsIn(error)) logError(log, "error", one);
    return EXIT.wrong;
  }
}

/** @param warnings those of the configuration that are not in the log yet */
async function run(
  flags: AgentFlags,
  terminal: Terminal,
  requests: LifecycleRequests,
  warnings: string[],
): Promise<number> {
  const config = await readAgentFile(flags.config, (text) => warnings.push(text));
  const format = flags.logFormat ?? config.log.format;
  const log = agentLog({ format, level: flags.logLevel ?? config.log.level, write: terminal.complain });
  for (const text of warnings.splice(0)) log.warn(text);
  if (flags.dryRun === true) {
    requests.end();
    const { problems, warnings: doubts, notes } = await checkNeeds(config);
    for (const text of doubts) log.warn(text);
    for (const text of notes) log.info(text);
    for (const { text } of problems) log.error(text);
    if (problems.length > 0) return Math.max(...problems.map(({ exitCode }) => exitCode));
    const outcome = await dryRun(config, log, serviceOf());
    terminal.print(format === "json" ? JSON.stringify(outcome, undefined, 2) : dryRunText(outcome));
    return EXIT.stop;
  }
  return runUntilSignalled(config, flags.config, log, requests);
}

async function runUntilSignalled(
  first: AgentConfig,
  path: string,
  log: Logger,
  requests: LifecycleRequests,
): Promise<number> {
  const make = (config: AgentConfig, triesAgain: boolean): Agent =>
    new Agent(config, {
      log,
      words: fileWords,
      triesAgain,
      service: serviceOf(),
      onStopped(message) {
        log.error(`Stopped: ${message}`);
        requests.add("fail");
      },
    });
  let agent = make(first, false);
  for (;;) {
    const remake = async () => make(await usableConfig(path, log), true);
    const next = await lifeOf(agent, requests, remake);
    if (typeof next === "string") return EXIT[next];
    agent = next;
  }
}

/** Runs one agent to its end. @returns the one that takes its place, or that there is none */
async function lifeOf(
  agent: Agent,
  requests: LifecycleRequests,
  remake: () => Promise<Agent>,
): Promise<Agent | Exclude<LifecycleRequest, "reload">> {
  let isOver = false;
  agent.start().catch((error: unknown) => {
    // An agent that has been replaced may still fail; that does not concern its successor.
    if (isOver) return;
    logError(agent.log, "error", error);
    requests.add(isForeign(error) ? "refuse" : "fail");
  });
  let next: Agent | Exclude<LifecycleRequest, "reload"> | undefined;
  while (next === undefined) {
    const request = await requests.next();
    next = request === "reload" ? await remade(remake, agent.log) : request;
  }
  isOver = true;
  const connection = agent.isConnected ? "disconnecting from the server" : "there is no connection to the server";
  if (next === "stop") agent.log.info(`Shutting down: ${connection}`);
  const stopped = agent.stop();
  await Promise.race([stopped, delay(STUCK_MS, undefined, { ref: false })]);
  if (agent.opening !== undefined) {
    agent.log.error(`${agent.opening} does not answer: exiting at once`);
    // An orderly end would wait for the file system too.
    requests.endAtOnce("SIGTERM");
  }
  await stopped;
  return next;
}

/**
 * Reads the file again, and looks for everything that a run with it needs.
 *
 * @throws AggregateError of all that is missing
 */
async function usableConfig(path: string, log: Logger): Promise<AgentConfig> {
  const config = await readAgentFile(path, (text) => log.warn(text));
  // On a file system that does not answer this may never end, and the old agent is to remain of use.
  const looks = await Promise.race([checkNeeds(config), delay(STUCK_MS, undefined, { ref: false })]);
  if (looks === undefined)
    throw new Error(`its files and directories could not be checked within ${STUCK_MS / 1_000} s`);
  for (const text of looks.warnings) log.warn(text);
  if (looks.problems.length > 0) throw new AggregateError(looks.problems.map(({ text }) => new Error(text)));
  return config;
}

/** A configuration that is wrong leaves the agent as it is: there may be nobody to start it again. */
async function remade(remake: () => Promise<Agent>, log: Logger): Promise<Agent | undefined> {
  try {
    const agent = await remake();
    log.info("SIGHUP: restarting with the new configuration");
    return agent;
  } catch (error) {
    const all = failuresIn(error) ?? errorsIn(error);
    for (const one of all) logError(log, "error", one, "SIGHUP: keeping the old configuration: ");
    return undefined;
  }
}

function serviceOf(): ServiceName {
  return { name: "opamp-agent", version: packageVersion() };
}
