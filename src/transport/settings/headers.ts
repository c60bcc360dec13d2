import { validateHeaderName, validateHeaderValue } from "node:http";
import { isRecord, kindOf } from "../../base/checks.js";
import { hasCode, messageOf, OpAMPError } from "../../errors.js";
import type { Loss } from "../transport.js";

/** Request headers: name to value. */
export type HeaderRecord = Readonly<Record<string, string>>;

/** What a header function is called with. */
export interface HeaderContext {
  /** The server has just refused what was sent before: answer with fresh credentials, not with cached ones (AUTH-02). */
  refresh: boolean;
  /** Where they go, without user and password; told where the server may move the agent (`connectionSettings`). */
  url?: string | undefined;
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

/** The headers of one transport, asked for afresh once the server has refused them (AUTH-01, AUTH-02). */
export class Credentials {
  readonly #sources: HeaderSources | undefined;
  readonly #authorization: string | undefined;
  #refused = false;

  constructor(sources: HeaderSources | undefined, authorization: string | undefined) {
    this.#sources = sources;
    this.#authorization = authorization;
  }

  /** @throws OpAMPError `ERR_OPAMP_HEADERS`, `ERR_OPAMP_AUTH` */
  async resolve(): Promise<Record<string, string>> {
    const resolved = await resolveHeaders(this.#sources, this.#authorization, { refresh: this.#refused });
    this.#refused = false;
    return resolved;
  }

  /**
   * What a refused attempt comes to: after a 401 or 403 the next one can have fresh headers, where a function makes them.
   *
   * @param away the server that refused is not of the URL's origin, so no headers went there
   */
  judge(loss: Loss, away: boolean): Loss {
    const { code, message, cause, retryable, httpStatus } = loss.error;
    if (code !== "ERR_OPAMP_UNAUTHORIZED") return loss;
    if (away) {
      const hint = "credentials are not sent where a redirect leads to another origin: give that server's URL itself";
      return { ...loss, error: new OpAMPError(code, message, { cause, hint, retryable, httpStatus }) };
    }
    // Only a function can give other headers.
    if (!sourcesOf(this.#sources).some((source) => typeof source === "function")) return loss;
    this.#refused = true;
    return { ...loss, renewed: "credentials" };
  }
}

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
    Object.assign(headers, checked(typeof source === "function" ? await ask(source, context) : source));
  }
  return headers;
}

/** The same for one function alone. */
export async function headersMadeBy(source: HeaderFunction, context: HeaderContext): Promise<Record<string, string>> {
  return checked(await ask(source, context));
}

function checked(given: unknown): Record<string, string> {
  if (!isRecord(given)) {
    const text = `the headers function must return a record of headers, not ${kindOf(given)}`;
    throw new OpAMPError("ERR_OPAMP_HEADERS", text);
  }
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    checkHeader(name, value);
    headers[name.toLowerCase()] = value;
  }
  return headers;
}

/** One source, several or none, as a list. */
export function sourcesOf(sources: HeaderSources | undefined): readonly HeaderSource[] {
  return sources === undefined ? [] : [sources].flat();
}

/** @throws OpAMPError `ERR_OPAMP_HEADERS` naming the header, without its value */
export function checkHeader(name: string, value: unknown): asserts value is string {
  if (RESERVED.test(name)) throw unsendable(name, "leave this one to the transport");
  try {
    validateHeaderName(name);
    if (typeof value !== "string") throw new TypeError("not a string");
    validateHeaderValue(name, value);
  } catch {
    throw unsendable(name, "header names are tokens and values are strings without line breaks");
  }
}

/** A header's name for an error. Behind what cannot be in a name there may be a value, as in `Authorization Bearer abc`. */
export function shownHeaderName(name: string): string {
  const [shown = ""] = /^[\w!#$%&'*+.^`|~-]*/.exec(name) ?? [];
  return shown === name ? name : `${shown}...`;
}

function unsendable(name: string, hint: string): OpAMPError {
  const text = `header ${JSON.stringify(shownHeaderName(name))} cannot be sent as it is`;
  return new OpAMPError("ERR_OPAMP_HEADERS", text, { hint });
}

async function ask(source: HeaderFunction, context: HeaderContext): Promise<unknown> {
  try {
    return await source(context);
  } catch (cause) {
    // What the helpers of this package throw says best what to do.
    if (hasCode(cause, "ERR_OPAMP_AUTH", "ERR_OPAMP_INCOMPLETE")) throw cause;
    throw new OpAMPError("ERR_OPAMP_HEADERS", `the headers function failed: ${messageOf(cause)}`, { cause });
  }
}
