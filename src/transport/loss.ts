import { OpAMPError } from "../errors.js";
import { CLOSE_NOW, type Loss } from "./transport.js";

/** This side ended the link. */
export function closedHere(code: number, reason: string): Loss {
  const error = new OpAMPError("ERR_OPAMP_CLOSED", `closed from this side: ${reason}`);
  return { ...ended(error), orderly: code !== CLOSE_NOW };
}

/** A link that ended because the peer said so, or said what cannot be used. A payload under way may have arrived. */
export function ended(error: OpAMPError): Loss {
  return { error, fate: "unknown", orderly: true, throttled: false };
}
