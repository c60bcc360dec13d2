import { isIP } from "node:net";
import { OpAMPError } from "../../errors.js";

/** OpAMP's own port (specification, "Communication Model"). */
const DEFAULT_PORT = "4320";
const MAX_PORT = 65_535;
/** The path servers listen on unless they say otherwise. */
const DEFAULT_PATH = "/v1/opamp";

/** Where to connect, and how. */
export interface Endpoint {
  /** The transport that its scheme asks for. */
  kind: "websocket" | "http";
  /** Without credentials, with port and path filled in. */
  url: URL;
  /** An `Authorization` value made from the URL's user and password. */
  authorization: string | undefined;
}

/** What a URL of each scheme that servers have is for. */
export const KINDS: Readonly<Record<string, Endpoint["kind"] | undefined>> = {
  "ws:": "websocket",
  "wss:": "websocket",
  "http:": "http",
  "https:": "http",
};

/**
 * Reads a server URL: the scheme chooses the transport (TRANS-01); a bare host gets port 4320 and path /v1/opamp
 * (TRANS-02); a port, a path or a query that is there stays as it is. A `URL` object does not tell a scheme's own port
 * that was written from one that was not.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION` when it is not a ws, wss, http or https URL
 */
export function parseEndpoint(given: string | URL): Endpoint {
  const text = String(given).trim();
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const kind = url === undefined ? undefined : KINDS[url.protocol];
  if (url === undefined || kind === undefined) {
    if (url === undefined && hasWrongPort(text)) {
      const hint = `write a port from 1 to ${MAX_PORT}, such as ${DEFAULT_PORT}`;
      throw wrongUrl(`${JSON.stringify(redactUrl(text))} has an invalid port`, hint);
    }
    throw wrongUrl(
      `${JSON.stringify(redactUrl(text))} is not a server URL`,
      "write ws://, wss://, http:// or https:// and a host, such as wss://opamp.example.com:4320/v1/opamp",
    );
  }
  const authorization = credentials(url);
  url.username = "";
  url.password = "";
  url.hash = "";
  const hasPort = writesPort(text);
  const hasPath = url.pathname !== "/";
  if (!hasPort && !hasPath) url.port = DEFAULT_PORT;
  if (!hasPath) url.pathname = DEFAULT_PATH;
  return { kind, url, authorization };
}

/** Whether a URL names its port: the parser drops one that is the scheme's own, so that shows only in the text. */
export function writesPort(url: string): boolean {
  const authority = /^[a-z]+:[\\/]*([^\\/?#]*)/i.exec(url.trim())?.[1] ?? "";
  return /:\d+$/.test(authority);
}

function hasWrongPort(text: string): boolean {
  const [, port] =
    /^(?:ws|http)s?:\/\/(?:[^/?#]*@)?(?:[^/?#@:]+|\[[\da-f:.]+\]):([^/?#@]+)(?:[/?#]|$)/i.exec(text) ?? [];
  if (port === undefined) return false;
  // What looks like one may be a password with a character that ends the host.
  return /^\d+$/.test(port) ? Number(port) > MAX_PORT : !text.includes("@");
}

/** The same URL for the other transport: ws and http, wss and https go to the same server. */
export function asKind(given: URL, kind: Endpoint["kind"]): URL {
  const url = new URL(given);
  url.protocol = `${kind === "websocket" ? "ws" : "http"}${isSecure(url.protocol) ? "s" : ""}:`;
  url.username = "";
  url.password = "";
  url.hash = "";
  return url;
}

/** A URL as it may be shown: without user, password and query, whether it is well formed or not. */
export function redactUrl(text: string): string {
  const shown = text.replace(/[?#].*$/s, "");
  // In what cannot be parsed, nobody knows where a password ends.
  return text.includes("@") ? `${/^[a-z]+:\/\//i.exec(text)?.[0] ?? ""}...` : shown;
}

/** Where a client would connect, as it may be shown: without user, password and query. */
export function shownUrl(text: string): string {
  try {
    const { protocol, host, pathname } = parseEndpoint(text).url;
    return `${protocol}//${host}${pathname}`;
  } catch {
    return redactUrl(text);
  }
}

function credentials({ username, password }: URL): string | undefined {
  if (username === "" && password === "") return undefined;
  try {
    const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return `Basic ${Buffer.from(pair, "utf8").toString("base64")}`;
  } catch {
    throw wrongUrl("its user or password is not encoded as it should be", "write a percent sign in them as %25");
  }
}

function wrongUrl(problem: string, hint: string): OpAMPError {
  return new OpAMPError("ERR_OPAMP_OPTION", `url: ${problem}`, { hint });
}

/** A URL's host without the brackets of an IPv6 address. */
export function hostOf({ hostname }: URL): string {
  return hostname.replace(/^\[|\]$/g, "");
}

/** A URL's port, as a number that is always there. */
export function portOf({ protocol, port }: URL): number {
  if (port !== "") return Number(port);
  return isSecure(protocol) ? 443 : 80;
}

/** Whether a scheme, such as `wss:`, speaks TLS. */
export function isSecure(protocol: string): boolean {
  return protocol === "wss:" || protocol === "https:";
}

/** Whether what is sent to this host of a URL stays on the machine. */
export function isLoopback(host: string): boolean {
  switch (isIP(host)) {
    case 4:
      return host.startsWith("127.");
    case 6:
      // What a URL makes of ::ffff:127.0.0.0/104.
      return host === "::1" || /^::ffff:7f[0-9a-f]{2}:/.test(host);
    default:
      return /^(.+\.)?localhost\.?$/.test(host);
  }
}
