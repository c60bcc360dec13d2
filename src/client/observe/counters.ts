import type { Core } from "../../core/core.js";
import type { OfferKind } from "../../core/io.js";
import type { Phase } from "../../core/phases.js";
import type { OpAMPErrorCode } from "../../errors.js";
import type { Clock } from "../clock.js";
import type { PhaseEvent } from "../events.js";
import type { ClientEvent, Observer } from "./client-event.js";

/** What a client has done since it was made. A snapshot: it does not change any more. */
export interface ClientStats {
  /** Where the connection stands. */
  phase: Phase;
  /** The name of the transport in use, or used last; `undefined` before the first attempt. */
  transport: string | undefined;
  /** Since when the client is `online`, if it is. */
  connectedSince: Date | undefined;
  /** When the next attempt to connect is due, in `waiting`. */
  nextAttemptAt: Date | undefined;
  /** When a message was last handed to the transport. */
  lastSentAt: Date | undefined;
  /** When anything last came from the server. */
  lastReceivedAt: Date | undefined;
  /** Attempts to connect. */
  dials: number;
  /** How often the client came `online`, and how often of these again. */
  connections: number;
  /** `connections` without the first. */
  reconnects: number;
  /** Messages handed to the transport. */
  messagesSent: number;
  /** Messages that came, malformed ones too. */
  messagesReceived: number;
  /** Serialized messages, without compression, framing and headers. */
  bytesSent: number;
  /** As `bytesSent`. */
  bytesReceived: number;
  /** Messages sent that said no more than that the agent is there; on HTTP, polls. */
  heartbeatsSent: number;
  /** WebSocket pings sent. */
  pingsSent: number;
  /** Pongs, and the server's own pings. */
  pongsReceived: number;
  /** `error` events by code. */
  failures: Partial<Record<OpAMPErrorCode, number>>;
  /** Pauses that the server asked for. */
  throttled: number;
  /** What came and was not a message that could be used. */
  malformed: number;
  /** Messages given up because they were too large, or because the server refused them for good. */
  dropped: number;
  /** Offers by their end. */
  offers: OfferStats;
  /** Custom messages by their end. */
  customMessages: CustomMessageStats;
}

/** Offers by their end. */
export interface OfferStats {
  /** Offers that were applied. */
  applied: number;
  /** Offers whose handler failed. */
  failed: number;
  /** Given up for a newer one. */
  superseded: number;
}

/** Custom messages by their end. */
export interface CustomMessageStats {
  /** Answered by the server. */
  sent: number;
  /** Custom messages from the server. */
  received: number;
  /** Could not be sent, were refused, or may have got lost. */
  dropped: number;
  /** Waited for too long. */
  expired: number;
  /** Have not left: there is no connection, or the server has not announced their capability. Now, not in all. */
  waiting: number;
}

/** What happens seldom, or never: not there before it does. */
type SeldomCounts = Pick<ClientStats, "failures" | "throttled" | "malformed" | "dropped" | "offers"> & {
  customMessages: Omit<CustomMessageStats, "waiting">;
  applying: { [K in OfferKind]?: boolean };
};

const NEVER = -1;
/** Of every message: the uid, the number and the capabilities. One with nothing to say has no others. */
const MANDATORY_FIELDS = 3;
const NOTHING_YET = seldomCounts();

/**
 * The counts of one client. Thousands of clients have one each, so it holds numbers and nothing else; moments are on the
 * clock that never goes back, since they are small there, and {@link NEVER} is none.
 */
export type Counters = ReturnType<typeof newCounters>;

export function newCounters() {
  return {
    transport: undefined as string | undefined,
    dials: 0,
    connections: 0,
    messagesSent: 0,
    messagesReceived: 0,
    bytesSent: 0,
    bytesReceived: 0,
    heartbeatsSent: 0,
    pingsSent: 0,
    pongsReceived: 0,
    onlineAt: NEVER,
    nextAt: NEVER,
    sentAt: NEVER,
    receivedAt: NEVER,
    seldom: undefined as SeldomCounts | undefined,
  };
}

/** Counts what happens. */
export function countEvents(counters: Counters, clock: Clock): Observer {
  return (event) => count(counters, clock, event);
}

/** What stats are made of. */
interface StatsParts {
  readonly counters: Counters;
  readonly core: Pick<Core, "phase" | "custom">;
  readonly clock: Clock;
}

export function statsOf({ counters, core, clock }: StatsParts): ClientStats {
  const { onlineAt, nextAt, sentAt, receivedAt, seldom = NOTHING_YET, ...counts } = counters;
  const { applying: _, failures, offers, customMessages, ...seldomCounts } = seldom;
  const dateOf = (momentMs: number) =>
    momentMs === NEVER ? undefined : new Date(clock.wallNow() - (clock.now() - momentMs));
  return {
    phase: core.phase,
    ...counts,
    reconnects: Math.max(0, counts.connections - 1),
    connectedSince: dateOf(onlineAt),
    nextAttemptAt: dateOf(nextAt),
    lastSentAt: dateOf(sentAt),
    lastReceivedAt: dateOf(receivedAt),
    ...seldomCounts,
    failures: { ...failures },
    offers: { ...offers },
    customMessages: { ...customMessages, waiting: core.custom.waitingCustomMessages },
  };
}

function count(counters: Counters, clock: Clock, event: ClientEvent): void {
  switch (event.type) {
    case "sent":
      counters.messagesSent += 1;
      counters.bytesSent += event.bytes;
      counters.sentAt = clock.now();
      if (Object.keys(event.message).length === MANDATORY_FIELDS) counters.heartbeatsSent += 1;
      return;
    case "received":
      counters.messagesReceived += 1;
      counters.bytesReceived += event.bytes;
      counters.receivedAt = clock.now();
      return;
    case "pinged":
      counters.pingsSent += 1;
      return;
    case "alive":
      counters.pongsReceived += 1;
      return;
    case "phase":
      return countPhase(counters, clock, event.event);
    case "offer": {
      const seldom = seldomOf(counters);
      if (event.status !== "applying") seldom.offers[event.status] += 1;
      else if (seldom.applying[event.kind]) seldom.offers.superseded += 1;
      seldom.applying[event.kind] = event.status === "applying";
      return;
    }
    case "error": {
      const seldom = seldomOf(counters);
      const { code } = event.error;
      seldom.failures[code] = (seldom.failures[code] ?? 0) + 1;
      if (event.counts !== undefined) seldom[event.counts] += 1;
      return;
    }
    case "customReceived":
      seldomOf(counters).customMessages.received += 1;
      return;
    case "customSettled": {
      const { customMessages } = seldomOf(counters);
      if (event.fate === "delivered") customMessages.sent += 1;
      else if (event.fate === "expired") customMessages.expired += 1;
      else customMessages.dropped += 1;
      return;
    }
    default:
      return;
  }
}

function countPhase(counters: Counters, clock: Clock, event: PhaseEvent): void {
  const { phase, previous, reason, retryAt } = event;
  counters.transport = event.transport;
  counters.nextAt = retryAt === undefined ? NEVER : clock.now() + retryAt.getTime() - clock.wallNow();
  if (phase === "connecting") counters.dials += 1;
  if (phase === "waiting" && reason === "throttled") seldomOf(counters).throttled += 1;
  if (phase !== "online") counters.onlineAt = NEVER;
  else if (previous !== "online") {
    counters.connections += 1;
    counters.onlineAt = clock.now();
  }
}

function seldomOf(counters: Counters): SeldomCounts {
  counters.seldom ??= seldomCounts();
  return counters.seldom;
}

function seldomCounts(): SeldomCounts {
  return {
    failures: {},
    throttled: 0,
    malformed: 0,
    dropped: 0,
    offers: { applied: 0, failed: 0, superseded: 0 },
    customMessages: { sent: 0, received: 0, dropped: 0, expired: 0 },
    applying: {},
  };
}
