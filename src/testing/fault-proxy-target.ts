import { OpAMPError } from "../errors.js";
import { hostOf } from "../transport/url/host.js";

/** Where connections of a `FaultProxy` go. A host left out is 127.0.0.1. */
export type FaultProxyTarget = string | URL | { readonly host?: string; readonly port: number };

const DEFAULT_PORTS: Readonly<Record<string, number>> = { "ws:": 80, "http:": 80, "wss:": 443, "https:": 443 };

/** Host and port of a target. Throws ERR_OPAMP_OPTION for what has none. */
export function targetOf(target: FaultProxyTarget): { host: string; port: number } {
  if (typeof target === "object" && !(target instanceof URL)) {
    return { host: target.host ?? "127.0.0.1", port: target.port };
  }
  const url = parse(target);
  const host = hostOf(url);
  const port = url.port === "" ? DEFAULT_PORTS[url.protocol] : Number(url.port);
  if (host === "" || port === undefined) throw wrongUrl("names no host and port");
  return { host, port };
}

/** The URL with the proxy's host and port in place of its own. Throws ERR_OPAMP_OPTION for what is no URL. */
export function throughProxy(of: string | URL | undefined, port: number): string {
  if (of === undefined) throw wrongUrl("must be given, as the target is not a URL");
  const url = parse(of);
  url.hostname = "127.0.0.1";
  url.port = String(port);
  return url.href;
}

function parse(url: string | URL): URL {
  try {
    return new URL(url);
  } catch (thrown) {
    throw wrongUrl("is no URL", thrown);
  }
}

function wrongUrl(what: string, cause?: unknown): OpAMPError {
  const hint = "give a URL such as ws://127.0.0.1:4320/v1/opamp";
  return new OpAMPError("ERR_OPAMP_OPTION", `fault proxy: the URL ${what}`, { cause, hint });
}
