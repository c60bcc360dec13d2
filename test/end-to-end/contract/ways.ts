import type { OpAMPClientOptions } from "../../../src/index.js";
import { type TestCertificates, testCertificates } from "../../../src/testing/index.js";
import { startBlockingGateway } from "../proxies/blocking-gateway.js";
import { startForwarder } from "../proxies/forwarder.js";
import { startHttpProxy } from "../proxies/http-proxy.js";
import { startSocksProxy } from "../proxies/socks-proxy.js";

/** What may stand between a client and its server. */
export type Between = "HTTP proxy" | "HTTPS proxy" | "SOCKS proxy" | "blocking gateway" | "forwarder";

/** One side of what stands in between: how clients get to it, and what came by. */
export interface Passage {
  options: Pick<OpAMPClientOptions, "url" | "proxy">;
  /** Every connection, or request, as the passage saw it. */
  readonly seen: () => string[];
}

/** A name that leads nowhere but through a proxy: a direct dial does not connect. */
export const HIDDEN_HOST = "opamp.test";

/** What every proxy here demands. */
const LOGIN = { user: "agent", password: "open:sesame" };
const AUTH = `${LOGIN.user}:${LOGIN.password}`;

let issued: Promise<TestCertificates> | undefined;

/** The same ones for all tests of a file. */
export function certificates(): Promise<TestCertificates> {
  issued ??= testCertificates({ server: { hosts: ["127.0.0.1", HIDDEN_HOST] } });
  return issued;
}

/** Starts what stands between clients and a server with this URL. It ends with the test. */
export async function passage(between: Between | undefined, url: string): Promise<Passage> {
  switch (between) {
    case undefined:
      return { options: { url, proxy: false }, seen: () => [] };
    case "HTTP proxy":
      return throughHttpProxy(url, false);
    case "HTTPS proxy":
      return throughHttpProxy(url, true);
    case "SOCKS proxy": {
      const proxy = await startSocksProxy({ auth: AUTH });
      return {
        options: { url: hidden(url), proxy: { url: withLogin(proxy.url) } },
        seen: () => proxy.targets.all.map((target) => `SOCKS ${target}`),
      };
    }
    case "blocking gateway": {
      // It forwards upgrades as plain requests, which a server turns away.
      const gateway = await startBlockingGateway(url);
      return {
        options: { url: gateway.url("ws"), proxy: false },
        seen: () => [
          ...Array<string>(gateway.seen.upgrades).fill("upgrade"),
          ...Array<string>(gateway.seen.requests).fill("request"),
        ],
      };
    }
    case "forwarder": {
      const forwarder = await startForwarder(url);
      return {
        options: { url: forwarder.url, proxy: false },
        seen: () => forwarder.requests.all.map(({ method, path }) => `${method} ${path}`),
      };
    }
    default:
      return between satisfies never;
  }
}

async function throughHttpProxy(url: string, secure: boolean): Promise<Passage> {
  const { ca, server } = await certificates();
  const proxy = await startHttpProxy({ auth: AUTH, ...(secure && { tls: server }) });
  return {
    options: { url: hidden(url), proxy: { url: withLogin(proxy.url), ...(secure && { tls: { ca } }) } },
    seen: () => [...proxy.connects.all, ...proxy.forwards.all].map(({ method, target }) => `${method} ${target}`),
  };
}

function hidden(url: string): string {
  return url.replace("127.0.0.1", HIDDEN_HOST);
}

function withLogin(url: string): string {
  return url.replace("://", `://${LOGIN.user}:${encodeURIComponent(LOGIN.password)}@`);
}
