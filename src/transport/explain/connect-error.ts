import { OpAMPError, type OpAMPErrorCode } from "../../errors.js";
import { parseRetryAfter } from "../../wire/retry-after.js";
import { answered, ended } from "../loss.js";
import type { Loss } from "../transport.js";
import { failureOf, forgetBytes, type Stage } from "./explain.js";
import { type Answer, explainBody, explainBytes } from "./explain-content.js";
import { explainNetwork } from "./explain-network.js";
import { explainStatus, type ResponseHeaders, single } from "./explain-status.js";
import { explainTls } from "./explain-tls.js";

/** No link came about, so nothing left: what the options ask for cannot be done, or the network failed. */
export function dialFailed(cause: unknown, url: URL): Loss {
  return { ...ended(explained(cause, url, "dialling", `no connection to ${url.host}`)), fate: "unsent" };
}

/**
 * A link that was up broke.
 *
 * @param answered whether the server has answered on it before; where not, TLS or the port may be what is wrong
 */
export function brokeOff(cause: unknown, url: URL, isAnswered = true): Loss {
  const text = `the connection to ${url.host} broke`;
  const error =
    cause === undefined
      ? new OpAMPError("ERR_OPAMP_CLOSED", `${text}: without a Close frame`)
      : explained(cause, url, isAnswered ? "answered" : "unanswered", text);
  return { ...ended(error), orderly: error.code !== "ERR_OPAMP_CLOSED" };
}

/** The server answered the upgrade with 101, but the handshake is invalid (RFC 6455, 4.1). */
export function handshakeFailed(cause: unknown, url: URL): Loss {
  const text = `${url.host}${url.pathname} failed the WebSocket handshake: ${failureOf(cause).text || "unknown reason"}`;
  const hint =
    "a proxy in between garbles the upgrade, or it is not a WebSocket server: check the port, and bypass the proxy";
  forgetBytes(cause);
  return ended(new OpAMPError("ERR_OPAMP_NOT_OPAMP", text, { cause, hint }));
}

/**
 * An HTTP answer, to a POST or to an upgrade, that carries no payload (AMB-21).
 *
 * @param wallNowMs milliseconds since the Unix epoch, for Retry-After as a date
 * @param start the first bytes of the body, where `bodyTells(status)` says that they are of use
 */
export function statusRefused(
  status: number,
  headers: ResponseHeaders,
  url: URL,
  wallNowMs: number,
  start?: Uint8Array,
): Loss {
  const { code, says, hint } = explainStatus(status, headers, url, start);
  const throttled = code === "ERR_OPAMP_THROTTLED";
  const retryAfterMs = throttled ? parseRetryAfter(single(headers["retry-after"]), wallNowMs) : undefined;
  const pause = retryAfterMs === undefined ? "" : `; ${pauseText(retryAfterMs)}`;
  const text = `${url.host}${url.pathname} answered ${status}${says}${pause}`;
  const loss = answered(new OpAMPError(code, text, { httpStatus: status, hint }));
  if (code === "ERR_OPAMP_TOO_LARGE") return { ...loss, fate: "refused" };
  return retryAfterMs === undefined ? { ...loss, throttled } : { ...loss, throttled, retryAfterMs };
}

/** What a server asks for that is too busy. */
export function pauseText(ms: number): string {
  return `it asks for a pause of ${Math.ceil(ms / 1_000)} s`;
}

/** The same, where a redirect led from the client's own URL to another place, which is not in the user's settings. */
export function afterRedirect(loss: Loss, from: URL, at: URL): Loss {
  const isSame = from.origin === at.origin && from.pathname === at.pathname;
  return isSame ? loss : { ...loss, error: beyondRedirect(loss.error, from, at) };
}

/** What went wrong at the place that a redirect leads to. */
export function beyondRedirect(error: OpAMPError, from: URL, at: URL): OpAMPError {
  const { code, message, hint, httpStatus, retryable, cause } = error;
  // On one host only the path tells them apart.
  const path = from.host === at.host ? at.pathname : "";
  const text = `redirected by ${from.host} to ${at.host}${path}: ${message}`;
  const where = `${from.host} redirects there, so a login page or a proxy may stand in the way; ${hint}`;
  return new OpAMPError(code, text, { hint: where, httpStatus, retryable, cause });
}

/** Why the content of a successful answer is not OpAMP; `undefined` if it may be. An empty body without a type is. */
export function notOpamp(answer: Answer, url: URL): OpAMPError | undefined {
  const misfit = explainBody(answer, url);
  if (misfit === undefined) return undefined;
  const text = `${url.host}${url.pathname} answered with ${misfit.says}`;
  return new OpAMPError("ERR_OPAMP_NOT_OPAMP", text, { hint: misfit.hint });
}

/** @returns the cause itself where it is explained already */
function explained(cause: unknown, url: URL, stage: Stage, text: string): OpAMPError {
  if (cause instanceof OpAMPError) return cause;
  const failure = failureOf(cause);
  forgetBytes(cause);
  const found = explainTls(failure, url) ?? explainNetwork(failure, url, stage) ?? explainBytes(failure, url);
  if (found !== undefined) return new OpAMPError(found.code, `${text}: ${found.says}`, { cause, hint: found.hint });
  const code: OpAMPErrorCode = stage === "dialling" ? "ERR_OPAMP_CONNECT" : "ERR_OPAMP_CLOSED";
  return new OpAMPError(code, `${text}: ${failure.text || failure.code || "unknown reason"}`, { cause });
}
