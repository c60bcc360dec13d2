import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
  STATUS_CODES,
} from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { Duplex } from "node:stream";
import type { SecureContextOptions } from "node:tls";
import { Arrivals } from "../../transport/arrivals.js";
import { forward } from "./forward.js";
import { addressOf, type Listening, listenForTest, tunnel } from "./listening.js";

/** How an HTTP proxy behaves; can be changed while it runs. */
export interface HttpProxyBehaviour {
  /** The login that it demands, as `user:password`; without it, 407. */
  auth?: string | undefined;
  /** Answers everything with this status. */
  refuse?: number | undefined;
  /** Whether it tunnels at all; many do so to port 443 alone. Default true. */
  tunnels?: boolean;
  /** Never answers. */
  hang?: boolean;
  /** Answers with bytes that are no HTTP. */
  garbage?: boolean;
}

/** What a proxy was asked for. */
export interface ProxiedRequest {
  readonly method: string;
  /** `host:port` for CONNECT, otherwise the URL. */
  readonly target: string;
  readonly headers: IncomingHttpHeaders;
}

export interface HttpProxy extends Listening {
  /** Its URL, without credentials. */
  readonly url: string;
  /** Every CONNECT, also those turned away. */
  readonly connects: Arrivals<ProxiedRequest>;
  /** Every request in absolute form, also those turned away. */
  readonly forwards: Arrivals<ProxiedRequest>;
  behave(behaviour: HttpProxyBehaviour): void;
}

/**
 * An HTTP proxy: tunnels by CONNECT, and forwards what comes in absolute form. Names lead to this machine, whatever they
 * are. It ends with the test.
 *
 * @param options `tls` makes it an https proxy
 */
export async function startHttpProxy({
  tls,
  ...behaviour
}: HttpProxyBehaviour & { tls?: SecureContextOptions } = {}): Promise<HttpProxy> {
  const settings: HttpProxyBehaviour = { ...behaviour };
  const connects = new Arrivals<ProxiedRequest>();
  const forwards = new Arrivals<ProxiedRequest>();
  const server = tls === undefined ? createServer() : createSecureServer(tls);
  server.on("connect", (request: IncomingMessage, client: Duplex, head: Buffer) => {
    client.on("error", () => undefined);
    connects.push(recorded(request));
    const refusal = refusalOf(request, settings);
    if (settings.hang) return;
    if (settings.garbage) return void client.end(GARBAGE);
    if (refusal !== undefined) return void client.end(refusalText(refusal));
    if (settings.tunnels === false) return void client.end(refusalText(403));
    if (head.length > 0) client.unshift(head);
    tunnel(client, addressOf(request.url ?? ""), {
      connected: () => void client.write("HTTP/1.1 200 Connection established\r\n\r\n"),
      failed: () => void client.end(refusalText(502)),
    });
  });
  server.on("request", (request: IncomingMessage, response: ServerResponse) => {
    forwards.push(recorded(request));
    const refusal = refusalOf(request, settings);
    if (settings.hang) return;
    if (settings.garbage) return void request.socket.end(GARBAGE);
    if (refusal !== undefined) return void response.writeHead(refusal, challenge(refusal)).end();
    // A proxy that is asked for a path of its own has none.
    if (!/^http:\/\//.test(request.url ?? "")) return void response.writeHead(400).end("not in absolute form");
    const { host, pathname, search } = new URL(request.url ?? "");
    const address = addressOf(host.includes(":") ? host : `${host}:80`);
    forward(request, response, { ...address, path: pathname + search, via: "test-proxy" });
  });
  const listening = await listenForTest(server);
  const url = `${tls === undefined ? "http" : "https"}://${listening.host}`;
  return { ...listening, url, connects, forwards, behave: (change) => void Object.assign(settings, change) };
}

const GARBAGE = "SSH-2.0-something-else\r\n";

function recorded({ method = "", url = "", headers }: IncomingMessage): ProxiedRequest {
  return { method, target: url, headers };
}

/** The status that a request is turned away with. */
function refusalOf({ headers }: IncomingMessage, { auth, refuse }: HttpProxyBehaviour): number | undefined {
  if (refuse !== undefined) return refuse;
  if (auth === undefined) return undefined;
  return headers["proxy-authorization"] === `Basic ${Buffer.from(auth).toString("base64")}` ? undefined : 407;
}

function challenge(status: number): Record<string, string> {
  return status === 407 ? { "proxy-authenticate": 'Basic realm="test"' } : {};
}

function refusalText(status: number): string {
  const headers = { ...challenge(status), "content-length": "0", connection: "close" };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return [`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? "Refused"}`, ...lines, "", ""].join("\r\n");
}
