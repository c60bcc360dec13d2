import { messageOf, OpAMPError } from "../errors.js";

/** What went wrong and what to do about it, for a log or a terminal. */
export function errorLine(error: unknown): string {
  return error instanceof OpAMPError ? `${error.message} (${error.hint})` : messageOf(error);
}
