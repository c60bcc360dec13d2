import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { isIPv6, type Socket } from "node:net";
import { type WebSocket, WebSocketServer } from "ws";
import { messageOf, OpAMPError } from "../errors.js";
import type { LinkCounts, LinkOrigin, TransportName } from "./link.js";
import { type Refusal, refuse, refuseUpgrade } from "./refusal.js";

/** What a listener needs to know and whom it calls. */
export interface ListenerSetup {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly maxMessageBytes: number;
  readonly onConnect: ((request: IncomingMessage) => Refusal | undefined) | undefined;
  /** A TCP connection came or went. */
  changed(): void;
  webSocket(webSocket: WebSocket, origin: LinkOrigin): void;
  request(request: IncomingMessage, response: ServerResponse, origin: LinkOrigin): void;
}

const LOOPBACK_OF_WILDCARD: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

/** The port: owns all TCP connections, and hands on upgrades and requests for the one path. */
export class Listener {
  readonly #setup: ListenerSetup;
  readonly #sockets = new Map<Socket, number>();
  readonly #upgrades: WebSocketServer;
  readonly #http: Server;
  #accepted = 0;
  #port = 0;

  constructor(setup: ListenerSetup) {
    this.#setup = setup;
    this.#upgrades = new WebSocketServer({ noServer: true, maxPayload: setup.maxMessageBytes, clientTracking: false });
    // Idle connections stay: ending one is for the agent, or for the server's user.
    this.#http = createServer({ keepAliveTimeout: 0 });
    this.#http.on("connection", (socket: Socket) => this.#accept(socket));
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

  /** All TCP connections, of either transport. */
  get sockets(): LinkCounts {
    return { open: this.#sockets.size, total: this.#accepted };
  }

  url(transport: TransportName): string {
    const host = LOOPBACK_OF_WILDCARD[this.#setup.host] ?? this.#setup.host;
    return `${transport}://${isIPv6(host) ? `[${host}]` : host}:${this.#port}${this.#setup.path}`;
  }

  /** Cuts all connections. */
  drop(): void {
    for (const socket of this.#sockets.keys()) {
      socket.destroy();
    }
  }

  /** Frees the port. Resolves when the last connection is gone, so cut them. */
  async close(): Promise<void> {
    const closed = once(this.#http, "close");
    this.#http.close();
    // The listener's own close may come before those of its last connections.
    const gone = [...this.#sockets.keys()].map((socket) => new Promise((resolve) => socket.on("close", resolve)));
    await Promise.all([closed, ...gone]);
  }

  #accept(socket: Socket): void {
    this.#accepted += 1;
    this.#sockets.set(socket, this.#accepted);
    socket.on("close", () => {
      this.#sockets.delete(socket);
      this.#setup.changed();
    });
    this.#setup.changed();
  }

  #upgrade(request: IncomingMessage, head: Buffer): void {
    const { socket } = request;
    // After an upgrade nobody else listens; the end of the connection is seen through its close.
    socket.on("error", () => undefined);
    const refusal = this.#refusal(request);
    if (refusal === undefined) {
      const origin = this.#origin("ws", request);
      this.#upgrades.handleUpgrade(request, socket, head, (webSocket) => this.#setup.webSocket(webSocket, origin));
    } else {
      refuseUpgrade(request, refusal);
    }
  }

  #request(request: IncomingMessage, response: ServerResponse): void {
    const refusal = this.#refusal(request);
    if (refusal === undefined) {
      this.#setup.request(request, response, this.#origin("http", request));
    } else {
      refuse(response, refusal);
    }
  }

  #refusal(request: IncomingMessage): Refusal | undefined {
    try {
      return this.#setup.onConnect?.(request) ?? (pathOf(request) === this.#setup.path ? undefined : { status: 404 });
    } catch (thrown) {
      return { status: 500, body: messageOf(thrown) };
    }
  }

  #origin(transport: TransportName, request: IncomingMessage): LinkOrigin {
    const { host } = request.headers;
    // By the name the agent used, which in front of a proxy is not this server's own.
    const endpoint = host === undefined ? this.url(transport) : `${transport}://${host}${this.#setup.path}`;
    return { connection: this.#sockets.get(request.socket) ?? 0, endpoint };
  }
}

function pathOf(request: IncomingMessage): string | undefined {
  return request.url?.split("?", 1)[0];
}
