import { lookup } from "node:dns/promises";
import { isIP, type Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { OpAMPError } from "../../errors.js";
import { dial } from "../../transport/dial.js";
import { dialFailed } from "../../transport/explain/connect-error.js";
import { proxyFor, type ResolvedProxy } from "../../transport/proxy/proxy.js";
import type { DialSettings } from "../../transport/settings/settings.js";
import { hostOf, isSecure, portOf } from "../../transport/url/endpoint.js";
import { dateOf, expiry } from "./check-files.js";
import type { Finding } from "./diagnosis.js";

/** Whether the host's name resolves; that of the proxy, where there is one. */
export async function checkName(url: URL, settings: DialSettings, timeoutMs: number): Promise<Finding> {
  const proxy = await proxyFor(url, settings);
  const target = proxy?.url ?? url;
  const host = hostOf(target);
  if (isIP(host) !== 0) return { detail: `${host} is an IP address`, skipped: true };
  try {
    const found = await within(lookup(host, { all: true }), timeoutMs, `looking up ${host}`);
    return { detail: `${host} is ${found.map(({ address }) => address).join(", ")}` };
  } catch (thrown) {
    throw dialFailed(thrown, target).error;
  }
}

/** Whether a TCP connection comes about, through the proxy where there is one. */
export async function checkSocket(url: URL, settings: DialSettings, timeoutMs: number): Promise<Finding> {
  const proxy = await proxyFor(url, settings);
  const isPlain = !isSecure(url.protocol);
  const socket = await open(isPlain ? url : withoutTls(url), isPlain ? settings : pinned(settings, proxy), timeoutMs);
  const { remoteAddress = hostOf(url), remotePort = portOf(url) } = socket;
  socket.destroy();
  const whose = proxy === undefined ? "" : ", the proxy's";
  return { detail: `connected to ${remoteAddress}, port ${remotePort}${whose}` };
}

/** Whether the TLS handshake succeeds, and what was agreed on. */
export async function checkTls(url: URL, settings: DialSettings, timeoutMs: number): Promise<Finding> {
  if (!isSecure(url.protocol)) return { detail: "not used with this URL", skipped: true };
  const socket = await open(url, settings, timeoutMs);
  try {
    return socket instanceof TLSSocket ? describe(socket) : { detail: "no TLS on this connection" };
  } finally {
    socket.destroy();
  }
}

function describe(socket: TLSSocket): Finding {
  const { subject, issuer, valid_to: until } = socket.getPeerCertificate();
  const names = `${subject?.CN ?? "a certificate without a name"}, issued by ${issuer?.CN ?? issuer?.O ?? "an unnamed issuer"}`;
  const detail = `${socket.getProtocol() ?? "TLS"} with ${names}, valid until ${dateOf(until)}`;
  if (!socket.authorized) return { detail, warning: "not verified, as requested" };
  return { detail, ...expiry(until, Date.now(), "renew the server's certificate") };
}

async function open(url: URL, settings: DialSettings, timeoutMs: number): Promise<Socket> {
  const dialling = dial(url, settings);
  try {
    return await within(dialling.socket, timeoutMs, `connecting to ${url.host}`);
  } catch (thrown) {
    dialling.destroy();
    throw dialFailed(thrown, url).error;
  }
}

/** @throws OpAMPError `ERR_OPAMP_TIMEOUT` */
async function within<T>(work: Promise<T>, timeoutMs: number, what: string): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    const text = `${what} took longer than ${timeoutMs} ms`;
    timer = setTimeout(() => reject(new OpAMPError("ERR_OPAMP_TIMEOUT", text)), timeoutMs);
  });
  // The one that loses must not end as an unhandled rejection.
  work.catch(() => undefined);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** What a WebSocket in the clear takes: a tunnel where there is a proxy. */
function withoutTls(url: URL): URL {
  const plain = new URL(url);
  plain.protocol = "ws:";
  plain.port = String(portOf(url));
  return plain;
}

/** With the proxy for one URL as the one for all: the environment may name several, by scheme. */
function pinned(settings: DialSettings, proxy: ResolvedProxy | undefined): DialSettings {
  if (settings.proxy !== "env") return settings;
  if (proxy === undefined) return { ...settings, proxy: false };
  const url = new URL(proxy.url);
  url.username = encodeURIComponent(proxy.username);
  url.password = encodeURIComponent(proxy.password);
  return { ...settings, proxy: { url: url.href } };
}
