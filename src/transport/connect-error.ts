import { messageOf, OpAMPError, type OpAMPErrorDetails } from "../errors.js";
import { parseRetryAfter } from "../wire/retry-after.js";
import { CLOSE_NOW, type Loss } from "./transport.js";

const PLAIN_SERVER = "the server does not speak TLS: use ws:// or http://";

/** What a person can do about a failure below HTTP, where its code tells. */
const HINTS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "nothing listens there: check that the server is up, and the port (OpAMP's default is 4320)",
  ENOTFOUND: "the host name does not resolve: check its spelling and the DNS",
  EAI_AGAIN: "the host name does not resolve for now: check the DNS",
  EPROTO: PLAIN_SERVER,
  ERR_SSL_PACKET_LENGTH_TOO_LONG: PLAIN_SERVER,
  ERR_SSL_WRONG_VERSION_NUMBER: PLAIN_SERVER,
};

/** No link came about, so nothing left. */
export function dialFailed(cause: unknown, url: URL): Loss {
  return { ...ended(lowLevel("ERR_OPAMP_CONNECT", `no connection to ${url.host}`, cause)), fate: "unsent" };
}

/** A link that was up broke. */
export function brokeOff(cause: unknown, url: URL): Loss {
  const text = `the connection to ${url.host} broke`;
  const error =
    cause === undefined
      ? new OpAMPError("ERR_OPAMP_CLOSED", `${text}: without a Close frame`)
      : lowLevel("ERR_OPAMP_CLOSED", text, cause);
  return { ...ended(error), orderly: error.code === "ERR_OPAMP_NOT_OPAMP" };
}

/** This side ended the link. */
export function closedHere(code: number, reason: string): Loss {
  const error = new OpAMPError("ERR_OPAMP_CLOSED", `closed from this side: ${reason}`);
  return { ...ended(error), orderly: code !== CLOSE_NOW };
}

/** A link that ended because the peer said so, or said what cannot be used. A payload under way may have arrived. */
export function ended(error: OpAMPError): Loss {
  return { error, fate: "unknown", orderly: true, throttled: false };
}

/** An HTTP answer, to a POST or to an upgrade, that carries no payload (AMB-21). */
export function statusRefused(
  status: number,
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  url: URL,
  wallNowMs: number,
): Loss {
  const answered = `${url.host}${url.pathname} answered ${status}`;
  const details: OpAMPErrorDetails = { httpStatus: status };
  switch (status) {
    case 401:
    case 403:
      return ended(new OpAMPError("ERR_OPAMP_UNAUTHORIZED", `${answered}: the credentials are not accepted`, details));
    case 413: {
      const error = new OpAMPError("ERR_OPAMP_TOO_LARGE", `${answered}: the message is too large for it`, details);
      return { ...ended(error), fate: "refused" };
    }
    case 429:
    case 503: {
      const retryAfterMs = parseRetryAfter(single(headers["retry-after"]), wallNowMs);
      const error = new OpAMPError("ERR_OPAMP_THROTTLED", `${answered}: it is too busy`, details);
      return { ...ended(error), throttled: true, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
    }
    default:
      if (status < 300)
        return ended(new OpAMPError("ERR_OPAMP_NOT_OPAMP", `${answered} instead of upgrading`, details));
      if (status < 400) details.hint = "redirects are not followed: give the URL that the server redirects to";
      return ended(new OpAMPError("ERR_OPAMP_HTTP_STATUS", answered, details));
  }
}

/** The first value of a header that may be there several times. */
export function single(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" ? value : value?.[0];
}

function lowLevel(code: "ERR_OPAMP_CONNECT" | "ERR_OPAMP_CLOSED", text: string, cause: unknown): OpAMPError {
  const causeCode = codeOf(cause);
  // The words of the parser that Node and undici share; only Node gives a code with them.
  if (/Expected HTTP\//.test(messageOf(cause))) {
    return new OpAMPError("ERR_OPAMP_NOT_OPAMP", `${text}: what answers there does not speak HTTP`, {
      cause,
      hint: "check host and port; where the server expects TLS, use wss:// or https://",
    });
  }
  const hint = HINTS[causeCode];
  return new OpAMPError(code, `${text}: ${reasonOf(cause)}`, { cause, ...(hint === undefined ? {} : { hint }) });
}

function codeOf(cause: unknown): string {
  if (typeof cause !== "object" || cause === null) return "";
  if ("code" in cause && typeof cause.code === "string") return cause.code;
  return "cause" in cause ? codeOf(cause.cause) : "";
}

function reasonOf(cause: unknown): string {
  // Node reports a host with several addresses as an AggregateError, whose own message is empty.
  const first = cause instanceof AggregateError ? cause.errors[0] : cause;
  return messageOf(first) || codeOf(cause) || "unknown reason";
}
