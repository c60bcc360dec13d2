import { messageOf, OpAMPError } from "../errors.js";
import { parseRetryAfter } from "../wire/retry-after.js";
import type { Loss } from "./transport.js";

/** Failures after which no byte of a payload can have left. */
const UNSENT: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "EADDRNOTAVAIL",
  "UND_ERR_CONNECT_TIMEOUT",
]);

/** A dial or an exchange that failed below HTTP. */
export function connectFailed(cause: unknown, url: URL): Loss {
  const error = new OpAMPError("ERR_OPAMP_CONNECT", `no connection to ${url.host}: ${reasonOf(cause)}`, { cause });
  return { error, fate: UNSENT.has(codeOf(cause)) ? "unsent" : "unknown", orderly: true, throttled: false };
}

/** A link that broke after it was up. */
export function brokeOff(cause: unknown, url: URL): Loss {
  const why = cause === undefined ? "without a Close frame" : reasonOf(cause);
  const error = new OpAMPError("ERR_OPAMP_CLOSED", `the connection to ${url.host} broke: ${why}`, { cause });
  return { error, fate: "unknown", orderly: false, throttled: false };
}

/** An HTTP answer, to a POST or to an upgrade, that carries no payload (AMB-21). */
export function statusRefused(
  status: number,
  headers: Readonly<Record<string, string | readonly string[] | undefined>>,
  url: URL,
  wallNowMs: number,
): Loss {
  const where = `${url.host}${url.pathname}`;
  const loss = (error: OpAMPError): Loss => ({ error, fate: "unknown", orderly: true, throttled: false });
  switch (status) {
    case 401:
    case 403:
      return loss(
        new OpAMPError("ERR_OPAMP_UNAUTHORIZED", `${where} answered ${status}: the credentials are not accepted`, {
          httpStatus: status,
        }),
      );
    case 413:
      return {
        ...loss(
          new OpAMPError("ERR_OPAMP_TOO_LARGE", `${where} answered 413: the message is too large for it`, {
            httpStatus: status,
          }),
        ),
        fate: "refused",
      };
    case 429:
    case 503: {
      const retryAfterMs = parseRetryAfter(single(headers["retry-after"]), wallNowMs);
      const error = new OpAMPError("ERR_OPAMP_THROTTLED", `${where} answered ${status}: it is too busy`, {
        httpStatus: status,
      });
      return { ...loss(error), throttled: true, ...(retryAfterMs === undefined ? {} : { retryAfterMs }) };
    }
    default:
      return loss(
        new OpAMPError("ERR_OPAMP_HTTP_STATUS", `${where} answered ${status}`, {
          httpStatus: status,
        }),
      );
  }
}

/** The first value of a header that may be there several times. */
export function single(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === "string" ? value : value?.[0];
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
