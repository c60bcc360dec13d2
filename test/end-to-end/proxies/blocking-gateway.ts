import { createServer, type IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { endToEnd, forward } from "./forward.js";
import { addressOf, type Listening, listenForTest, tunnel } from "./listening.js";

/**
 * What a gateway does about an upgrade: refuses it with a status, forwards it as if it were a plain request, leaves it
 * unanswered, closes the connection, or lets it pass.
 */
export type UpgradePolicy = number | "strip" | "hang" | "close" | "pass";

export interface BlockingGateway extends Listening {
  /** The endpoint to give to a client, by transport. */
  url(transport: "ws" | "http"): string;
  /** For the upgrades to come. Those that have passed stay; `drop()` ends them. */
  upgrades: UpgradePolicy;
  /** How many upgrades were tried, and how many other requests came. */
  readonly seen: { upgrades: number; requests: number };
}

/**
 * A gateway that carries plain HTTP, and WebSocket only where told to. It ends with the test.
 *
 * @param target the server's URL; its path is the clients' default
 */
export async function startBlockingGateway(target: string, policy: UpgradePolicy = 403): Promise<BlockingGateway> {
  const { host, pathname } = new URL(target);
  const address = addressOf(host);
  const seen = { upgrades: 0, requests: 0 };
  const server = createServer((request, response) => {
    seen.requests += 1;
    forward(request, response, { ...address, path: request.url ?? "/", via: "test-gateway" });
  });
  server.on("upgrade", (request: IncomingMessage, client: Duplex, head: Buffer) => {
    seen.upgrades += 1;
    client.on("error", () => undefined);
    const { upgrades } = gateway;
    if (upgrades === "hang") return;
    if (upgrades === "close") return void client.destroy();
    if (typeof upgrades === "number") {
      return void client.end(`HTTP/1.1 ${upgrades} No\r\nContent-Length: 7\r\nConnection: close\r\n\r\nrefused`);
    }
    if (head.length > 0) client.unshift(head);
    tunnel(client, address, {
      connected: (upstream) => void upstream.write(upgrades === "pass" ? asItCame(request) : asPlain(request)),
      failed: () => void client.end("HTTP/1.1 502 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"),
    });
  });
  const listening = await listenForTest(server);
  const gateway: BlockingGateway = {
    ...listening,
    url: (transport) => `${transport}://${listening.host}${pathname}`,
    upgrades: policy,
    seen,
  };
  return gateway;
}

function asItCame({ method, url, rawHeaders }: IncomingMessage): string {
  const lines = rawHeaders.flatMap((name, place) => (place % 2 === 0 ? `${name}: ${rawHeaders[place + 1]}` : []));
  return [`${method} ${url} HTTP/1.1`, ...lines, "", ""].join("\r\n");
}

function asPlain({ method, url, headers }: IncomingMessage): string {
  const lines = Object.entries({ ...endToEnd(headers), connection: "close" }).map(
    ([name, value]) => `${name}: ${value}`,
  );
  return [`${method} ${url} HTTP/1.1`, ...lines, "", ""].join("\r\n");
}
