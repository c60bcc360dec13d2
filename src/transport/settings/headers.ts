import { validateHeaderName, validateHeaderValue } from "node:http";
import { isRecord } from "../../base/option-path.js";
import { messageOf, OpAMPError } from "../../errors.js";

/** Request headers: name to value. */
export type HeaderRecord = Readonly<Record<string, string>>;

/** What a header function is told. */
export interface HeaderContext {
  /** The server has just refused what was sent before: answer with fresh credentials, not with cached ones (AUTH-02). */
  refresh: boolean;
}

/** Makes headers; asked before every WebSocket dial and every HTTP request (AUTH-01). */
export type HeaderFunction = (context: HeaderContext) => HeaderRecord | Promise<HeaderRecord>;

/** Headers as they are, or a function that makes them. */
export type HeaderSource = HeaderRecord | HeaderFunction;

/** One source of headers, or several; of two that name the same header the later one counts. */
export type HeaderSources = HeaderSource | readonly HeaderSource[];

/** What belongs to the connection or to the transport; on an upgrade, the content type means polling (WS-07). */
const RESERVED =
  /^(connection|content-length|content-type|expect|keep-alive|sec-websocket-.*|te|trailer|transfer-encoding|upgrade)$/i;

/**
 * The headers for one attempt, checked, with names in lower case.
 *
 * @param authorization what the URL's user and password come to; `sources` may override it
 * @throws OpAMPError `ERR_OPAMP_HEADERS` when the source fails or returns something that cannot be sent; never with a
 * header's value in its text
 */
export async function resolveHeaders(
  sources: HeaderSources | undefined,
  authorization: string | undefined,
  context: HeaderContext = { refresh: false },
): Promise<Record<string, string>> {
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  for (const source of sourcesOf(sources)) {
    const given = typeof source === "function" ? await ask(source, context) : source;
    if (!isRecord(given)) {
      throw new OpAMPError("ERR_OPAMP_HEADERS", "the headers function returned no record of headers");
    }
    for (const [name, value] of Object.entries(given)) {
      checkHeader(name, value);
      headers[name.toLowerCase()] = value;
    }
  }
  return headers;
}

/** One source, several or none, as a list. */
export function sourcesOf(sources: HeaderSources | undefined): readonly HeaderSource[] {
  if (sources === undefined) return [];
  return isList(sources) ? sources : [sources];
}

/** Whether asking again can give other headers. */
export function canRenew(sources: HeaderSources | undefined): boolean {
  return sourcesOf(sources).some((source) => typeof source === "function");
}

function isList(sources: HeaderSources): sources is readonly HeaderSource[] {
  return Array.isArray(sources);
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

async function ask(source: HeaderFunction, context: HeaderContext): Promise<unknown> {
  try {
    return await source(context);
  } catch (cause) {
    // What the helpers of this package throw says best what to do.
    if (cause instanceof OpAMPError && cause.code === "ERR_OPAMP_AUTH") throw cause;
    throw new OpAMPError("ERR_OPAMP_HEADERS", `the headers function failed: ${messageOf(cause)}`, { cause });
  }
}
