import { expect } from "vitest";
import { systemClock } from "../../../src/client/clock.js";
import {
  type Clock,
  OpAMPClient,
  type OpAMPClientOptions,
  type OpAMPErrorCode,
  type RemoteConfigHandler,
} from "../../../src/index.js";
import type { TestCertificates } from "../../../src/testing/index.js";
import { type AtEnd, type Carrier, CUSTOM, type Hostility, Stage } from "./stage.js";

/** One way to be hostile, and what a client makes of it. */
export interface HostileCase extends Hostility {
  /** What the server does. */
  name: string;
  /** Default: both. */
  over?: Carrier;
  /** What the client complains of: one of these. Default: nothing. */
  errors?: readonly OpAMPErrorCode[];
  /** The client keeps the connection, and its heartbeats go on. Default: it gives it up and dials again. */
  stays?: true;
  /** How many connections belong to one attempt. Default: 1. */
  perAttempt?: number;
  /** One attempt may come at once: the first after the break of a good link, or with fresh credentials. */
  prompt?: true;
  /** It takes the client long to give up: two attempts are enough. */
  slow?: true;
  /** It keeps the machine busy. */
  costly?: true;
  client?: Partial<OpAMPClientOptions>;
}

const MIN_BACKOFF_MS = 15;
const HEARTBEAT_MS = 15;
/** How many heartbeats show that there are any. */
const BEATS = 3;
/** Messages between heartbeats: what a first contact brings. */
const FIRST_CONTACT = 3;
/** Timers may be early by a fraction, and events late. */
const TOLERANCE = 0.75;
const CLOSE_MS = 50;
const TURN_MS = 5;
const STOPS_WITHIN_TURNS = 1_000 / TURN_MS;
/** A seed with short first waits. */
const HASTY = () => 12_570 / 2 ** 32;

/** The system's clock, and how many timers wait on it. Its wall clock stands still within a turn. */
export function countingClock(): Clock & { readonly pending: number } {
  const system = systemClock(false);
  let wall: number | undefined;
  const pending = new Set<object>();
  return {
    now: system.now,
    wallNow() {
      if (wall === undefined) {
        wall = system.wallNow();
        setImmediate(() => {
          wall = undefined;
        });
      }
      return wall;
    },
    soon: system.soon,
    after(delayMs, callback) {
      const timer = {};
      pending.add(timer);
      const end = system.after(delayMs, () => {
        pending.delete(timer);
        callback();
      });
      return () => {
        pending.delete(timer);
        end();
      };
    },
    get pending() {
      return pending.size;
    },
  };
}

/** What every client under test can do: as much as possible. */
export function ableOptions(): Omit<OpAMPClientOptions, "url"> {
  return {
    description: { identifying: { "service.name": "survivor" } },
    health: { healthy: true },
    availableComponents: { receiver: { metadata: { code: "otlp" } } },
    effectiveConfig: () => ({ "agent.yaml": { body: "level: info" } }),
    restart: () => undefined,
    maxMessageBytes: 1_048_576,
    random: HASTY,
  };
}

/**
 * A client on the network that is in a hurry, though not where waiting is what the case is about: it must not take a busy
 * machine for a bad server.
 */
export function hurried(url: string, { slow, stays }: Pick<HostileCase, "slow" | "stays"> = {}): OpAMPClientOptions {
  const patienceMs = slow ? 400 : 30_000;
  // Over WebSocket heartbeats begin once the answer to the first report is given up.
  const answerMs = stays && url.startsWith("ws") ? 50 : patienceMs;
  return {
    ...ableOptions(),
    url,
    proxy: false,
    heartbeat: { intervalMs: HEARTBEAT_MS, minMs: HEARTBEAT_MS, maxMs: HEARTBEAT_MS },
    backoff: { minMs: MIN_BACKOFF_MS, maxMs: 2 * MIN_BACKOFF_MS },
    throttle: { minMs: MIN_BACKOFF_MS, maxMs: 2 * MIN_BACKOFF_MS },
    ping: { intervalMs: patienceMs / 2 },
    timeouts: { connectMs: patienceMs, answerMs, closeMs: CLOSE_MS, abortMs: CLOSE_MS },
  };
}

/** What reaches the process instead of the client's host. */
export function escapes(atEnd: AtEnd): unknown[] {
  const escaped: unknown[] = [];
  const note = (thrown: unknown): void => void escaped.push(thrown);
  process.on("unhandledRejection", note).on("uncaughtException", note);
  atEnd(() => void process.off("unhandledRejection", note).off("uncaughtException", note));
  return escaped;
}

/**
 * Puts a client through it. In the end it is alive, was on schedule all the time, takes an offer from the healed server,
 * and stops in time, then and in the middle of it, without leaving anything behind.
 */
export async function survives(
  hostile: HostileCase,
  carrier: Carrier,
  atEnd: AtEnd,
  authority?: TestCertificates,
): Promise<void> {
  const escaped = escapes(atEnd);
  const stage = await Stage.start(atEnd, { tls: authority?.server });
  const make = (more: Partial<OpAMPClientOptions> = {}): Subject => {
    const tls = authority && { tls: { ca: authority.ca } };
    const clock = countingClock();
    const options = { ...hurried(stage.url(carrier), hostile), ...tls, ...more, ...hostile.client };
    const client = new OpAMPClient({ ...options, clock });
    atEnd(() => client.stop({ timeoutMs: 1 }));
    return { client, clock };
  };
  await outlives(stage, hostile, make);
  await stopsWithin(stage, hostile, make());
  // Node tells of a rejection that nobody handles at the end of a turn.
  await new Promise(setImmediate);
  expect(escaped).toEqual([]);
}

interface Subject {
  client: OpAMPClient;
  clock: Clock & { readonly pending: number };
}

async function outlives(
  stage: Stage,
  hostile: HostileCase,
  make: (more: Partial<OpAMPClientOptions>) => Subject,
): Promise<void> {
  const applied: string[][] = [];
  const apply: RemoteConfigHandler["apply"] = ({ files }) => void applied.push(Object.keys(files));
  const { client, clock } = make({ remoteConfig: { apply } });
  const complaints = new Set<string>();
  client.on("error", ({ code }) => complaints.add(code));
  const waitsMs: number[] = [];
  client.on("phase", ({ retryAt }) => {
    // A date has whole milliseconds.
    if (retryAt !== undefined) waitsMs.push(retryAt.getTime() + 1 - clock.wallNow());
  });
  const complained = new Promise((resolve) => client.once("error", resolve));
  stage.turnHostile(hostile);
  const connected = client.connected();
  const sent = client.customCapability(CUSTOM).send("hello");
  // Looked at later; until then a test that fails first must not be blamed for them.
  for (const promise of [connected, sent]) promise.catch(() => undefined);
  client.start();

  await endOfSpell(stage, hostile, waitsMs);
  const { errors = [] } = hostile;
  if (errors.length > 0) await complained;
  expect(errors).toEqual(expect.arrayContaining([...complaints]));

  stage.heal();
  if (hostile.stays && hostile.conduct !== undefined) stage.cut();
  await connected;
  const agent = stage.server.agent(client.instanceUid);
  agent.offerConfig({ "healed.yaml": "level: debug" });
  await agent.until(() => agent.hasApplied(), { timeoutMs: 50_000 });
  await sent;
  expect(applied.at(-1)).toEqual(["healed.yaml"]);
  // A machine that is busy for as long as a slow case is patient costs one more attempt.
  if (hostile.slow) await client.connected();
  expect(client.phase).toBe("online");
  await ends({ client, clock }, stage);
}

/** Another client, which is told to stop while the server is at its worst. */
async function stopsWithin(stage: Stage, hostile: HostileCase, { client, clock }: Subject): Promise<void> {
  stage.turnHostile(hostile);
  client.start();
  await stage.until(() => stage.connections > 0);
  await new Promise(setImmediate);
  await ends({ client, clock }, stage);
}

async function ends({ client, clock }: Subject, stage: Stage): Promise<void> {
  expect(await turnsOf(client.stop())).toBeLessThan(STOPS_WITHIN_TURNS);
  expect([client.phase, clock.pending]).toEqual(["stopped", 0]);
  await stage.deserted();
}

/** Long enough to see whether the client keeps to its schedule. */
async function endOfSpell(
  stage: Stage,
  { stays, slow, perAttempt = 1, prompt }: HostileCase,
  waitsMs: readonly number[],
): Promise<void> {
  if (stays) {
    const messages = 1 + FIRST_CONTACT + BEATS;
    await stage.until(() => stage.messages >= messages);
    expect(stage.connections).toBe(1);
    expect(spanMs(stage.heardAt, messages)).toBeGreaterThan(BEATS * HEARTBEAT_MS * TOLERANCE);
    return;
  }
  const attempts = (slow ? 2 : 3) + (prompt ? 1 : 0);
  await stage.until(() => stage.connections > (attempts - 1) * perAttempt);
  const waits = attempts - 1 - (prompt ? 1 : 0);
  // What the client plans is what it can be held to; where it does not notice the end of a connection, only time is left.
  const plannedMs = waitsMs.slice(0, attempts - 1).reduce((sum, ms) => sum + ms, 0);
  const tookMs = perAttempt === 1 ? plannedMs : spanMs(stage.acceptedAt, (attempts - 1) * perAttempt + 1);
  expect(tookMs).toBeGreaterThan(waits * MIN_BACKOFF_MS * TOLERANCE);
}

/** How long something takes, in turns of a timer: a process that does not get to run does not count. */
async function turnsOf(something: Promise<unknown>): Promise<number> {
  let turns = 0;
  const timer = setInterval(() => {
    turns += 1;
  }, TURN_MS);
  await something.finally(() => clearInterval(timer));
  return turns;
}

/** From the first event to the last of so many. */
function spanMs(times: readonly number[], count: number): number {
  return (times[count - 1] ?? Number.NaN) - (times[0] ?? Number.NaN);
}
