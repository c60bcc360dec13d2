import { OpAMPError, type OpAMPErrorDetails } from "../errors.js";
import type { Redactor } from "./redactor.js";

/** How far down causes are looked at. */
const DEEPEST = 8;

/**
 * An error fit to be shown: itself, unless its words hold a secret. Causes that are errors of this package are cleaned
 * too; others stay as they were thrown, since programs tell them apart by identity.
 */
export function scrubbedError(error: OpAMPError, redactor: Redactor, depth = 0): OpAMPError {
  const message = redactor.text(error.message);
  const hint = redactor.text(error.hint);
  const ours = error.cause instanceof OpAMPError && depth < DEEPEST;
  const cause =
    ours && error.cause instanceof OpAMPError ? scrubbedError(error.cause, redactor, depth + 1) : error.cause;
  if (message === error.message && hint === error.hint && cause === error.cause) return error;
  const details: OpAMPErrorDetails = { hint, cause, retryable: error.retryable, foreignStore: error.foreignStore };
  if (error.httpStatus !== undefined) details.httpStatus = error.httpStatus;
  const clean = new OpAMPError(error.code, message, details);
  // Where it happened, which begins with the message as it was.
  if (error.stack !== undefined) clean.stack = redactor.text(error.stack);
  return clean;
}
