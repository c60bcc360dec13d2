import { createServer, type IncomingMessage } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { connect, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { SecureContextOptions } from "node:tls";
import { Arrivals } from "./arrivals.js";
import { type Listening, listen, startPlain } from "./dial-fixture.js";

/** A proxy that knows CONNECT. */
export interface ConnectProxy extends Listening {
  requests: Arrivals<IncomingMessage>;
}

export interface ConnectProxyOptions {
  /** Makes it an https proxy. */
  tls?: SecureContextOptions;
  /** Answers with this status in place of a tunnel; 0 does not answer. */
  status?: number;
}

export async function startConnectProxy({ tls, status = 200 }: ConnectProxyOptions = {}): Promise<ConnectProxy> {
  const server = tls === undefined ? createServer() : createSecureServer(tls);
  const requests = new Arrivals<IncomingMessage>();
  server.on("connect", (request: IncomingMessage, client: Duplex) => {
    client.on("error", () => undefined);
    requests.push(request);
    if (status === 0) return;
    if (status !== 200) return void client.end(`HTTP/1.1 ${status} No\r\nContent-Length: 4\r\n\r\nnone`);
    tunnel(request.url ?? "", client, () => client.write("HTTP/1.1 200 Connection established\r\n\r\n"));
  });
  return { ...(await listen(server)), requests };
}

/** A SOCKS 5 proxy, as far as clients that connect need one (RFC 1928, RFC 1929). */
export interface SocksProxy extends Listening {
  /** The targets that were asked for, as `host:port`. */
  targets: Arrivals<string>;
  /** The user and password that were given, as `user:password`. */
  logins: Arrivals<string>;
}

export interface SocksProxyOptions {
  /** The login that it asks for, as `user:password`. */
  login?: string;
  /** The reply to the request: 0 grants it. */
  reply?: number;
  /** What it keeps silent on. */
  silent?: "greeting" | "login" | "request";
}

const IPV4 = 1;
const IPV6 = 4;

export async function startSocksProxy({ login, reply = 0, silent }: SocksProxyOptions = {}): Promise<SocksProxy> {
  const targets = new Arrivals<string>();
  const logins = new Arrivals<string>();
  const stages = new WeakMap<Socket, "login" | "request" | "tunnel">();
  const server = await startPlain((client, bytes) => {
    switch (stages.get(client)) {
      case undefined: {
        if (silent === "greeting") return;
        const methods = [...bytes.subarray(2, 2 + bytes.readUInt8(1))];
        const method = login === undefined ? 0 : 2;
        stages.set(client, login === undefined ? "request" : "login");
        return void client.write(Buffer.from([5, methods.includes(method) ? method : 0xff]));
      }
      case "login": {
        const user = bytes.subarray(2, 2 + bytes.readUInt8(1));
        const given = `${user.toString()}:${bytes.subarray(3 + user.length).toString()}`;
        logins.push(given);
        if (silent === "login") return;
        stages.set(client, "request");
        return void client.write(Buffer.from([1, given === login ? 0 : 1]));
      }
      case "request": {
        const target = targetOf(bytes);
        targets.push(target);
        if (silent === "request") return;
        stages.set(client, "tunnel");
        const answer = Buffer.from([5, reply, 0, IPV4, 0, 0, 0, 0, 0, 0]);
        if (reply !== 0) return void client.end(answer);
        client.removeAllListeners("data");
        return tunnel(target, client, () => client.write(answer));
      }
      case "tunnel":
        return;
    }
  });
  return { ...server, targets, logins };
}

function targetOf(request: Buffer): string {
  const port = request.readUInt16BE(request.length - 2);
  const address = request.subarray(4, -2);
  switch (request.readUInt8(3)) {
    case IPV4:
      return `${[...address].join(".")}:${port}`;
    case IPV6:
      return `[${address.toString("hex")}]:${port}`;
    default:
      return `${address.subarray(1).toString()}:${port}`;
  }
}

/** Whatever its name, the target is on this machine. */
function tunnel(target: string, client: Duplex, granted: () => void): void {
  const server = connect(Number(target.split(":").at(-1)), "127.0.0.1", () => {
    granted();
    client.pipe(server).pipe(client);
  });
  server.on("error", () => client.destroy());
  client.on("close", () => server.destroy());
  server.on("close", () => client.destroy());
}
