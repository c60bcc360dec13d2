import { count, flag, isObject, isRecord, member, refuseUnknown, wrongKind, wrongOption } from "../../base/checks.js";
import { OpAMPError } from "../../errors.js";
import { parseProxyUrl } from "../../transport/proxy/proxy-url.js";
import { checkHeader, shownHeaderName, sourcesOf } from "../../transport/settings/headers.js";
import type { ProxyOptions } from "../../transport/settings/settings.js";
import type { TlsOptions } from "../../transport/settings/tls-options.js";
import { DEFAULT_MAX_MESSAGE_BYTES } from "../../wire/limits.js";
import type { OpAMPClientOptions } from "../options.js";
import { readTlsOptions } from "./tls-settings.js";

/** The options about the network, checked, with the defaults in place. */
export interface NetworkSettings {
  tls: TlsOptions | undefined;
  proxy: ProxyOptions | "env" | false;
  compression: boolean;
  maxRedirects: number;
  maxMessageBytes: { send: number; receive: number };
}

type NetworkOptions = Pick<OpAMPClientOptions, "headers" | keyof NetworkSettings>;

const MAX_REDIRECTS = 5;
const PROXY_KEYS = { url: true, headers: true, tls: true } as const satisfies Record<keyof ProxyOptions, true>;

/** @throws OpAMPError `ERR_OPAMP_OPTION` */
export function readNetworkSettings(options: NetworkOptions): NetworkSettings {
  checkHeaders(options.headers);
  const { maxMessageBytes, maxRedirects } = options;
  if (isObject(maxMessageBytes)) refuseUnknown("maxMessageBytes", maxMessageBytes, { send: true, receive: true });
  const sides = isObject(maxMessageBytes) ? maxMessageBytes : { send: maxMessageBytes, receive: maxMessageBytes };
  const at = (side: string) => (isObject(maxMessageBytes) ? `maxMessageBytes.${side}` : "maxMessageBytes");
  return {
    tls: readTlsOptions("tls", options.tls),
    proxy: readProxyOptions(options.proxy),
    compression: flag("compression", options.compression),
    maxRedirects: maxRedirects === 0 ? 0 : count("maxRedirects", maxRedirects, MAX_REDIRECTS),
    maxMessageBytes: {
      send: count(at("send"), sides.send, DEFAULT_MAX_MESSAGE_BYTES),
      receive: count(at("receive"), sides.receive, DEFAULT_MAX_MESSAGE_BYTES),
    },
  };
}

function checkHeaders(given: OpAMPClientOptions["headers"]): void {
  const isList = Array.isArray(given);
  sourcesOf(given).forEach((headers, index) => {
    if (typeof headers === "function") return;
    readHeaders(isList ? member("headers", index) : "headers", headers, "a record or a function");
  });
}

/**
 * Checks a record of headers.
 *
 * @param what what may stand there, in words
 * @returns a copy, which later changes do not touch
 * @throws OpAMPError `ERR_OPAMP_OPTION` naming the header, without its value
 */
function readHeaders(where: string, given: unknown, what: string): Readonly<Record<string, string>> {
  if (!isRecord(given)) throw wrongKind(where, what, given);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    try {
      checkHeader(name, value);
      headers[name] = value;
    } catch (cause) {
      if (!(cause instanceof OpAMPError)) throw cause;
      const text = `${member(where, shownHeaderName(name))}: cannot be sent as it is`;
      throw new OpAMPError("ERR_OPAMP_OPTION", text, { hint: cause.hint });
    }
  }
  return headers;
}

/**
 * Checks the proxy; its URL is never shown, since it may hold a password.
 *
 * @returns a copy, which later changes do not touch
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
function readProxyOptions(given: ProxyOptions | "env" | false | undefined): ProxyOptions | "env" | false {
  if (given === undefined || given === "env") return "env";
  if (given === false) return false;
  if (!isObject(given)) throw wrongKind("proxy", '{ url }, "env" or false', given);
  refuseUnknown("proxy", given, PROXY_KEYS);
  const { url, headers, tls } = given;
  if (typeof url !== "string") throw wrongKind("proxy.url", "a string", url);
  const address = parseProxyUrl(url);
  if (typeof address === "string") {
    throw wrongOption(
      "proxy.url",
      `${address}; write http://, https:// or socks5://, user and password percent-encoded if there are any, host and port`,
    );
  }
  const read: ProxyOptions = { url };
  if (headers !== undefined) read.headers = readHeaders("proxy.headers", headers, "a record");
  if (tls !== undefined) read.tls = readTlsOptions("proxy.tls", tls);
  return read;
}
