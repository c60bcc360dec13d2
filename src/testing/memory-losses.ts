import { isObject, wrongKind } from "../base/checks.js";
import { checkByRules, isAmount, isWholeNumber, type RulesFor } from "../base/rules.js";
import { OpAMPError } from "../errors.js";
import { statusRefused } from "../transport/explain/connect-error.js";
import { answered } from "../transport/loss.js";
import type { Loss } from "../transport/transport.js";

/** An HTTP answer that refuses, as a loss is made of it. */
export interface RefusedStatus {
  /** Such as 401, 413, 429 or 503. */
  httpStatus: number;
  /** What Retry-After says, in milliseconds. Default: there is none. Followed with 429 and 503 (THR-04). */
  retryAfterMs?: number | undefined;
  /** What makes it worthwhile to try again at once: see {@link Loss.renewed}. Default: nothing. */
  renewed?: Loss["renewed"] | undefined;
}

const STATUS: RulesFor<RefusedStatus> = {
  httpStatus: isWholeNumber(300, 599),
  retryAfterMs: isAmount,
  // A word of the transport seam, which the client reads.
  renewed: () => undefined,
};

/** Throws ERR_OPAMP_OPTION for what is neither a status nor a loss. */
export function checkReason(reason: RefusedStatus | Loss): void {
  if (!isObject(reason)) throw wrongKind("reason", "given an object such as { httpStatus }", reason);
  if (!("error" in reason)) checkByRules("reason", reason, STATUS, ["httpStatus"]);
  else if (!(reason.error instanceof OpAMPError)) throw wrongKind("reason.error", "an OpAMPError", reason.error);
}

/** Where the server would be, for the texts of errors. */
const NOWHERE = new URL("http://memory/v1/opamp");

/** A connection that was up has ended. */
export function closed(text: string, orderly: boolean): Loss {
  return { error: new OpAMPError("ERR_OPAMP_CLOSED", text), fate: "unknown", orderly, throttled: false };
}

/** Another client has opened the same transport. */
export function shared(): Loss {
  const hint = "give each client a memoryTransport(server) of its own";
  const error = new OpAMPError("ERR_OPAMP_CLOSED", "another client has taken over this memoryTransport", { hint });
  return { ...closed("", false), error };
}

/** Nothing listens there. */
export function nobody(): Loss {
  const error = new OpAMPError("ERR_OPAMP_CONNECT", "no connection over the memory transport: refused");
  return { error, fate: "unsent", orderly: true, throttled: false };
}

/** Nothing listens at this place, which is none of the known ones. */
export function nobodyAt(place: string, known: string): Loss {
  const hint = `its servers are at ${known}; one without a port there is at any port`;
  const text = `no connection over the memory transport: refused, none of its servers is at ${place}`;
  return { ...nobody(), error: new OpAMPError("ERR_OPAMP_CONNECT", text, { hint }) };
}

/** The server refuses with a status. */
export function lossOf({ httpStatus, retryAfterMs, renewed }: RefusedStatus): Loss {
  const loss = statusRefused(httpStatus, {}, NOWHERE, 0);
  return {
    ...loss,
    ...(loss.throttled && retryAfterMs !== undefined && { retryAfterMs }),
    ...(renewed !== undefined && { renewed }),
  };
}

/** The server calls a message malformed. */
export function refused(reason: string): Loss {
  const error = new OpAMPError("ERR_OPAMP_HTTP_STATUS", `the server answered 400: ${reason}`, { httpStatus: 400 });
  return answered(error);
}
