import type { Output } from "../io.js";
import type { Phase } from "../phases.js";
import { type ConnectionTimers, NEVER } from "../timers.js";
import { IDLE_LINE, progressed, sending } from "./slow-line.js";

/** How the heartbeat interval is found, in milliseconds (D8). */
export interface HeartbeatBounds {
  /** Until the server offers another one. */
  intervalMs: number;
  /** The shortest interval that a server can impose. */
  minMs: number;
  /** The longest; a finite one also keeps the server from turning heartbeats off. */
  maxMs: number;
}

/** How often to ask for a sign of life in milliseconds, where `undefined` is as often as heartbeats; `false` is never. */
export type PingSetting = { readonly intervalMs: number | undefined } | false;

/** How the keepalive of a connection is set up. */
export interface KeepaliveSettings {
  heartbeat: HeartbeatBounds;
  ping: PingSetting;
  link: { answerMs: number };
}

/** Where there are no heartbeats to go by. */
const DEFAULT_PING_MS = 30_000;
/** However fast the heartbeat: a pong may wait for a retransmission, or for a side that is busy. */
const SHORTEST_DEFAULT_PING_MS = 5_000;
/** However slow a heartbeat the server asks for: a dead connection has to be noticed. */
const LONGEST_DEFAULT_PING_MS = 300_000;
/** After a jump of the clock the connection is probably dead; its peer gets no longer than this to answer. */
const LONGEST_DOUBT_MS = 10_000;
/** Clocks are set by less than this all the time, to keep them right. */
const JUMP_MS = 5_000;
/** An agent that polls more seldom could not be reached any more: no server may make it so. */
const LONGEST_POLL_MS = 86_400_000;

/**
 * The interval that a server asks for.
 *
 * @param seconds 0 turns heartbeats off, which polling cannot do: there it changes nothing (AMB-04)
 * @param duplex whether the connection carries messages both ways at any time
 * @returns milliseconds, `Infinity` for no heartbeats; `undefined` where nothing changes
 */
export function requestedMsOf(seconds: bigint | undefined, duplex: boolean): number | undefined {
  if (seconds === undefined) return undefined;
  if (seconds === 0n) return duplex ? NEVER : undefined;
  return Number(seconds) * 1_000;
}

/**
 * The signs of life on a connection: heartbeats, or polls, from this side, and pings where nothing comes from the other.
 *
 * Anything that comes is a sign of life, and a ping goes out only when nothing came: a server that answers heartbeats is
 * never pinged. A peer that is silent for two intervals is dead (D7).
 */
export class Keepalive {
  readonly #bounds: HeartbeatBounds;
  readonly #ping: PingSetting;
  readonly #answerMs: number;
  readonly #timers: ConnectionTimers;
  /** Whether any agent on the connection reports heartbeats. */
  #declared: boolean;
  #duplex = true;
  /** What the server asked for last, within the bounds; it outlives the connection that it came on. */
  #requestedMs: number | undefined;
  /** The interval that was announced last. */
  #announcedMs: number;
  #sentAt = 0;
  #sentBefore = 0;
  #heardAt = 0;
  /** When the ping that is out has had its time; `Infinity` while none is. */
  #deadAt = NEVER;
  /** That ping went out for a jump of the clock: another jump gives it no more time. */
  #doubted = false;
  /** A large message on its way, with any ping behind it. */
  #line = IDLE_LINE;
  /** What the wall clock shows when the core's clock shows 0. */
  #wallOffsetMs = 0;

  /** @param declared whether an agent reports heartbeats */
  constructor({ heartbeat, ping, link }: KeepaliveSettings, timers: ConnectionTimers, declared: boolean) {
    this.#bounds = heartbeat;
    this.#announcedMs = heartbeat.intervalMs;
    this.#ping = ping;
    this.#answerMs = link.answerMs;
    this.#timers = timers;
    this.#declared = declared;
  }

  /** Whether the current connection carries messages both ways at any time. */
  get duplex(): boolean {
    return this.#duplex;
  }

  /**
   * What proves that the peer has read a message: a pong; where there are no pings, the answer to a later message; its own
   * answer where nothing else can come, or no later message need follow.
   */
  get proof(): "pong" | "later answer" | "answer" {
    if (!this.#duplex) return "answer";
    if (this.#ping !== false) return "pong";
    return this.#heartbeatMs === NEVER ? "answer" : "later answer";
  }

  /** Whether an agent reports heartbeats from now on. */
  declare(declared: boolean): void {
    this.#declared = declared;
  }

  /** A connection opened. */
  opened(duplex: boolean, now: number, wallNow: number, out: Output[]): void {
    this.#duplex = duplex;
    // A new connection need not fear a jump before its time.
    this.#wallOffsetMs = wallNow - now;
    this.#line = IDLE_LINE;
    this.heard(now);
    this.#announce(out);
  }

  /** Something came from the other side, whatever it was. */
  heard(now: number): void {
    this.#heardAt = now;
    this.#deadAt = NEVER;
    this.#doubted = false;
  }

  /** A large message begins to leave. @returns until when what has left may still be arriving */
  large(bytes: number, now: number): number {
    const silentMs = this.#duplex ? 2 * this.#pingMs(this.#heartbeatMs) : NEVER;
    this.#line = sending(bytes, Math.min(silentMs, this.#answerMs), now);
    return this.#line.arrivingUntil;
  }

  /** More of it has left: the peer takes it. @returns until when what has left may still be arriving */
  progress(now: number): number {
    this.heard(now);
    this.#line = progressed(this.#line, now);
    return Math.max(now, this.#line.arrivingUntil);
  }

  /** A message left. */
  sent(now: number): void {
    this.#sentBefore = this.#sentAt;
    this.#sentAt = now;
  }

  /** It never did (HB-06). */
  unsent(): void {
    this.#sentAt = this.#sentBefore;
  }

  /** The server asks for an interval. */
  requested(requestedMs: number, out: Output[]): void {
    this.restore(requestedMs);
    this.#announce(out);
  }

  /** What it asked for no longer counts. */
  forget(out: Output[]): void {
    this.#requestedMs = undefined;
    this.#announce(out);
  }

  /** It did so in an earlier life; what becomes of that is known when a connection opens. */
  restore(requestedMs: number): void {
    const { minMs, maxMs } = this.#bounds;
    this.#requestedMs = Math.min(maxMs, Math.max(minMs, requestedMs));
  }

  /** Sets when a sign is due from either side. @param awaiting whether a heartbeat would have to wait for an answer */
  arm(phase: Phase, awaiting: boolean): void {
    const everyMs = this.#heartbeatMs;
    this.#timers.heartbeat = phase === "online" && !awaiting ? this.#sentAt + everyMs : undefined;
    const silenceAt = this.#deadAt === NEVER ? this.#pingAt(everyMs) : Math.max(this.#deadAt, this.#line.arrivingUntil);
    this.#timers.silence = this.#isWatching(phase) ? silenceAt : undefined;
  }

  /** Whether to send a heartbeat. It counts from the last message, whatever that was (HB-06). */
  heartbeatDue(phase: Phase, now: number): boolean {
    return phase === "online" && now >= this.#sentAt + this.#heartbeatMs;
  }

  /** Whether to ping now; asked once a message that is due has left, which may do as well. */
  probe(phase: Phase, now: number): boolean {
    if (!this.#isWatching(phase) || this.#deadAt !== NEVER || now < this.#pingAt(this.#heartbeatMs)) return false;
    const everyMs = this.#pingMs(this.#heartbeatMs);
    // After a sleep the two intervals are long over, and yet the peer needs time for its answer.
    this.#deadAt = Math.max(this.#heardAt + 2 * everyMs, now + everyMs / 2);
    return true;
  }

  /**
   * Compares the clocks: where the core's stands still while the machine sleeps, only the wall clock tells of it.
   *
   * @returns whether to ping now, in case the peer has given up on this side meanwhile
   */
  jumped(phase: Phase, now: number, wallNow: number): boolean {
    const jumpedMs = Math.abs(wallNow - now - this.#wallOffsetMs);
    this.#wallOffsetMs = wallNow - now;
    if (jumpedMs <= JUMP_MS || !this.#isWatching(phase) || this.#doubted) return false;
    const everyMs = this.#pingMs(this.#heartbeatMs);
    if (everyMs === NEVER) return false;
    this.#doubted = true;
    this.#line = IDLE_LINE;
    this.#deadAt = now + Math.min(everyMs / 2, LONGEST_DOUBT_MS);
    return true;
  }

  /** Whether the other side was silent for too long. */
  isDead(phase: Phase, now: number): boolean {
    return this.#isWatching(phase) && now >= Math.max(this.#deadAt, this.#line.arrivingUntil);
  }

  /** On a connection that is not duplex each message has its own time limit, and silence in between means nothing. */
  #isWatching(phase: Phase): boolean {
    return this.#duplex && (phase === "online" || phase === "reporting");
  }

  /** From a message to the heartbeat after it. The agent does not choose whether to poll (HTTP-03). */
  get #heartbeatMs(): number {
    return this.#duplex && !this.#declared ? NEVER : this.#intervalMs;
  }

  /** The interval that applies on this kind of connection, whichever kind the server asked for it on. */
  get #intervalMs(): number {
    const requestedMs = this.#requestedMs;
    if (requestedMs === undefined) return this.#bounds.intervalMs;
    if (this.#duplex) return requestedMs;
    return requestedMs === NEVER ? this.#bounds.intervalMs : Math.min(requestedMs, LONGEST_POLL_MS);
  }

  #announce(out: Output[]): void {
    const intervalMs = this.#intervalMs;
    if (intervalMs === this.#announcedMs) return;
    this.#announcedMs = intervalMs;
    out.push({ type: "heartbeatInterval", intervalMs });
  }

  #pingAt(heartbeatMs: number): number {
    const everyMs = this.#pingMs(heartbeatMs);
    // A message has just left: its answer is waited for first, though not for ever.
    const afterSilence = Math.max(this.#heardAt + everyMs, this.#sentAt + everyMs / 2);
    return Math.min(afterSilence, this.#heardAt + 1.5 * everyMs);
  }

  #pingMs(heartbeatMs: number): number {
    if (this.#ping === false) return NEVER;
    if (this.#ping.intervalMs !== undefined) return this.#ping.intervalMs;
    if (heartbeatMs === NEVER) return DEFAULT_PING_MS;
    const longestMs = Math.max(LONGEST_DEFAULT_PING_MS, this.#bounds.intervalMs);
    return Math.min(Math.max(heartbeatMs, SHORTEST_DEFAULT_PING_MS), longestMs);
  }
}
