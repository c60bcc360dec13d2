import type { HeaderRecord } from "./headers.js";
import type { TlsOptions } from "./tls-options.js";

/** A proxy between the client and its server. */
export interface ProxyOptions {
  /**
   * `http://`, `https://` or `socks5://` (names resolved by the proxy, as with `socks5h://`), with user and password if
   * the proxy wants them; a bare `host:port` means http (PROXY-01). Default ports 80, 443 and 1080.
   */
  url: string;
  /** Headers for the proxy alone: on CONNECT, or where a plain HTTP request goes through it on that (PROXY-02). */
  headers?: HeaderRecord;
  /** TLS towards an `https://` proxy. Default: the client's own `tls`, without `serverName` (PROXY-02). */
  tls?: TlsOptions;
}
