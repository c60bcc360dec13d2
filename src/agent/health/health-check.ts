import { checkFunction, checkFunctions, durations, refuseUnknown } from "../../base/checks.js";
import { isOptions, kindOf, wrongOption } from "../../base/option-path.js";
import { MAX_TIMER_MS } from "../../base/time.js";
import { type Clock, systemClock } from "../../client/clock.js";
import type { Logger } from "../../diagnostics/logger.js";
import { createRedactor } from "../../diagnostics/redactor.js";
import { messageOf } from "../../errors.js";
import type { Health } from "../../values/health.js";
import { type Command, checkCommand } from "../commands/command.js";
import { runCommand } from "../commands/run-command.js";

/** How to learn whether a program is well: by a command or by a URL. */
export interface HealthCheckOptions {
  /** Healthy is exit code 0. */
  command?: Command;
  /** Asked by GET, http or https; healthy is a status from 200 to 299. Redirects are not followed. */
  url?: string;
  /** From the end of a check to the next, in milliseconds. Default 30 000. */
  intervalMs?: number;
  /** For one check, in milliseconds; then it has failed. Default 5 000. */
  timeoutMs?: number;
  /** Called with the first result, and when it changes. Status words are those of the Collector. Must not throw. */
  report: (health: Health) => void;
  /** Takes what a command writes, at level debug. Default: nothing is logged. */
  log?: Pick<Logger, "debug">;
  /** Whether it keeps the process alive between checks. Default false. */
  keepAlive?: boolean;
  /** Default: the system's. */
  clock?: Clock;
}

/** A health check under way. */
export interface HealthCheck {
  /** Resolves when nothing of it is left; a check under way is ended and reports nothing. */
  stop(): Promise<void>;
}

const KEYS = {
  command: true,
  url: true,
  intervalMs: true,
  timeoutMs: true,
  report: true,
  log: true,
  keepAlive: true,
  clock: true,
} as const satisfies Record<keyof HealthCheckOptions, true>;

/** Longer ones would end at once. */
const TIMES = { intervalMs: 30_000, timeoutMs: 5_000 };

/**
 * Checks at once and then again and again whether a program is well.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export function healthCheck(options: HealthCheckOptions): HealthCheck {
  const { intervalMs, timeoutMs } = checked(options);
  const { report, log, clock = systemClock(options.keepAlive === true) } = options;
  const redactor = createRedactor();
  const stopping = new AbortController();
  let last: Health | undefined;
  let endWait: (() => void) | undefined;
  let checking: Promise<void> = Promise.resolve();

  async function ask(signal: AbortSignal): Promise<string | undefined> {
    const { command, url } = options;
    try {
      if (command !== undefined) await runCommand(command, { timeoutMs, signal, log, redactor });
      else if (url !== undefined) return await askUrl(url, timeoutMs, signal, clock);
      return undefined;
    } catch (error) {
      return redactor.text(reasonOf(error));
    }
  }

  async function check(): Promise<void> {
    const problem = await ask(stopping.signal);
    if (stopping.signal.aborted) return;
    endWait = clock.after(intervalMs, begin);
    const health: Health =
      problem === undefined
        ? { healthy: true, status: "StatusOK" }
        : { healthy: false, status: "StatusRecoverableError", lastError: problem };
    if (last?.healthy === health.healthy && last.lastError === health.lastError) return;
    last = health;
    report(health);
  }

  function begin(): void {
    checking = check();
  }

  begin();
  return {
    async stop() {
      stopping.abort(new Error("the health check was stopped"));
      endWait?.();
      await checking;
    },
  };
}

/** @returns what is wrong, or nothing */
async function askUrl(url: string, timeoutMs: number, stop: AbortSignal, clock: Clock): Promise<string | undefined> {
  const late = new AbortController();
  const endWait = clock.after(timeoutMs, () => late.abort(new Error(`no answer within ${timeoutMs} ms`)));
  try {
    const status = await statusOf(new URL(url), AbortSignal.any([stop, late.signal]));
    if (status >= 200 && status < 300) return undefined;
    const more = status >= 300 && status < 400 ? ", a redirect, which is not followed" : "";
    return `${new URL(url).host} answered ${status}${more}`;
  } finally {
    endWait();
  }
}

/** Not by `fetch`, which refuses some ports and keeps connections. */
async function statusOf(url: URL, signal: AbortSignal): Promise<number> {
  const { get } = url.protocol === "https:" ? await import("node:https") : await import("node:http");
  return await new Promise((resolve, reject) => {
    const failed = (error: unknown) => reject(signal.aborted ? signal.reason : error);
    const request = get(url, { agent: false, signal }, (response) => {
      // Its body is of no interest.
      response.on("error", failed).destroy();
      resolve(response.statusCode ?? 0);
    });
    request.on("error", failed);
  });
}

/** A host with several addresses fails with one error for each. */
function reasonOf(error: unknown): string {
  return messageOf(error instanceof AggregateError ? error.errors.at(-1) : error);
}

function checked(options: HealthCheckOptions): typeof TIMES {
  if (!isOptions(options)) throw wrongOption("healthCheck", `must be an object, not ${kindOf(options)}`);
  refuseUnknown("healthCheck", options, KEYS);
  const { command, url, report, log, clock } = options;
  if ((command === undefined) === (url === undefined)) {
    throw wrongOption("healthCheck", "must have either `command` or `url`");
  }
  if (command !== undefined) checkCommand("healthCheck.command", command);
  if (url !== undefined) checkUrl(url);
  if (report === undefined)
    throw wrongOption("healthCheck.report", "is missing; give a function that takes the health");
  checkFunction("healthCheck.report", report);
  checkFunctions("healthCheck.log", log, ["debug"]);
  checkFunctions("healthCheck.clock", clock, ["now", "wallNow", "after", "soon"]);
  const { intervalMs, timeoutMs } = options;
  const times = durations(
    "healthCheck",
    { ...(intervalMs !== undefined && { intervalMs }), ...(timeoutMs !== undefined && { timeoutMs }) },
    TIMES,
  );
  return {
    intervalMs: Math.min(times.intervalMs, MAX_TIMER_MS),
    timeoutMs: Math.min(times.timeoutMs, MAX_TIMER_MS),
  };
}

function checkUrl(url: unknown): void {
  const parsed = typeof url === "string" && URL.canParse(url) ? new URL(url) : undefined;
  if (parsed?.protocol === "http:" || parsed?.protocol === "https:") return;
  throw wrongOption("healthCheck.url", "must be an http or https URL, such as http://127.0.0.1:13133/");
}
