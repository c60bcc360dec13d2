import { count, flag, refuseUnknown } from "../../base/checks.js";
import { isOptions, member } from "../../base/option-path.js";
import { sourcesOf } from "../../transport/settings/headers.js";
import type { ProxyOptions } from "../../transport/settings/settings.js";
import type { TlsOptions } from "../../transport/settings/tls-options.js";
import { DEFAULT_MAX_MESSAGE_BYTES } from "../../wire/limits.js";
import type { OpAMPClientOptions } from "../options.js";
import { readHeaders } from "./header-settings.js";
import { readProxyOptions } from "./proxy-settings.js";
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

/** @throws OpAMPError `ERR_OPAMP_OPTION` */
export function readNetworkSettings(options: NetworkOptions): NetworkSettings {
  checkHeaders(options.headers);
  const { maxMessageBytes, maxRedirects } = options;
  if (isOptions(maxMessageBytes)) refuseUnknown("maxMessageBytes", maxMessageBytes, { send: true, receive: true });
  const sides = isOptions(maxMessageBytes) ? maxMessageBytes : { send: maxMessageBytes, receive: maxMessageBytes };
  const at = (side: string) => (isOptions(maxMessageBytes) ? `maxMessageBytes.${side}` : "maxMessageBytes");
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
