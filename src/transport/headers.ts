import { validateHeaderName, validateHeaderValue } from "node:http";
import { messageOf, OpAMPError } from "../errors.js";

/** Request headers: name to value. */
export type HeaderRecord = Readonly<Record<string, string>>;

/** Headers as they are, or a function asked before every WebSocket dial and every HTTP request (AUTH-01). */
export type HeaderSource = HeaderRecord | (() => HeaderRecord | Promise<HeaderRecord>);

/** What belongs to the connection or to the transport; on an upgrade, the content type means polling (WS-07). */
const RESERVED =
  /^(connection|content-length|content-type|expect|keep-alive|sec-websocket-.*|te|trailer|transfer-encoding|upgrade)$/i;

/**
 * The headers for one attempt, checked, with names in lower case.
 *
 * @param authorization what the URL's user and password come to; `source` may override it
 * @throws OpAMPError `ERR_OPAMP_HEADERS` when the source fails or returns something that cannot be sent; never with a
 * header's value in its text
 */
export async function resolveHeaders(
  source: HeaderSource | undefined,
  authorization: string | undefined,
): Promise<Record<string, string>> {
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  if (source === undefined) return headers;
  const given = typeof source === "function" ? await ask(source) : source;
  if (!isHeaderRecord(given)) {
    throw new OpAMPError("ERR_OPAMP_HEADERS", "the headers function returned no record of headers");
  }
  for (const [name, value] of Object.entries(given)) {
    checkHeader(name, value);
    headers[name.toLowerCase()] = value;
  }
  return headers;
}

/** Whether it is a record of its own: no list, and no `Headers` or `Map`, whose entries are not properties. */
export function isHeaderRecord(given: unknown): given is Readonly<Record<string, unknown>> {
  if (typeof given !== "object" || given === null || Array.isArray(given)) return false;
  const prototype: unknown = Object.getPrototypeOf(given);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

/** @throws OpAMPError `ERR_OPAMP_HEADERS` naming the header, without its value */
export function checkHeader(name: string, value: unknown): asserts value is string {
  if (RESERVED.test(name)) {
    throw unsendable(name, "leave this one to the transport");
  }
  try {
    validateHeaderName(name);
    if (typeof value !== "string") throw new TypeError("not a string");
    validateHeaderValue(name, value);
  } catch {
    throw unsendable(name, "header names are tokens and values are strings without line breaks");
  }
}

function unsendable(name: string, hint: string): OpAMPError {
  return new OpAMPError("ERR_OPAMP_HEADERS", `header ${JSON.stringify(name)} cannot be sent as it is`, { hint });
}

async function ask(source: () => HeaderRecord | Promise<HeaderRecord>): Promise<unknown> {
  try {
    return await source();
  } catch (cause) {
    throw new OpAMPError("ERR_OPAMP_HEADERS", `the headers function failed: ${messageOf(cause)}`, { cause });
  }
}
