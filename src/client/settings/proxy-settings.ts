import { refuseUnknown } from "../../base/checks.js";
import { isOptions, kindOf, wrongOption } from "../../base/option-path.js";
import { parseProxyUrl } from "../../transport/proxy/proxy-url.js";
import type { ProxyOptions } from "../../transport/settings/settings.js";
import { readHeaders } from "./header-settings.js";
import { readTlsOptions } from "./tls-settings.js";

const KEYS = { url: true, headers: true, tls: true } as const satisfies Record<keyof ProxyOptions, true>;

/**
 * Checks the proxy; its URL is never shown, since it may hold a password.
 *
 * @returns a copy, which later changes do not touch
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export function readProxyOptions(given: ProxyOptions | "env" | false | undefined): ProxyOptions | "env" | false {
  if (given === undefined || given === "env") return "env";
  if (given === false) return false;
  if (!isOptions(given)) throw wrongOption("proxy", `must be { url }, "env" or false, not ${kindOf(given)}`);
  refuseUnknown("proxy", given, KEYS);
  const { url, headers, tls } = given;
  if (typeof url !== "string") throw wrongOption("proxy.url", `must be a string, not ${kindOf(url)}`);
  const address = parseProxyUrl(url);
  if (typeof address === "string") {
    throw wrongOption("proxy.url", `${address}; write http://, https:// or socks5://, host and port`);
  }
  const checkedTls = readTlsOptions("proxy.tls", tls);
  return {
    url,
    ...(headers === undefined ? {} : { headers: readHeaders("proxy.headers", headers, "a record") }),
    ...(checkedTls === undefined ? {} : { tls: checkedTls }),
  };
}
