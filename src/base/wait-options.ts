import { checkOptions, wrongKind, wrongOption } from "./checks.js";

/** How long to wait. */
export interface WaitOptions {
  /**
   * In milliseconds; `Infinity` for as long as it takes. Default: 5 000 for the waits of `opamp-client/testing`, 3 000 under
   * vitest and Jest, which end a test after 5 000, and `Infinity` for `connected()` of a client.
   */
  timeoutMs?: number | undefined;
  /** Gives up the wait when it aborts. Default: none. */
  signal?: AbortSignal | undefined;
}

/** vitest and Jest set these; a test that they end says nothing of what it waited for, and has a client to stop as well. */
const hasTestLimit = process.env["VITEST"] !== undefined || process.env["JEST_WORKER_ID"] !== undefined;

/**
 * `timeoutMs`: what the waits of the test kit have where nothing else is said, and the least in real time of a `connected()`
 * on a clock that stands still. `stopMs`: the same for `stop()`.
 */
export const waitDefaults = { timeoutMs: hasTestLimit ? 3_000 : 5_000, stopMs: 1_000 };

/**
 * Checks what a caller gave.
 *
 * @param call how the caller called it, for the error
 * @throws {OpAMPError} ERR_OPAMP_OPTION naming the option
 */
export function checkWaitOptions(call: string, options: WaitOptions): void {
  checkOptions(call, options, { timeoutMs: true, signal: true });
  const { timeoutMs, signal } = options;
  // By its shape: another realm, as tests have, has a class of its own.
  if (signal !== undefined && typeof signal?.aborted !== "boolean") {
    throw wrongKind("signal", "an AbortSignal", signal);
  }
  if (timeoutMs !== undefined && !(typeof timeoutMs === "number" && timeoutMs >= 0)) {
    throw wrongOption("timeoutMs", "must be a number of milliseconds, 0 or more");
  }
}
