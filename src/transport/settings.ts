import type { HeaderSource } from "./headers.js";

/** What both transports need to know. */
export interface TransportSettings {
  url: URL;
  /** From the URL's user and password; `headers` may override it. */
  authorization: string | undefined;
  headers: HeaderSource | undefined;
  /** The largest message to send, in bytes, framing included (SIZE-01). */
  maxSendBytes: number;
  /** The largest message to take, in bytes, framing included (SIZE-01). */
  maxReceiveBytes: number;
  /** Whether an open connection keeps the process alive. */
  keepAlive: boolean;
  /** The current instance uid as UUID text, for the header that HTTP carries (HTTP-08). */
  instanceUid: () => string;
}
