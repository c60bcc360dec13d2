import { OpAMPError } from "../errors.js";
import { HttpPollingTransport } from "./http/http-polling.js";
import type { TransportSettings } from "./settings/settings.js";
import { CLOSE_NOW, type Loss, OVERDUE, type Sink, type Transport } from "./transport.js";
import { asKind, type Endpoint } from "./url/endpoint.js";
import { WebSocketTransport } from "./websocket/websocket.js";
import type { DialStage } from "./websocket/websocket-dial.js";

/** How long HTTP serves before WebSocket is tried again: at first, and at most. */
const FIRST_RETRY_MS = 600_000;
const MAX_RETRY_MS = 3_600_000;
/** So many links in a row that opened, brought nothing and broke: something lets the upgrade through, and no frames. */
const MAX_MUTE = 2;
/** Answers to an upgrade that a POST would get as well. Not 403: many a gateway says so to every upgrade. */
const SAME_OVER_HTTP: ReadonlySet<number> = new Set([401, 413, 429, 503]);

/** The transport that an endpoint's scheme asks for (TRANS-01), or the one that finds out which gets through. */
export function createTransport(kind: Endpoint["kind"] | "auto", settings: TransportSettings): Transport {
  if (kind === "auto") return new AutoTransport(settings);
  return kind === "http" ? new HttpPollingTransport(settings) : new WebSocketTransport(settings);
}

/**
 * WebSocket, and HTTP polling for as long as what lies in between cannot carry an upgrade; never both at a time (DUP-01).
 *
 * What would go wrong on either (names, ports, TLS, proxies, credentials, a busy server) ends an attempt as it is. Over
 * HTTP, WebSocket is tried again after 10 minutes, then after twice as long each time, up to an hour; and as soon as HTTP
 * cannot connect, or fails before it has carried anything.
 */
class AutoTransport implements Transport {
  readonly #clock: TransportSettings["clock"];
  readonly #websocket: WebSocketTransport;
  readonly #http: HttpPollingTransport;
  #link: Transport;
  /** Dials begin with HTTP until then, on a clock that never goes back. */
  #httpUntil = Number.NEGATIVE_INFINITY;
  /** How long that was from the start. */
  #retryMs = FIRST_RETRY_MS;
  /** HTTP has carried a message since WebSocket could not. */
  #httpWorks = false;
  /** WebSocket links in a row that opened and broke with nothing in between. */
  #mute = 0;
  /** Why the link is being ended from this side, at this moment. */
  #ending: "closed" | "overdue" | "left" | undefined;

  /** @param settings with a URL of any of the four schemes */
  constructor(settings: TransportSettings) {
    this.#clock = settings.clock;
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
    if (this.#clock.now() < this.#httpUntil) this.#openHttp(sink);
    else this.#openWebSocket(sink);
  }

  send(payload: Uint8Array): void {
    // HTTP has served long enough: the next dial begins with WebSocket, and this payload is still to be sent.
    if (this.#link === this.#http && this.#clock.now() >= this.#httpUntil) {
      this.#end("left", CLOSE_NOW, "to try WebSocket again");
    } else this.#link.send(payload);
  }

  ping(): void {
    this.#link.ping();
  }

  close(code: number, reason: string): void {
    this.#end(reason === OVERDUE ? "overdue" : "closed", code, reason);
  }

  #end(why: "closed" | "overdue" | "left", code: number, reason: string): void {
    this.#ending = why;
    this.#link.close(code, reason);
    this.#ending = undefined;
  }

  #openWebSocket(sink: Sink): void {
    let heard = false;
    const hear = (): void => {
      heard = true;
      this.#mute = 0;
      this.#httpWorks = false;
    };
    this.#open(this.#websocket, sink, hear, (loss) => {
      const { stage } = this.#websocket;
      if (stage === "open") return sink.lost(heard ? loss : this.#lostMute(loss));
      // An upgrade that is not answered in time was swallowed.
      if (this.#ending === "overdue" && stage !== "dialling") this.#expectHttp();
      if (this.#ending !== undefined || !cannotUpgrade(loss, stage)) return sink.lost(loss);
      this.#expectHttp();
      this.#openHttp(sink);
    });
  }

  #openHttp(sink: Sink): void {
    const hear = (): void => {
      this.#httpWorks = true;
    };
    this.#open(this.#http, sink, hear, (loss) => {
      if (this.#ending === "left") return sink.lost(leftHttp());
      this.#judgeHttp(loss);
      sink.lost(loss);
    });
  }

  /** @param hear is called for whatever the server says */
  #open(link: Transport, sink: Sink, hear: () => void, lost: (loss: Loss) => void): void {
    this.#link = link;
    link.open({
      opened: () => sink.opened(),
      dialing: () => sink.dialing(),
      dialed: () => sink.dialed(),
      progress: () => sink.progress(),
      stale: () => sink.stale(),
      payload: (bytes) => {
        hear();
        sink.payload(bytes);
      },
      pong: () => {
        hear();
        sink.pong();
      },
      alive: () => {
        hear();
        sink.alive();
      },
      malformed: (error) => {
        hear();
        sink.malformed(error);
      },
      lost,
    });
  }

  /** A link broke that had opened and brought nothing. */
  #lostMute(loss: Loss): Loss {
    if (loss.orderly) return loss;
    this.#mute += 1;
    if (this.#mute < MAX_MUTE) return loss;
    this.#expectHttp();
    return { ...loss, renewed: "transport" };
  }

  #expectHttp(): void {
    this.#retryMs = this.#httpWorks ? Math.min(this.#retryMs * 2, MAX_RETRY_MS) : FIRST_RETRY_MS;
    this.#httpUntil = this.#clock.now() + this.#retryMs;
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
    if (isElsewhere || (!this.#httpWorks && !isSame)) this.#httpUntil = Number.NEGATIVE_INFINITY;
  }
}

function leftHttp(): Loss {
  const error = new OpAMPError("ERR_OPAMP_CLOSED", "HTTP polling was left to try WebSocket again", {
    hint: "nothing is wrong: if WebSocket still cannot get through, polling goes on",
  });
  return { error, fate: "unsent", orderly: true, throttled: false, renewed: "transport" };
}

/** Whether a dial failed for what HTTP could get around: the server was reached, and the upgrade did not come off. */
function cannotUpgrade({ error }: Loss, stage: DialStage): boolean {
  if (stage === "dialling" || error.code === "ERR_OPAMP_TLS" || error.code === "ERR_OPAMP_PROXY") return false;
  const { httpStatus: status } = error;
  return status === undefined || !(SAME_OVER_HTTP.has(status) || (status >= 300 && status < 400));
}
