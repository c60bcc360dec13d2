import { messageOf, OpAMPError } from "../errors.js";
import type { Dialling } from "./dial.js";
import { proxyOverdue } from "./proxy/proxy-error.js";
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

/** A status came in answer to the payload, and nothing that can be used. */
export function answered(error: OpAMPError): Loss {
  return { ...ended(error), fate: "answered" };
}

/** A transport must not throw; one that does has lost its link. */
export function threwIn(call: string, cause: unknown): Loss {
  const error =
    cause instanceof OpAMPError
      ? cause
      : new OpAMPError("ERR_OPAMP_CONNECT", `the transport's ${call} threw: ${messageOf(cause)}`, { cause });
  return ended(error);
}

/** Why a connection did not come about in the time for that. */
export function dialOverdue({ awaited }: Dialling, { host }: URL): OpAMPError {
  if (awaited === "network") {
    const hint = "the host is down, or a firewall drops what is sent to it: check both, and the port";
    return overdue(`no connection to ${host}: nobody answered within timeouts.connectMs`, hint);
  }
  if (awaited === "tls") {
    const hint =
      "what listens there takes connections but does not speak TLS, or is stuck: check the port, and that the URL's scheme is right";
    return overdue(`no connection to ${host}: the TLS handshake did not end within timeouts.connectMs`, hint);
  }
  return proxyOverdue(awaited);
}

/** The connection is there, and the upgrade is not answered. */
export function upgradeOverdue({ host, pathname }: URL): OpAMPError {
  const hint =
    'something in between holds WebSocket up, or the server is stuck: try an http or https URL, or transport: "auto"';
  return overdue(`${host}${pathname} did not answer the upgrade to WebSocket within timeouts.connectMs`, hint);
}

/** The request left, and its answer is not there as a whole. */
export function answerOverdue({ host, pathname }: URL): OpAMPError {
  const hint = "check that it is OpAMP's port, and the server's log; a slow server needs a longer timeouts.answerMs";
  return overdue(`${host}${pathname} did not answer within timeouts.answerMs`, hint);
}

/** The headers are still awaited. */
export function headersOverdue(): OpAMPError {
  return new OpAMPError("ERR_OPAMP_HEADERS", "the headers function did not return in time: nothing was sent");
}

function overdue(message: string, hint: string): OpAMPError {
  return new OpAMPError("ERR_OPAMP_TIMEOUT", message, { hint });
}
