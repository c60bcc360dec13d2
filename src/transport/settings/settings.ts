import type { RedirectRules } from "../url/redirect.js";
import type { HeaderRecord, HeaderSources } from "./headers.js";
import type { TlsOptions } from "./tls-options.js";

/** A proxy between the client and its server. */
export interface ProxyOptions {
  /**
   * `http://`, `https://` or `socks5://` (names resolved by the proxy, as with `socks5h://`), with user and password if
   * the proxy wants them; a bare `host:port` means http (PROXY-01). Default ports 80, 443 and 1080.
   */
  url: string;
  /** Headers for the proxy alone: on CONNECT, or where a plain HTTP request goes through it on that (PROXY-02). */
  headers?: HeaderRecord | undefined;
  /** TLS towards an `https://` proxy. Default: the client's own `tls`, without `serverName` (PROXY-02). */
  tls?: TlsOptions | undefined;
}

/** How connections are made, for both transports and whatever else dials. */
export interface DialSettings {
  /** TLS towards the server. */
  tls: TlsOptions | undefined;
  /** The proxy in between; `"env"` for the one that the environment names, `false` for none. */
  proxy: ProxyOptions | "env" | false;
  /** Whether an open connection keeps the process alive. */
  keepAlive: boolean;
}

/** The times that a transport asks for, in milliseconds. */
export interface TransportClock {
  /** Since the Unix epoch, for Retry-After as a date. */
  wallNow(): number;
  /** On a clock that never goes back. */
  now(): number;
}

/** What both transports need to know. */
export interface TransportSettings extends DialSettings, RedirectRules {
  url: URL;
  /** From the URL's user and password; `headers` may override it. */
  authorization: string | undefined;
  headers: HeaderSources | undefined;
  /** The largest message to send, in bytes, framing included (SIZE-01). */
  maxSendBytes: number;
  /** The largest message to take, in bytes, framing included (SIZE-01). */
  maxReceiveBytes: number;
  /** Whether messages are sent compressed, and over HTTP asked for; received ones are understood either way. */
  compression: boolean;
  /** The current instance uid as UUID text, for the header that HTTP carries (HTTP-08). */
  instanceUid: () => string;
  clock: TransportClock;
}
