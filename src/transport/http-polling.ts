import { Socket } from "node:net";
import type { buildConnector, Client, Dispatcher } from "undici";
import { OpAMPError } from "../errors.js";
import { tooLarge } from "../wire/limits.js";
import { brokeOff, closedHere, dialFailed, ended, single, statusRefused } from "./connect-error.js";
import { makeGuest } from "./guest-socket.js";
import { resolveHeaders } from "./headers.js";
import type { TransportSettings } from "./settings.js";
import type { Loss, Sink, Transport } from "./transport.js";

const CONTENT_TYPE = "application/x-protobuf";

/** One stretch of exchanges: the sink they report to, and the way to cut them short. */
interface Session {
  sink: Sink;
  client: Client | undefined;
  /** Of the connection in use or being made. */
  socket: Socket | undefined;
  /** The connection for the exchange under way is being made: nothing of it can have left. */
  dialling: boolean;
  over: boolean;
}

/** OpAMP over plain HTTP: each payload is a POST, and its answer the payload that comes back (HTTP-01). */
export class HttpPollingTransport implements Transport {
  readonly duplex = false;
  readonly name = "http";
  readonly #settings: TransportSettings;
  #session: Session | undefined;

  constructor(settings: TransportSettings) {
    this.#settings = settings;
  }

  open(sink: Sink): void {
    const session: Session = { sink, client: undefined, socket: undefined, dialling: true, over: false };
    this.#session = session;
    void this.#prepare(session).catch((error: unknown) => lose(session, this.#failed(session, error)));
  }

  send(payload: Uint8Array): void {
    const { maxSendBytes } = this.#settings;
    if (payload.length > maxSendBytes) throw tooLarge("send", payload.length, maxSendBytes);
    const session = this.#session;
    if (session === undefined || session.over) return;
    void this.#exchange(session, payload).catch((error: unknown) => lose(session, this.#failed(session, error)));
  }

  ping(): void {
    // Each exchange is a sign of life.
  }

  close(code: number, reason: string): void {
    if (this.#session !== undefined) lose(this.#session, closedHere(code, reason));
  }

  async #prepare(session: Session): Promise<void> {
    // Loaded on demand, so that whoever uses WebSocket does not pay for it.
    const { Client, buildConnector } = await import("undici");
    if (session.over) return;
    session.client = new Client(this.#settings.url.origin, {
      // Whoever drives the transport bounds the whole exchange.
      headersTimeout: 0,
      bodyTimeout: 0,
      pipelining: 1,
      connect: this.#connector(session, buildConnector({ timeout: 0 })),
    });
    session.sink.opened();
  }

  #connector(session: Session, connect: buildConnector.connector): buildConnector.connector {
    return (options, callback) => {
      session.dialling = true;
      const socket: unknown = connect(options, (...result) => {
        session.dialling = result[0] !== null;
        callback(...result);
      });
      if (!(socket instanceof Socket)) return;
      session.socket = socket;
      if (this.#settings.keepAlive) return;
      makeGuest(socket);
      // undici takes the reference back with each request; a guest must not hold the process for that.
      socket.ref = () => socket;
    };
  }

  async #exchange(session: Session, payload: Uint8Array): Promise<void> {
    const { url, headers, authorization, instanceUid } = this.#settings;
    const { client } = session;
    if (client === undefined) return;
    const given = await resolveHeaders(headers, authorization);
    if (session.over) return;
    const response = await client.request({
      method: "POST",
      path: `${url.pathname}${url.search}`,
      headers: { ...given, "content-type": CONTENT_TYPE, "opamp-instance-uid": instanceUid() },
      body: payload,
    });
    const { statusCode } = response;
    if (statusCode < 200 || statusCode > 299) {
      return lose(session, statusRefused(statusCode, response.headers, url, Date.now()));
    }
    const body = await this.#read(response);
    if (session.over) return;
    if (body.length > 0) this.#checkType(response);
    session.sink.payload(body);
  }

  /** Reads up to the limit and not a byte more (SIZE-06). */
  async #read({ headers, body }: Dispatcher.ResponseData): Promise<Uint8Array> {
    const { maxReceiveBytes } = this.#settings;
    const announced = Number(single(headers["content-length"]) ?? 0);
    if (announced > maxReceiveBytes) throw tooLarge("receive", announced, maxReceiveBytes);
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of body) {
      if (!(chunk instanceof Uint8Array)) continue;
      bytes += chunk.length;
      if (bytes > maxReceiveBytes) throw tooLarge("receive", undefined, maxReceiveBytes);
      chunks.push(chunk);
    }
    const whole = Buffer.concat(chunks, bytes);
    return new Uint8Array(whole.buffer, whole.byteOffset, bytes);
  }

  #checkType({ headers }: Dispatcher.ResponseData): void {
    const essence = single(headers["content-type"])?.split(";")[0]?.trim().toLowerCase();
    if (essence === CONTENT_TYPE) return;
    const { host, pathname } = this.#settings.url;
    throw new OpAMPError("ERR_OPAMP_NOT_OPAMP", `${host}${pathname} answered with ${essence ?? "no content type"}`);
  }

  #failed(session: Session, error: unknown): Loss {
    const { url } = this.#settings;
    if (error instanceof OpAMPError) {
      return error.code === "ERR_OPAMP_HEADERS" ? { ...ended(error), fate: "unsent" } : ended(error);
    }
    // A break in the middle of an exchange is a failed request like any other, not the break of a standing link (EST-03).
    return session.dialling ? dialFailed(error, url) : { ...brokeOff(error, url), orderly: true };
  }
}

function lose(session: Session, loss: Loss): void {
  if (session.over) return;
  session.over = true;
  void session.client?.destroy().catch(() => undefined);
  // undici leaves a connection that is still being made to itself.
  session.socket?.destroy();
  session.sink.lost(loss);
}
