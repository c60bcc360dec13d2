import { OpAMPError } from "../errors.js";

/** The `ERR_OPAMP_SETTINGS` for something in an offer; the server is told all of it, so no value of a secret is in it. */
export function refused(where: string, problem: string, hint?: string): OpAMPError {
  return new OpAMPError("ERR_OPAMP_SETTINGS", `${where} ${problem}`, { hint });
}

/** @throws OpAMPError `ERR_OPAMP_SETTINGS` for text or bytes above their bound */
export function checkSize(where: string, { length }: { readonly length: number }, max: number): void {
  if (length > max) throw refused(where, `is too large: ${length}, and at most ${max} are taken`);
}
