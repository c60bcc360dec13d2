import { attempt } from "../../base/checks.js";
/** What a proxy's URL says. */
export interface ProxyAddress {
  kind: "http" | "socks";
  /** Without user and password, with the port where it is not that of http or https. */
  url: URL;
  /** Whether the proxy itself is spoken to over TLS. */
  secure: boolean;
  /** Decoded; empty when there is none. */
  username: string;
  /** Decoded; empty when there is none. */
  password: string;
}

/** Each scheme's own port, which a URL may leave away. */
const PORTS: Readonly<Record<string, string>> = {
  "http:": "80",
  "https:": "443",
  "socks5:": "1080",
  "socks5h:": "1080",
};
/** What fits in the length bytes of SOCKS (RFC 1928, RFC 1929). */
const MAX_SOCKS_BYTES = 255;

/**
 * Reads a proxy's URL; a bare `host:port` means http (PROXY-01).
 *
 * @returns what it says, or what is wrong with it, in words that show nothing of it
 */
export function parseProxyUrl(text: string): ProxyAddress | string {
  const trimmed = text.trim();
  if (trimmed === "") return "is empty";
  const full = trimmed.includes("://") ? trimmed : `http://${trimmed}`;
  if (!URL.canParse(full)) return "is not the URL of a proxy";
  const url = new URL(full);
  const port = PORTS[url.protocol];
  if (port === undefined) return `is for ${url.protocol.slice(0, -1)}, which is not supported`;
  if (url.hostname === "") return "names no host";
  const username = decoded(url.username);
  const password = decoded(url.password);
  if (username === undefined || password === undefined) return "has a user or password that is not percent-encoded";
  const kind = url.protocol.startsWith("socks") ? "socks" : "http";
  if (kind === "socks" && [username, password].some((part) => Buffer.byteLength(part) > MAX_SOCKS_BYTES)) {
    return `has a user or password above ${MAX_SOCKS_BYTES} bytes, which SOCKS cannot carry`;
  }
  // Rebuilt, so that nothing secret is left in it.
  const bare = new URL(`${url.protocol}//${url.hostname}`);
  bare.port = url.port === "" ? port : url.port;
  return { kind, url: bare, secure: url.protocol === "https:", username, password };
}

function decoded(part: string): string | undefined {
  return attempt(() => decodeURIComponent(part));
}
