import { OpAMPError } from "../errors.js";
import { HttpPollingTransport } from "./http/http-polling.js";
import type { TransportSettings } from "./settings/settings.js";
import { CLOSE_NOW, type Loss, type Sink, type Transport } from "./transport.js";
import { asKind } from "./url/endpoint.js";
import { type DialStage, WebSocketTransport } from "./websocket.js";

/** How long HTTP serves before WebSocket is tried again: at first, and at most. */
const FIRST_RETRY_MS = 600_000;
const MAX_RETRY_MS = 3_600_000;
/** So many links in a row that opened, brought nothing and broke: something lets the upgrade through, and no frames. */
const MAX_MUTE = 2;
/** Answers to an upgrade that a POST would get as well. Not 403: many a gateway says so to every upgrade. */
const SAME_OVER_HTTP: ReadonlySet<number> = new Set([401, 413, 429, 503]);

/**
 * WebSocket, and HTTP polling for as long as what lies in between cannot carry an upgrade; never both at a time (DUP-01).
 *
 * What would go wrong on either (names, ports, TLS, proxies, credentials, a busy server) ends an attempt as it is. Over
 * HTTP, WebSocket is tried again after 10 minutes, then after twice as long each time, up to an hour; and as soon as HTTP
 * cannot connect, or fails before it has carried anything.
 */
export class AutoTransport implements Transport {
  readonly #settings: TransportSettings;
  readonly #websocket: WebSocketTransport;
  readonly #http: HttpPollingTransport;
  #link: WebSocketTransport | HttpPollingTransport;
  /** What the next dial begins with. */
  #next: "websocket" | "http" = "websocket";
  /** Until when HTTP serves, and how long that is, on a clock that never goes back. */
  #retryAt = 0;
  #retryMs = FIRST_RETRY_MS;
  /** HTTP has carried a message since WebSocket could not. */
  #httpWorks = false;
  /** Links in a row that opened and broke with nothing in between. */
  #mute = 0;
  #openedAt = 0;
  /** Ended from outside at this moment. */
  #closing = false;
  /** Who is told of the link in use; nobody while this transport changes it. */
  #sink: Sink | undefined;

  /** @param settings with a URL of any of the four schemes */
  constructor(settings: TransportSettings) {
    this.#settings = settings;
    this.#websocket = new WebSocketTransport({ ...settings, url: asKind(settings.url, "websocket") });
    this.#http = new HttpPollingTransport({ ...settings, url: asKind(settings.url, "http") });
    this.#link = this.#websocket;
  }

  get duplex(): boolean {
    return this.#link.duplex;
  }

  get name(): string {
    return this.#link.name;
  }

  open(sink: Sink): void {
    this.#sink = sink;
    this.#openedAt = this.#settings.clock.now();
    if (this.#next === "http" && this.#openedAt < this.#retryAt) this.#openHttp(sink);
    else this.#openWebSocket(sink);
  }

  send(payload: Uint8Array): void {
    if (this.#link === this.#http && this.#settings.clock.now() >= this.#retryAt) this.#leaveHttp();
    else this.#link.send(payload);
  }

  ping(): void {
    this.#link.ping();
  }

  close(code: number, reason: string): void {
    this.#closing = true;
    this.#link.close(code, reason);
    this.#closing = false;
  }

  #openWebSocket(sink: Sink): void {
    let heard = false;
    const hear = (): void => {
      heard = true;
      this.#mute = 0;
      this.#httpWorks = false;
    };
    this.#link = this.#websocket;
    this.#websocket.open({
      opened: () => sink.opened(),
      payload: (bytes) => {
        if (!heard) hear();
        sink.payload(bytes);
      },
      alive: () => {
        if (!heard) hear();
        sink.alive();
      },
      malformed: (error) => {
        if (!heard) hear();
        sink.malformed(error);
      },
      lost: (loss) => {
        if (this.#websocket.stage === "open") return sink.lost(heard ? loss : this.#lostMute(loss));
        if (this.#closing) {
          this.#cut();
          return sink.lost(loss);
        }
        if (!cannotUpgrade(loss, this.#websocket.stage)) return sink.lost(loss);
        this.#expectHttp();
        this.#openHttp(sink);
      },
    });
  }

  #openHttp(sink: Sink): void {
    this.#link = this.#http;
    this.#http.open({
      opened: () => sink.opened(),
      payload: (bytes) => {
        this.#httpWorks = true;
        sink.payload(bytes);
      },
      alive: () => sink.alive(),
      malformed: (error) => sink.malformed(error),
      lost: (loss) => {
        if (this.#sink !== sink) return;
        this.#judgeHttp(loss);
        sink.lost(loss);
      },
    });
  }

  /** HTTP has served long enough: the next dial begins with WebSocket, and this payload is still to be sent. */
  #leaveHttp(): void {
    const sink = this.#sink;
    this.#sink = undefined;
    this.#next = "websocket";
    this.#http.close(CLOSE_NOW, "to try WebSocket again");
    const error = new OpAMPError("ERR_OPAMP_CLOSED", "HTTP polling was left to try WebSocket again", {
      hint: "nothing is wrong: if WebSocket still cannot get through, polling goes on",
    });
    sink?.lost({ error, fate: "unsent", orderly: true, throttled: false, renewed: "transport" });
  }

  /** A link broke that had opened and brought nothing. */
  #lostMute(loss: Loss): Loss {
    if (loss.orderly) return loss;
    this.#mute += 1;
    if (this.#mute < MAX_MUTE) return loss;
    this.#expectHttp();
    return { ...loss, renewed: "transport" };
  }

  /** Whoever waits for the upgrade has given up: if a connection was there, the answer was swallowed. */
  #cut(): void {
    const waitedMs = this.#settings.clock.now() - this.#openedAt;
    if (this.#websocket.stage !== "dialling" && waitedMs >= this.#settings.timeouts.connectMs) this.#expectHttp();
  }

  #expectHttp(): void {
    this.#retryMs = this.#httpWorks ? Math.min(this.#retryMs * 2, MAX_RETRY_MS) : FIRST_RETRY_MS;
    this.#retryAt = this.#settings.clock.now() + this.#retryMs;
    this.#next = "http";
    this.#httpWorks = false;
    this.#mute = 0;
  }

  #judgeHttp(loss: Loss): void {
    const { code } = loss.error;
    const isOwn = code === "ERR_OPAMP_HEADERS" || code === "ERR_OPAMP_AUTH";
    const isSame = isOwn || loss.throttled || loss.fate === "refused" || code === "ERR_OPAMP_UNAUTHORIZED";
    // Without a connection the network may be another one by now.
    const isElsewhere = loss.fate === "unsent" && !isOwn;
    if (isElsewhere) this.#httpWorks = false;
    if (isElsewhere || (!this.#httpWorks && !isSame)) this.#next = "websocket";
  }
}

/** Whether a dial failed for what HTTP could get around: the server was reached, and the upgrade did not come off. */
function cannotUpgrade({ error }: Loss, stage: DialStage): boolean {
  if (stage === "dialling" || error.code === "ERR_OPAMP_TLS" || error.code === "ERR_OPAMP_PROXY") return false;
  const { httpStatus: status } = error;
  return status === undefined || !(SAME_OVER_HTTP.has(status) || (status >= 300 && status < 400));
}
