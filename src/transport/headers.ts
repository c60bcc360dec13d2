import { validateHeaderName, validateHeaderValue } from "node:http";
import { messageOf, OpAMPError } from "../errors.js";

/** Request headers: name to value. */
export type HeaderRecord = Readonly<Record<string, string>>;

/** Headers as they are, or a function asked before every WebSocket dial and every HTTP request (AUTH-01). */
export type HeaderSource = HeaderRecord | (() => HeaderRecord | Promise<HeaderRecord>);

/**
 * The headers for one attempt, checked.
 *
 * @throws OpAMPError `ERR_OPAMP_HEADERS` when the source fails or returns something that cannot be sent; never with a
 * header's value in its text
 */
export async function resolveHeaders(
  source: HeaderSource | undefined,
  authorization: string | undefined,
): Promise<Record<string, string>> {
  const headers: Record<string, string> = authorization === undefined ? {} : { authorization };
  if (source === undefined) return headers;
  let given: HeaderRecord;
  try {
    given = typeof source === "function" ? await source() : source;
  } catch (cause) {
    throw new OpAMPError("ERR_OPAMP_HEADERS", `the headers function failed: ${messageOf(cause)}`, { cause });
  }
  if (typeof given !== "object" || given === null) {
    throw new OpAMPError("ERR_OPAMP_HEADERS", "the headers function returned no record of headers");
  }
  for (const [name, value] of Object.entries(given)) {
    checkHeader(name, value);
    headers[name.toLowerCase()] = value;
  }
  return headers;
}

/** @throws OpAMPError `ERR_OPAMP_HEADERS` naming the header, without its value */
export function checkHeader(name: string, value: unknown): asserts value is string {
  try {
    validateHeaderName(name);
    if (typeof value !== "string") throw new TypeError("not a string");
    validateHeaderValue(name, value);
  } catch {
    throw new OpAMPError("ERR_OPAMP_HEADERS", `header ${JSON.stringify(name)} cannot be sent as it is`, {
      hint: "header names are tokens and values are strings without line breaks",
    });
  }
}
