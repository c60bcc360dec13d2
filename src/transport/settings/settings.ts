import type { HeaderSources } from "./headers.js";
import type { ProxyOptions } from "./proxy-options.js";
import type { TlsOptions } from "./tls-options.js";

/** How connections are made, for both transports and whatever else dials. */
export interface DialSettings {
  tls: TlsOptions | undefined;
  proxy: ProxyOptions | "env" | false;
  /** Whether an open connection keeps the process alive. */
  keepAlive: boolean;
}

/** Time limits that the HTTP client keeps by itself, in milliseconds. */
export interface HttpTimeouts {
  /** From dialling to a connection, TLS and proxy included. */
  connectMs: number;
  /** From the end of a request to the headers of its answer. */
  headersMs: number;
  /** Between two pieces of an answer's body. */
  bodyMs: number;
}

/** The times that a transport asks for, in milliseconds. */
export interface TransportClock {
  /** Since the Unix epoch, for Retry-After as a date. */
  wallNow(): number;
  /** On a clock that never goes back. */
  now(): number;
}

/** What both transports need to know. */
export interface TransportSettings extends DialSettings {
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
  /** How many redirects one attempt follows. */
  maxRedirects: number;
  timeouts: HttpTimeouts;
  /** The current instance uid as UUID text, for the header that HTTP carries (HTTP-08). */
  instanceUid: () => string;
  clock: TransportClock;
}
