import type { CustomFate, Outgoing } from "../../core/io.js";
import type { Phase } from "../../core/phases.js";
import type { OpAMPErrorCode } from "../../errors.js";
import type { Clock } from "../clock.js";
import type { PhaseEvent, RemoteConfigEvent } from "../events.js";

/** What a client has done since it was made. A snapshot: it does not change any more. */
export interface ClientStats {
  phase: Phase;
  /** The name of the transport in use, or used last; `undefined` before the first attempt. */
  transport: string | undefined;
  /** Since when the client is `online`, if it is. */
  connectedSince: Date | undefined;
  /** When the next attempt to connect is due, in `waiting`. */
  nextAttemptAt: Date | undefined;
  lastSentAt: Date | undefined;
  lastReceivedAt: Date | undefined;
  /** Attempts to connect. */
  dials: number;
  /** How often the client came `online`, and how often of these again. */
  connections: number;
  reconnects: number;
  messagesSent: number;
  messagesReceived: number;
  /** Serialized messages, without compression, framing and headers. */
  bytesSent: number;
  bytesReceived: number;
  /** Messages sent that said no more than that the agent is there; on HTTP, polls. */
  heartbeatsSent: number;
  pingsSent: number;
  /** Pongs, and the server's own pings. */
  pongsReceived: number;
  /** `error` events by code. */
  failures: Partial<Record<OpAMPErrorCode, number>>;
  /** Pauses at the server's wish. */
  throttled: number;
  /** What came and was no message that could be used. */
  malformed: number;
  /** Messages given up because they were too large, or because the server refused them for good. */
  dropped: number;
  offers: OfferStats;
  customMessages: CustomMessageStats;
}

/** Offers by their end. */
export interface OfferStats {
  applied: number;
  failed: number;
  /** Given up for a newer one. */
  superseded: number;
}

/** Custom messages by their end. */
export interface CustomMessageStats {
  /** Answered by the server. */
  sent: number;
  received: number;
  /** Could not be sent, were refused, or may have got lost. */
  dropped: number;
  /** Waited for too long. */
  expired: number;
}

/** What happens seldom, or never: not counted before it does. */
class SeldomCounts {
  readonly failures: Partial<Record<OpAMPErrorCode, number>> = {};
  throttled = 0;
  malformed = 0;
  dropped = 0;
  applied = 0;
  failed = 0;
  superseded = 0;
  customSent = 0;
  customReceived = 0;
  customDropped = 0;
  customExpired = 0;
  /** When the offer that is being applied came, on the clock that never goes back. */
  applyingSince: number | undefined;
}

const NEVER = -1;

/** Counts. A client among thousands has one of these, so it holds numbers and nothing else. */
export class Tally {
  readonly #clock: Clock;
  #seldom: SeldomCounts | undefined;
  #dials = 0;
  #connections = 0;
  #messagesSent = 0;
  #messagesReceived = 0;
  #bytesSent = 0;
  #bytesReceived = 0;
  #heartbeats = 0;
  #pings = 0;
  #pongs = 0;
  /** Moments on the clock that never goes back, whose numbers are small; below 0 is none. */
  #onlineAt = NEVER;
  #nextAt = NEVER;
  #sentAt = NEVER;
  #receivedAt = NEVER;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  sent(message: Outgoing, bytes: number): void {
    this.#messagesSent += 1;
    this.#bytesSent += bytes;
    this.#sentAt = this.#clock.now();
    if (isHeartbeat(message)) this.#heartbeats += 1;
  }

  received(bytes: number): void {
    this.#messagesReceived += 1;
    this.#bytesReceived += bytes;
    this.#receivedAt = this.#clock.now();
  }

  pinged(): void {
    this.#pings += 1;
  }

  alive(): void {
    this.#pongs += 1;
  }

  phase({ phase, previous, reason, retryAt }: PhaseEvent): void {
    this.#nextAt = retryAt === undefined ? NEVER : this.#clock.now() + retryAt.getTime() - this.#clock.wallNow();
    if (phase === "connecting") this.#dials += 1;
    if (phase === "waiting" && reason === "throttled") this.#rare.throttled += 1;
    if (phase !== "online") this.#onlineAt = NEVER;
    else if (previous !== "online") {
      this.#connections += 1;
      this.#onlineAt = this.#clock.now();
    }
  }

  failed(code: OpAMPErrorCode): void {
    const { failures } = this.#rare;
    failures[code] = (failures[code] ?? 0) + 1;
  }

  malformed(): void {
    this.#rare.malformed += 1;
  }

  dropped(): void {
    this.#rare.dropped += 1;
  }

  /** @returns how long the offer took to come to its end, in milliseconds; `undefined` where this is not its end */
  remoteConfig(status: RemoteConfigEvent["status"]): number | undefined {
    const rare = this.#rare;
    const now = this.#clock.now();
    const since = rare.applyingSince;
    if (status === "applying") {
      if (since !== undefined) rare.superseded += 1;
      rare.applyingSince = now;
      return undefined;
    }
    rare.applyingSince = undefined;
    if (status === "applied") rare.applied += 1;
    else rare.failed += 1;
    return now - (since ?? now);
  }

  customReceived(): void {
    this.#rare.customReceived += 1;
  }

  customSettled(fate: CustomFate): void {
    if (fate === "delivered") this.#rare.customSent += 1;
    else if (fate === "expired") this.#rare.customExpired += 1;
    else this.#rare.customDropped += 1;
  }

  stats(phase: Phase, transport: string | undefined): ClientStats {
    const rare = this.#seldom ?? NOTHING_YET;
    return {
      phase,
      transport,
      connectedSince: this.#dateOf(this.#onlineAt),
      nextAttemptAt: this.#dateOf(this.#nextAt),
      lastSentAt: this.#dateOf(this.#sentAt),
      lastReceivedAt: this.#dateOf(this.#receivedAt),
      dials: this.#dials,
      connections: this.#connections,
      reconnects: Math.max(0, this.#connections - 1),
      messagesSent: this.#messagesSent,
      messagesReceived: this.#messagesReceived,
      bytesSent: this.#bytesSent,
      bytesReceived: this.#bytesReceived,
      heartbeatsSent: this.#heartbeats,
      pingsSent: this.#pings,
      pongsReceived: this.#pongs,
      failures: { ...rare.failures },
      throttled: rare.throttled,
      malformed: rare.malformed,
      dropped: rare.dropped,
      offers: { applied: rare.applied, failed: rare.failed, superseded: rare.superseded },
      customMessages: {
        sent: rare.customSent,
        received: rare.customReceived,
        dropped: rare.customDropped,
        expired: rare.customExpired,
      },
    };
  }

  #dateOf(momentMs: number): Date | undefined {
    if (momentMs === NEVER) return undefined;
    return new Date(this.#clock.wallNow() - (this.#clock.now() - momentMs));
  }

  get #rare(): SeldomCounts {
    this.#seldom ??= new SeldomCounts();
    return this.#seldom;
  }
}

const NOTHING_YET: Readonly<SeldomCounts> = new SeldomCounts();

/** What every message has. */
const BASICS: ReadonlySet<string> = new Set(["instanceUid", "sequenceNum", "capabilities"]);

/** Whether a message has nothing to say. */
function isHeartbeat(message: Outgoing): boolean {
  for (const key in message) {
    if (!BASICS.has(key)) return false;
  }
  return true;
}
