import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer, Server as SecureServer } from "node:https";
import { isIPv6, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { type WebSocket, WebSocketServer } from "ws";
import { messageOf, OpAMPError } from "../../errors.js";
import type { BoundedList } from "../bounded-list.js";
import { acceptsGzip } from "../link/http-link.js";
import type { LinkOrigin, TransportName } from "../link/link.js";
import { type Refusal, refuse, refuseUpgrade } from "../link/refusal.js";
import { nodeTlsOptions, type ServerTlsOptions } from "../link/server-tls.js";
import { misbehaveOnConnect } from "../misbehave/misbehave-connect.js";
import type { Timers } from "../timers.js";
import { Attempt } from "./attempts.js";
import { Connections } from "./connections.js";
import type { Door, Rejection } from "./door.js";
import { isGzipped } from "./request-body.js";

/** What a listener needs to know and whom it calls. */
export interface ListenerSetup {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly maxMessageBytes: number;
  readonly keepMessages: number;
  readonly tls: ServerTlsOptions | undefined;
  readonly compression: boolean;
  readonly door: Door;
  readonly timers: Timers;
  readonly attempts: BoundedList<Attempt>;
  /** A TCP connection came or went. */
  changed(): void;
  webSocket(webSocket: WebSocket, request: IncomingMessage, origin: LinkOrigin): void;
  request(request: IncomingMessage, response: ServerResponse, origin: LinkOrigin): void;
}

const LOOPBACK_OF_WILDCARD: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/** The port: hands on upgrades and requests that the door lets in. */
export class Listener {
  readonly connections: Connections;
  readonly #setup: ListenerSetup;
  readonly #upgrades: WebSocketServer;
  readonly #http: Server;
  #port = 0;

  constructor(setup: ListenerSetup) {
    this.#setup = setup;
    this.connections = new Connections(setup.changed, setup.keepMessages);
    this.#upgrades = new WebSocketServer({
      noServer: true,
      maxPayload: setup.maxMessageBytes,
      clientTracking: false,
      perMessageDeflate: setup.compression && { threshold: 0 },
    });
    // Idle connections stay: ending one is for the agent, or for the server's user.
    const options = { keepAliveTimeout: 0 };
    this.#http = setup.tls === undefined ? createServer(options) : secureServer(setup.tls, options);
    // The library's own listeners, kept from connections with which the server does something else.
    const serve = this.#http
      .listeners("connection")
      .map((listener) => (socket: Socket) => void Reflect.apply(listener, this.#http, [socket]));
    this.#http.removeAllListeners("connection");
    this.#http.on("connection", (socket: Socket) => this.#accept(socket, serve));
    this.#http.on("secureConnection", (session: TLSSocket) => this.connections.secured(session));
    this.#http.on("tlsClientError", (error: Error, session: TLSSocket) => this.connections.unsecured(session, error));
    this.#http.on("upgrade", (request, _socket, head) => this.#upgrade(request, head));
    this.#http.on("request", (request, response) => this.#request(request, response));
  }

  /** Starts listening. Rejects with ERR_OPAMP_OPTION if host and port cannot be had. */
  async start(): Promise<void> {
    const { host, port } = this.#setup;
    try {
      await once(this.#http.listen({ host, port }), "listening");
    } catch (thrown) {
      throw new OpAMPError("ERR_OPAMP_OPTION", `cannot listen on host ${host}, port ${port}: ${messageOf(thrown)}`, {
        cause: thrown,
        hint: "choose another port, or 0 for any free one",
      });
    }
    const address = this.#http.address();
    this.#port = typeof address === "object" && address !== null ? address.port : port;
  }

  get port(): number {
    return this.#port;
  }

  url(transport: TransportName): string {
    const host = LOOPBACK_OF_WILDCARD[this.#setup.host] ?? this.#setup.host;
    return `${this.#origin(transport)}${isIPv6(host) ? `[${host}]` : host}:${this.#port}${this.#setup.path}`;
  }

  /** Shows another certificate from the next handshake on. Throws ERR_OPAMP_OPTION on a server without TLS, or for what is no certificate. */
  setTls(tls: ServerTlsOptions): void {
    if (!(this.#http instanceof SecureServer)) {
      throw new OpAMPError("ERR_OPAMP_OPTION", "tls: the server was started without TLS", {
        hint: "give `tls` to OpAMPServer.start",
      });
    }
    const server = this.#http;
    checkedTls(() => server.setSecureContext(nodeTlsOptions(tls)));
  }

  /** Frees the port. Resolves when the last connection is gone, so cut them. */
  async close(): Promise<void> {
    const closed = once(this.#http, "close");
    this.#http.close();
    // The listener's own close may come before those of its last connections.
    await Promise.all([closed, this.connections.gone()]);
  }

  #accept(socket: Socket, serve: readonly ((socket: Socket) => void)[]): void {
    this.connections.accept(socket);
    const bad = this.#setup.door.onConnect.take((step) => step);
    if (bad !== undefined) {
      misbehaveOnConnect(bad, socket);
      return;
    }
    if (this.#setup.tls !== undefined) this.connections.shaking(socket);
    for (const listen of serve) listen(socket);
  }

  #upgrade(request: IncomingMessage, head: Buffer): void {
    const { socket } = request;
    // After an upgrade nobody else listens; the end of the connection is seen through its close.
    socket.on("error", () => undefined);
    const { attempt, rejection, endpoint } = this.#ask(request, "ws");
    if (rejection !== undefined) {
      this.#reject(rejection, request, attempt, (refusal) => refuseUpgrade(request, refusal));
      return;
    }
    this.#upgrades.handleUpgrade(request, socket, head, (webSocket) => {
      attempt.answered(101);
      const isDeflated = webSocket.extensions.includes("permessage-deflate");
      this.#setup.webSocket(webSocket, request, {
        connection: attempt.connection,
        endpoint,
        tls: this.connections.peerOf(socket),
        receivesCompressed: isDeflated,
        sendsCompressed: isDeflated,
      });
    });
  }

  #request(request: IncomingMessage, response: ServerResponse): void {
    const { attempt, rejection, endpoint } = this.#ask(request, "http");
    attempt.follow(response);
    if (rejection !== undefined) {
      this.#reject(rejection, request, attempt, (refusal) => refuse(response, refusal));
      return;
    }
    this.#setup.request(request, response, {
      connection: attempt.connection,
      endpoint,
      tls: this.connections.peerOf(request.socket),
      receivesCompressed: isGzipped(request),
      sendsCompressed: this.#setup.compression && acceptsGzip(request.headers["accept-encoding"]),
    });
  }

  #ask(request: IncomingMessage, transport: TransportName) {
    const { door, path, timers, attempts } = this.#setup;
    const { host } = request.headers;
    const attempt = new Attempt(transport, this.connections.numberOf(request.socket), timers.now(), request);
    attempts.add(attempt);
    // By the name the agent used, which in front of a proxy is not this server's own.
    const base = host === undefined ? undefined : `${this.#origin(transport)}${host}`;
    const endpoint = base === undefined ? this.url(transport) : `${base}${path}`;
    const rejection = door.ask(request, transport, `${base ?? ""}${request.url}`);
    this.#setup.changed();
    return { attempt, rejection, endpoint };
  }

  #reject(rejection: Rejection, request: IncomingMessage, attempt: Attempt, answer: (refusal: Refusal) => void): void {
    if (rejection.kind === "socket") {
      const status = rejection.act(() => this.connections.reset(request.socket));
      if (status !== undefined) attempt.answered(status);
      return;
    }
    const { refusal } = rejection;
    const act = (): void => {
      if (request.socket.destroyed) return;
      attempt.answered(refusal.status);
      answer(refusal);
      this.#setup.changed();
    };
    if ("delayMs" in refusal && refusal.delayMs !== undefined) this.#setup.timers.after(refusal.delayMs, act);
    else act();
  }

  #origin(transport: TransportName): string {
    return `${transport}${this.#setup.tls === undefined ? "" : "s"}://`;
  }
}

function secureServer(tls: ServerTlsOptions, options: { keepAliveTimeout: number }): SecureServer {
  return checkedTls(() => createSecureServer({ ...nodeTlsOptions(tls), ...options }));
}

function checkedTls<Result>(use: () => Result): Result {
  try {
    return use();
  } catch (cause) {
    throw new OpAMPError("ERR_OPAMP_OPTION", `tls: ${messageOf(cause)}`, {
      cause,
      hint: "give certificate and key as PEM text, and the key that belongs to the certificate",
    });
  }
}
