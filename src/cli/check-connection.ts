import { lookup } from "node:dns/promises";
import { isIP, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { OpAMPError } from "../errors.js";
import { dialFailed } from "../transport/connect-error.js";
import { dial } from "../transport/dial.js";
import { proxyFor } from "../transport/proxy.js";
import type { DialSettings } from "../transport/settings.js";
import type { Finding } from "./diagnosis.js";

const DAY_MS = 86_400_000;
/** A certificate that ends sooner is worth a warning. */
const SOON_DAYS = 14;

/** Whether the host's name resolves; that of the proxy, where there is one. */
export async function checkName(url: URL, settings: DialSettings, timeoutMs: number): Promise<Finding> {
  const proxy = await proxyFor(url, settings);
  const target = proxy?.url ?? url;
  const host = target.hostname.replace(/^\[|\]$/g, "");
  if (isIP(host) !== 0) return { detail: `${host} is an address`, skipped: true };
  try {
    const found = await within(lookup(host, { all: true }), timeoutMs, `looking up ${host}`);
    return { detail: `${host} is ${found.map(({ address }) => address).join(", ")}` };
  } catch (thrown) {
    throw explained(thrown, target);
  }
}

/** Whether a TCP connection comes about, through the proxy where there is one. */
export async function checkSocket(url: URL, settings: DialSettings, timeoutMs: number): Promise<Finding> {
  const plain = new URL(url);
  // What a WebSocket takes: a tunnel where there is a proxy.
  plain.protocol = "ws:";
  plain.port = portOf(url);
  const socket = await open(plain, settings, timeoutMs);
  const { remoteAddress, remotePort } = socket;
  socket.destroy();
  return { detail: `a TCP connection to ${remoteAddress ?? url.hostname}, port ${remotePort ?? portOf(url)}` };
}

/** Whether the TLS handshake succeeds, and what was agreed on. */
export async function checkTls(url: URL, settings: DialSettings, timeoutMs: number): Promise<Finding> {
  if (url.protocol === "ws:" || url.protocol === "http:") return { detail: "the URL asks for none", skipped: true };
  const socket = await open(url, settings, timeoutMs);
  try {
    return socket instanceof TLSSocket ? describe(socket) : { detail: "no TLS on this connection" };
  } finally {
    socket.destroy();
  }
}

function describe(socket: TLSSocket): Finding {
  const { subject, issuer, valid_to: until } = socket.getPeerCertificate();
  const daysLeft = Math.floor((Date.parse(until) - Date.now()) / DAY_MS);
  const names = `${subject?.CN ?? "a certificate without a name"}, issued by ${issuer?.CN ?? issuer?.O ?? "somebody"}`;
  const detail = `${socket.getProtocol() ?? "TLS"} with ${names}, valid until ${until}`;
  if (!socket.authorized) return { detail, warning: "not verified, as asked for" };
  return daysLeft < SOON_DAYS
    ? { detail, warning: `it expires in ${daysLeft} days`, hint: "renew the server's certificate" }
    : { detail };
}

async function open(url: URL, settings: DialSettings, timeoutMs: number): Promise<Socket> {
  const dialling = dial(url, settings);
  try {
    return await within(dialling.socket, timeoutMs, `connecting to ${url.host}`);
  } catch (thrown) {
    dialling.destroy();
    throw explained(thrown, url);
  }
}

function explained(thrown: unknown, url: URL): OpAMPError {
  return thrown instanceof OpAMPError ? thrown : dialFailed(thrown, url).error;
}

/** @throws OpAMPError `ERR_OPAMP_TIMEOUT` */
async function within<T>(work: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const text = `${what} took longer than ${timeoutMs} ms`;
    timer = setTimeout(() => reject(new OpAMPError("ERR_OPAMP_TIMEOUT", text)), timeoutMs);
  });
  // Whoever loses must not end as an unhandled rejection.
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

function portOf({ port, protocol }: URL): string {
  return port !== "" ? port : protocol === "wss:" || protocol === "https:" ? "443" : "80";
}
