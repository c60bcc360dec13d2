import type { Client, Dispatcher } from "undici";
import { OpAMPError } from "../errors.js";
import { tooLarge } from "../wire/limits.js";
import { connectFailed, single, statusRefused } from "./connect-error.js";
import { resolveHeaders } from "./headers.js";
import type { TransportSettings } from "./settings.js";
import { CLOSE_NOW, type Loss, type Sink, type Transport } from "./transport.js";

const CONTENT_TYPE = "application/x-protobuf";
/** How much of a refused answer's body is read so that its connection can be used again. */
const DRAIN_BYTES = 131_072;

/** One stretch of exchanges: the sink they report to, and the way to cut them short. */
interface Session {
  sink: Sink;
  client: Client | undefined;
  abort: AbortController;
  over: boolean;
}

/** OpAMP over plain HTTP: each payload is a POST, and its answer the payload that comes back (HTTP-01). */
export class HttpPollingTransport implements Transport {
  readonly duplex = false;
  readonly #settings: TransportSettings;
  #session: Session | undefined;

  constructor(settings: TransportSettings) {
    this.#settings = settings;
  }

  open(sink: Sink): void {
    const session: Session = { sink, client: undefined, abort: new AbortController(), over: false };
    this.#session = session;
    void this.#prepare(session).catch((error: unknown) => lose(session, this.#failed(error)));
  }

  send(payload: Uint8Array): void {
    const { maxSendBytes } = this.#settings;
    if (payload.length > maxSendBytes) throw tooLarge("send", payload.length, maxSendBytes);
    const session = this.#session;
    if (session === undefined || session.over) return;
    void this.#exchange(session, payload).catch((error: unknown) => lose(session, this.#failed(error)));
  }

  close(code: number, reason: string): void {
    const session = this.#session;
    if (session === undefined) return;
    const error = new OpAMPError("ERR_OPAMP_CLOSED", `closed from this side: ${reason}`);
    lose(session, { error, fate: "unknown", orderly: code !== CLOSE_NOW, throttled: false });
  }

  async #prepare(session: Session): Promise<void> {
    const { url, keepAlive } = this.#settings;
    // Loaded on demand, so that whoever uses WebSocket does not pay for it.
    const { Client, buildConnector } = await import("undici");
    if (session.over) return;
    const connector = buildConnector({ timeout: 0 });
    session.client = new Client(url.origin, {
      // Whoever drives the transport bounds the whole exchange.
      headersTimeout: 0,
      bodyTimeout: 0,
      pipelining: 1,
      connect: (options, callback) =>
        connector(options, (...result) => {
          const socket = result[1];
          if (socket !== null && !keepAlive) {
            socket.unref();
            // undici takes the reference back with each request; a guest must not hold the process for that.
            socket.ref = () => socket;
          }
          callback(...result);
        }),
    });
    session.sink.opened();
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
      signal: session.abort.signal,
    });
    if (response.statusCode < 200 || response.statusCode > 299) {
      await response.body.dump({ limit: DRAIN_BYTES, signal: session.abort.signal });
      return lose(session, statusRefused(response.statusCode, response.headers, url, Date.now()));
    }
    const body = await this.#read(response.body);
    if (session.over) return;
    if (body.length > 0) this.#checkType(response);
    session.sink.payload(body);
  }

  /** Reads up to the limit and not a byte more (SIZE-06). */
  async #read(body: Dispatcher.ResponseData["body"]): Promise<Uint8Array> {
    const { maxReceiveBytes } = this.#settings;
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    for await (const chunk of body) {
      if (!(chunk instanceof Uint8Array)) continue;
      bytes += chunk.length;
      if (bytes > maxReceiveBytes) throw tooLarge("receive", bytes, maxReceiveBytes);
      chunks.push(chunk);
    }
    const [only] = chunks;
    if (chunks.length === 1 && only !== undefined) return new Uint8Array(only.buffer, only.byteOffset, only.length);
    return new Uint8Array(Buffer.concat(chunks, bytes));
  }

  #checkType(response: Dispatcher.ResponseData): void {
    const type = single(response.headers["content-type"]);
    const essence = type?.split(";")[0]?.trim().toLowerCase();
    if (essence === CONTENT_TYPE) return;
    const { host, pathname } = this.#settings.url;
    throw new OpAMPError("ERR_OPAMP_NOT_OPAMP", `${host}${pathname} answered with ${essence ?? "no content type"}`);
  }

  #failed(error: unknown): Loss {
    if (!(error instanceof OpAMPError)) return connectFailed(error, this.#settings.url);
    const unsent = error.code === "ERR_OPAMP_HEADERS";
    return { error, fate: unsent ? "unsent" : "unknown", orderly: true, throttled: false };
  }
}

function lose(session: Session, loss: Loss): void {
  if (session.over) return;
  session.over = true;
  session.abort.abort();
  void session.client?.destroy().catch(() => undefined);
  session.sink.lost(loss);
}
