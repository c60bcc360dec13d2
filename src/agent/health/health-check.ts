import { MAX_TIMER_MS } from "../../base/time.js";
import { type Clock, systemClock } from "../../client/clock.js";
import type { Logger } from "../../diagnostics/logger.js";
import { createRedactor } from "../../diagnostics/redactor.js";
import { failuresIn, messageOf } from "../../errors.js";
import { runCommand } from "../commands/run-command.js";
import type { HealthCheckSettings, HealthTimes } from "../file/health-keys.js";

const redactor = createRedactor();

/** What a health check runs on. */
export interface HealthCheckHost {
  /** Called with the first result, and when it changes: with what is wrong, or with nothing. Must not throw. */
  readonly report: (problem: string | undefined) => void;
  /** Takes what a command writes, at level debug. Default: nothing is logged. */
  readonly log?: Pick<Logger, "debug">;
  /** Default: the system's, which does not keep the process alive. */
  readonly clock?: Clock;
}

/** A health check under way. */
export interface HealthCheck {
  /** Resolves when nothing of it is left; a check under way is ended and reports nothing. */
  stop(): Promise<void>;
}

/** Checks at once and then again and again whether a program is well. */
export function healthCheck(
  check: HealthCheckSettings,
  times: HealthTimes,
  { report, log, clock = systemClock(false) }: HealthCheckHost,
): HealthCheck {
  const intervalMs = Math.min(times.intervalMs, MAX_TIMER_MS);
  const timeoutMs = Math.min(times.timeoutMs, MAX_TIMER_MS);
  const stopping = new AbortController();
  const { signal } = stopping;
  /** `null` before the first result. */
  let last: string | undefined | null = null;
  let endWait: (() => void) | undefined;
  let checking: Promise<void> = Promise.resolve();

  async function ask(): Promise<string | undefined> {
    try {
      if ("url" in check) return await askUrl(new URL(check.url), timeoutMs, signal, clock);
      await runCommand(check.command, { timeoutMs, signal, log });
      return undefined;
    } catch (error) {
      // A host with several addresses fails with one error for each.
      return redactor.text(messageOf(failuresIn(error)?.at(-1) ?? error));
    }
  }

  async function checkOnce(): Promise<void> {
    const problem = await ask();
    if (signal.aborted) return;
    endWait = clock.after(intervalMs, begin);
    if (problem === last) return;
    last = problem;
    report(problem);
  }

  function begin(): void {
    checking = checkOnce();
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
async function askUrl(url: URL, timeoutMs: number, stop: AbortSignal, clock: Clock): Promise<string | undefined> {
  const late = new AbortController();
  const endWait = clock.after(timeoutMs, () => late.abort(new Error(`no answer within ${timeoutMs} ms`)));
  try {
    const status = await statusOf(url, AbortSignal.any([stop, late.signal]));
    if (status >= 200 && status < 300) return undefined;
    const more = status >= 300 && status < 400 ? ", a redirect, which is not followed" : "";
    return `${url.host} answered ${status}${more}`;
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
