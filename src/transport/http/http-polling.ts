import type { Dispatcher } from "undici";
import { OpAMPError } from "../../errors.js";
import { tooLarge } from "../../wire/limits.js";
import { contentCoding, encodeBody, readBody, readStart } from "../content-coding.js";
import { afterRedirect, brokeOff, dialFailed, notOpamp, statusRefused } from "../explain/connect-error.js";
import { CONTENT_TYPE } from "../explain/explain-content.js";
import { bodyTells, single } from "../explain/explain-status.js";
import { answered, answerOverdue, closedHere, dialOverdue, ended, headersOverdue } from "../loss.js";
import { Credentials } from "../settings/headers.js";
import type { TransportSettings } from "../settings/settings.js";
import { type Loss, OVERDUE, type Sink, type Transport } from "../transport.js";
import { type Hop, redirected } from "../url/redirect.js";
import { type HttpRoute, routeTo } from "./http-route.js";

/** One stretch of exchanges: the sink they report to, and the way to cut them short. */
interface Session {
  sink: Sink;
  /** To the URL's own origin. */
  home: HttpRoute | undefined;
  /** To where redirects led last, if that is another origin. */
  away: HttpRoute | undefined;
  /** Where the exchange under way has got to. */
  at: URL;
  route: HttpRoute | undefined;
  /** The exchange under way takes the place of one that met a stale connection. */
  isRepeated: boolean;
  over: boolean;
}

/** OpAMP over plain HTTP: each payload is a POST, and its answer the payload that comes back (HTTP-01). */
export class HttpPollingTransport implements Transport {
  readonly duplex = false;
  readonly name = "http";
  readonly #settings: TransportSettings;
  readonly #credentials: Credentials;
  #session: Session | undefined;

  constructor(settings: TransportSettings) {
    this.#settings = settings;
    this.#credentials = new Credentials(settings.headers, settings.authorization);
  }

  open(sink: Sink): void {
    const { url } = this.#settings;
    const session: Session = {
      sink,
      home: undefined,
      away: undefined,
      at: url,
      route: undefined,
      isRepeated: false,
      over: false,
    };
    this.#session = session;
    void this.#prepare(session).catch((error: unknown) => lose(session, this.#failed(session, error)));
  }

  send(payload: Uint8Array): void {
    const { maxSendBytes } = this.#settings;
    if (payload.length > maxSendBytes) throw tooLarge("send", payload.length, maxSendBytes);
    const session = this.#session;
    if (session === undefined || session.over) return;
    void this.#exchange(session, payload).catch((error: unknown) => this.#broken(session, error));
  }

  ping(): void {
    // Each exchange is a sign of life.
  }

  close(code: number, reason: string): void {
    const session = this.#session;
    if (session === undefined) return;
    if (reason === OVERDUE) this.#fail(session, overdueIn(session));
    else lose(session, closedHere(code, reason));
  }

  async #prepare(session: Session): Promise<void> {
    session.home = await routeTo(this.#settings.url, this.#settings, session.sink);
    if (session.over) session.home.end();
    else session.sink.opened();
  }

  async #exchange(session: Session, payload: Uint8Array): Promise<void> {
    const { url, instanceUid, compression } = this.#settings;
    session.route = undefined;
    session.at = url;
    const given = await this.#credentials.resolve();
    const { body, coding } = compression ? await encodeBody(payload) : { body: payload, coding: "identity" as const };
    let hop: Hop = { url, redirects: 0 };
    while (!session.over) {
      const at = hop.url;
      session.at = at;
      // Mostly the URL itself, which spares working out its origin.
      const isHome = at === url || at.origin === url.origin;
      const route = (isHome ? session.home : undefined) ?? (await this.#detour(session, at));
      if (session.over) return;
      session.route = route;
      const headers: Record<string, string> = isHome ? { ...given } : {};
      headers["content-type"] = CONTENT_TYPE;
      // Not asked for otherwise: of an answer as short as most are, compressing and inflating are the larger part.
      if (compression) headers["accept-encoding"] = "gzip";
      else if ("accept-encoding" in headers) delete headers["accept-encoding"];
      headers["opamp-instance-uid"] = instanceUid();
      if (coding === "gzip") headers["content-encoding"] = coding;
      const response = await route.post(at, headers, body);
      const { location } = response.headers;
      const isElsewhere = location !== undefined;
      const next = isElsewhere ? redirected(hop, response.statusCode, single(location), this.#settings) : undefined;
      if (next === undefined) return this.#take(session, response);
      if (next instanceof OpAMPError) throw next;
      // Where it does not end soon, its connection is given up.
      const dumped = response.body.dump().catch(() => undefined);
      // What comes next on this connection has to be the answer.
      if (next.url.origin === at.origin) await dumped;
      hop = next;
    }
  }

  /** The way to another origin; one such is kept. */
  async #detour(session: Session, url: URL): Promise<HttpRoute> {
    if (session.away?.url.origin === url.origin) return session.away;
    const route = await routeTo(url, this.#settings, session.sink);
    session.away?.end();
    session.away = route;
    if (session.over) route.end();
    return route;
  }

  async #take(session: Session, response: Dispatcher.ResponseData): Promise<void> {
    const { at } = session;
    const { statusCode, headers } = response;
    if (statusCode < 200 || statusCode > 299) return this.#refused(session, response);
    const contentType = headers["content-type"];
    const coding = contentCoding(headers["content-encoding"]);
    if (coding instanceof OpAMPError) {
      throw notOpamp({ contentType: single(contentType), start: new Uint8Array() }, at) ?? coding;
    }
    const announcedBytes = Number(headers["content-length"] ?? 0);
    const body = await readBody(response.body, coding, announcedBytes, this.#settings.maxReceiveBytes, () => {
      if (!session.over) session.sink.progress();
    });
    if (session.over) return;
    const isFit = body.length === 0 || contentType === CONTENT_TYPE;
    const misfit = isFit ? undefined : notOpamp({ contentType: single(contentType), start: body }, at);
    if (misfit !== undefined) throw misfit;
    session.isRepeated = false;
    session.sink.payload(body);
  }

  async #refused(session: Session, { statusCode, headers, body }: Dispatcher.ResponseData): Promise<void> {
    const { at } = session;
    const start = bodyTells(statusCode) ? await readStart(body) : undefined;
    const loss = statusRefused(statusCode, headers, at, this.#settings.clock.wallNow(), start);
    // A proxy that wants credentials passes nothing on.
    if (loss.error.code === "ERR_OPAMP_PROXY") return this.#fail(session, { ...loss, fate: "unsent" });
    this.#fail(session, this.#credentials.judge(loss, at.origin !== this.#settings.url.origin));
  }

  #broken(session: Session, error: unknown): void {
    if (session.over || session.isRepeated || session.route?.isStale !== true) {
      return this.#fail(session, this.#failed(session, error));
    }
    session.isRepeated = true;
    session.sink.stale();
  }

  #fail(session: Session, loss: Loss): void {
    lose(session, afterRedirect(loss, this.#settings.url, session.at));
  }

  #failed({ at, route }: Session, error: unknown): Loss {
    const connection = route?.connection;
    // Before there is a route the headers or the proxy's settings are wrong, or the library is missing.
    if (connection?.socket === undefined) return dialFailed(connection?.failure ?? error, at);
    if (error instanceof OpAMPError) return answered(error);
    // A break in the middle of an exchange is a failed request like any other, not the break of a standing link (EST-03).
    return { ...brokeOff(connection.failure ?? error, at, connection.answered), orderly: true };
  }
}

/** What an exchange that took too long was waiting for. */
function overdueIn({ route, at }: Session): Loss {
  if (route === undefined) return { ...ended(headersOverdue()), fate: "unsent" };
  const dialling = route.connection?.dialling;
  return dialling === undefined ? ended(answerOverdue(at)) : { ...ended(dialOverdue(dialling, at)), fate: "unsent" };
}

function lose(session: Session, loss: Loss): void {
  if (session.over) return;
  session.over = true;
  session.home?.end();
  session.away?.end();
  session.sink.lost(loss);
}
