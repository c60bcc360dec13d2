import { messageOf, OpAMPError, type OpAMPErrorCode } from "../errors.js";
import { isRefusedByProxy } from "../transport/proxy/proxy-error.js";

/** What another attempt with the same settings cannot change, soon enough to wait for it. */
const FINAL: ReadonlySet<OpAMPErrorCode> = new Set<OpAMPErrorCode>([
  "ERR_OPAMP_TLS",
  "ERR_OPAMP_UNAUTHORIZED",
  "ERR_OPAMP_NOT_OPAMP",
  "ERR_OPAMP_OPTION",
  "ERR_OPAMP_INCOMPLETE",
  "ERR_OPAMP_TOO_LARGE",
]);
/** Of the statuses of a client's fault those that pass: a time-out, too early, too many requests. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429]);
const MAX_TEXT = 1_000;

/** Whether a failure of settings on trial is one that another attempt cannot change. */
export function isFinalFailure(error: unknown): boolean {
  if (!(error instanceof OpAMPError)) return false;
  const { httpStatus = 0 } = error;
  // A redirect that is not followed, or a fault of the client.
  const isAnswer = httpStatus >= 300 && httpStatus < 500 && !PASSING.has(httpStatus);
  return FINAL.has(error.code) || isAnswer || isRefusedByProxy(error);
}

/** Why settings were not accepted, as the server is told: the reason and its hint, bounded. */
export function failureText(error: unknown): string {
  const hint = error instanceof OpAMPError ? ` (${error.hint})` : "";
  const text = `${messageOf(error)}${hint}`;
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT - 3)}...`;
}
