import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createSecureServer, Server as SecureServer } from "node:https";
import { isIPv6, type Server as NetServer, type Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { WebSocketServer } from "ws";
import { messageOf, OpAMPError } from "../../errors.js";
import { acceptsGzip, type Refusal, refuse, refuseUpgrade } from "../link/http-link.js";
import type { TransportName } from "../link/link.js";
import { isGzipped } from "../link/request-body.js";
import { type ServerTlsOptions, withTls } from "../link/server-tls.js";
import { BoundedList } from "../message-log.js";
import { misbehaveOnConnect, misbehaveOnRequest } from "../misbehave/misbehave.js";
import type { ConnectMisbehaviour } from "../misbehave/misbehaviour.js";
import type { ScriptedRefusal } from "../misbehave/orders.js";
import type { Receiver } from "../receiver.js";
import type { ServerSettings } from "../server-options.js";
import type { Admission } from "./admission.js";
import { Attempt } from "./attempts.js";
import type { Connections } from "./connections.js";

const LOOPBACK_OF_WILDCARD: Readonly<Record<string, string>> = { "0.0.0.0": "127.0.0.1", "::": "::1" };

interface ListenerSettings extends ServerSettings {
  /** The server's own authority. */
  readonly ca: string | undefined;
}

/** The port: hands on upgrades and requests that are let in. */
export class Listener {
  readonly attempts: BoundedList<Attempt>;
  port = 0;
  readonly #settings: ListenerSettings;
  readonly #connections: Connections;
  readonly #admission: Admission;
  readonly #receiver: Receiver;
  readonly #changed: () => void;
  readonly #upgrades: WebSocketServer;
  readonly #http: Server;
  /** What ends the wait of each refusal that comes late. */
  readonly #delays = new Set<() => void>();

  constructor(
    settings: ListenerSettings,
    connections: Connections,
    admission: Admission,
    receiver: Receiver,
    /** Called when an attempt came or was answered. */
    changed: () => void,
  ) {
    this.attempts = new BoundedList(settings.keepMessages);
    this.#settings = settings;
    this.#connections = connections;
    this.#admission = admission;
    this.#receiver = receiver;
    this.#changed = changed;
    this.#upgrades = new WebSocketServer({
      noServer: true,
      maxPayload: settings.maxMessageBytes,
      clientTracking: false,
      perMessageDeflate: settings.compression && { threshold: 0 },
    });
    // Idle connections stay: ending one is for the agent, or for the server's user.
    const options = { keepAliveTimeout: 0 };
    this.#http =
      settings.tls === undefined
        ? createServer(options)
        : withTls(settings.tls, settings.ca, (tls) => createSecureServer({ ...tls, ...options }));
    // The library's own listeners, kept from connections with which the server does something else.
    const serve = this.#http.listeners("connection");
    this.#http.removeAllListeners("connection");
    this.#http.on("connection", (socket: Socket) => this.#accept(socket, serve));
    this.#http.on("secureConnection", (session: TLSSocket) => this.#connections.secured(session));
    this.#http.on("tlsClientError", (error: Error, session: TLSSocket) => this.#connections.unsecured(session, error));
    this.#http.on("upgrade", (request, _socket, head) => this.#upgrade(request, head));
    this.#http.on("request", (request, response) => this.#request(request, response));
  }

  /** Starts listening. Rejects with ERR_OPAMP_OPTION if it cannot listen there. */
  async start(): Promise<void> {
    const { host, port, keepAlive } = this.#settings;
    this.port = await listenOn(this.#http, { host, port }, `host ${host}, port ${port}`);
    if (!keepAlive) this.#http.unref();
  }

  url(transport: TransportName): string {
    const host = LOOPBACK_OF_WILDCARD[this.#settings.host] ?? this.#settings.host;
    return `${this.#origin(transport)}${isIPv6(host) ? `[${host}]` : host}:${this.port}${this.#settings.path}`;
  }

  /**
   * Shows another certificate from the next handshake on, and asks for those of clients as it says. Throws ERR_OPAMP_OPTION
   * on a server without TLS, or for a value that is not a certificate.
   */
  setTls(tls: ServerTlsOptions): void {
    if (!(this.#http instanceof SecureServer)) {
      throw new OpAMPError("ERR_OPAMP_OPTION", "tls: the server was started without TLS", {
        hint: "give `tls` to OpAMPServer.start",
      });
    }
    const server = this.#http;
    withTls(tls, this.#settings.ca, (options) => {
      server.setSecureContext(options);
      // Node looks for these in the server itself.
      const { requestCert, rejectUnauthorized } = options;
      Object.assign(server, { requestCert, rejectUnauthorized });
    });
  }

  /** Frees the port. Resolves when the last connection is gone, so cut them. */
  async close(): Promise<void> {
    for (const cancel of this.#delays) cancel();
    this.#delays.clear();
    const closed = once(this.#http, "close");
    this.#http.close();
    // The listener's own close may come before those of its last connections.
    await Promise.all([closed, this.#connections.gone()]);
  }

  #accept(socket: Socket, serve: ReturnType<Server["listeners"]>): void {
    this.#connections.accept(socket);
    if (!this.#settings.keepAlive) socket.unref();
    const bad = this.#admission.orders.onConnect.take(undefined);
    if (bad !== undefined) {
      misbehaveOnConnect(bad, socket);
      return;
    }
    for (const listen of serve) Reflect.apply(listen, this.#http, [socket]);
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
      const link = this.#receiver.webSocket(webSocket, request, {
        connection: attempt.connection,
        endpoint,
        tls: this.#connections.peerOf(socket),
        receivesCompressed: isDeflated,
        sendsCompressed: isDeflated,
      });
      this.#admission.entered(link, request);
    });
  }

  #request(request: IncomingMessage, response: ServerResponse): void {
    const { attempt, rejection, endpoint } = this.#ask(request, "http");
    attempt.follow(response);
    if (rejection !== undefined) {
      this.#reject(rejection, request, attempt, (refusal) => refuse(response, refusal));
      return;
    }
    void this.#receiver.post(request, response, {
      connection: attempt.connection,
      endpoint,
      tls: this.#connections.peerOf(request.socket),
      receivesCompressed: isGzipped(request),
      sendsCompressed: this.#settings.compression && acceptsGzip(request.headers["accept-encoding"]),
    });
  }

  #ask(request: IncomingMessage, transport: TransportName) {
    const { path, clock } = this.#settings;
    const { host } = request.headers;
    const attempt = new Attempt(transport, this.#connections.numberOf(request.socket), clock.now(), request);
    this.attempts.add(attempt);
    // By the name the agent used, which in front of a proxy is not this server's own.
    const base = host === undefined ? undefined : `${this.#origin(transport)}${host}`;
    const endpoint = base === undefined ? this.url(transport) : `${base}${path}`;
    const rejection = this.#admission.ask(request, transport, `${base ?? ""}${request.url}`);
    this.#changed();
    return { attempt, rejection, endpoint };
  }

  #reject(
    rejection: ScriptedRefusal | ConnectMisbehaviour,
    request: IncomingMessage,
    attempt: Attempt,
    answer: (refusal: Refusal) => void,
  ): void {
    if ("mode" in rejection) {
      misbehaveOnRequest(rejection, request);
      return;
    }
    const act = (): void => {
      if (request.socket.destroyed) return;
      attempt.answered(rejection.status);
      answer(rejection);
      this.#changed();
    };
    if (rejection.delayMs === undefined) {
      act();
      return;
    }
    const cancel = this.#settings.clock.after(rejection.delayMs, () => {
      this.#delays.delete(cancel);
      act();
    });
    this.#delays.add(cancel);
  }

  #origin(transport: TransportName): string {
    return `${transport}${this.#settings.tls === undefined ? "" : "s"}://`;
  }
}

/**
 * Has a server listen, and returns its port.
 *
 * @param place host and port in words, for the ERR_OPAMP_OPTION with which it rejects if it cannot listen there
 */
export async function listenOn(server: NetServer, at: { host: string; port: number }, place: string): Promise<number> {
  try {
    await once(server.listen(at), "listening");
  } catch (cause) {
    throw new OpAMPError("ERR_OPAMP_OPTION", `cannot listen on ${place}: ${messageOf(cause)}`, {
      cause,
      hint: "choose another port, or 0 for any free one",
    });
  }
  const address = server.address();
  return typeof address === "object" && address !== null ? address.port : at.port;
}
