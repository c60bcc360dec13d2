import { describe, expect, test } from "vitest";
import {
  OpAMPClient,
  type OpAMPClientOptions,
  OpAMPError,
  type Sink,
  type Store,
  type StoredState,
  type Transport,
} from "../../../src/index.js";
import { virtualClock } from "../../../src/testing/index.js";
import { encodeServerToAgent } from "../../../src/wire/codec.js";
import { collect } from "../../end-to-end/contract/meeting.js";

const PAST_ANY_BACKOFF_MS = 200;

/** A client over a transport that does nothing by itself but tell, when it is closed, what it is told to. */
function scripted(options: Partial<OpAMPClientOptions> = {}) {
  const sinks: Sink[] = [];
  const sent: Uint8Array[] = [];
  const why: { whenClosed: OpAMPError | undefined } = { whenClosed: undefined };
  const transport: Transport = {
    duplex: true,
    name: "scripted",
    open: (sink) => void sinks.push(sink),
    send: (payload) => void sent.push(payload),
    ping: () => undefined,
    close() {
      if (why.whenClosed === undefined) return;
      sinks.at(-1)?.lost({ error: why.whenClosed, fate: "unknown", orderly: false, throttled: false });
    },
  };
  const clock = virtualClock();
  const client = new OpAMPClient({
    transport,
    clock,
    description: { identifying: { "service.name": "scripted" } },
    timeouts: { connectMs: 1_000, answerMs: 2_000 },
    backoff: { minMs: 100, maxMs: 100 },
    ping: false,
    ...options,
  });
  const errors = collect(client, "error");
  client.start();
  return { client, clock, sinks, sent, why, errors };
}

describe("a transport of the host's own that is closed for taking too long", () => {
  test("has its error told, and only of the attempt that it belongs to", async () => {
    const { clock, why, errors } = scripted();
    why.whenClosed = new OpAMPError("ERR_OPAMP_TIMEOUT", "the gateway did not answer");
    await clock.advance(1_000);
    why.whenClosed = undefined;
    await clock.advance(1_000 + PAST_ANY_BACKOFF_MS);
    expect(errors.map(({ code, message }) => [code, message])).toEqual([
      ["ERR_OPAMP_TIMEOUT", "the gateway did not answer"],
      ["ERR_OPAMP_TIMEOUT", "no connection was made in time"],
    ]);
  });

  test("has the client's own words told where it only knows that it was closed", async () => {
    const { clock, why, errors } = scripted();
    why.whenClosed = new OpAMPError("ERR_OPAMP_CLOSED", "closed");
    await clock.advance(1_000);
    expect(errors).toMatchObject([{ code: "ERR_OPAMP_TIMEOUT", message: "no connection was made in time" }]);
  });
});

test("an earlier link is no longer heard", async () => {
  const { client, clock, sinks, sent, errors } = scripted();
  await clock.advance(1_000 + PAST_ANY_BACKOFF_MS);
  const [early, late] = sinks;
  early?.opened();
  early?.payload(encodeServerToAgent({ capabilities: 2n }));
  early?.malformed(new OpAMPError("ERR_OPAMP_MALFORMED", "garbage"));
  early?.pong();
  await clock.advance(0);
  expect([client.phase, sent.length, errors.length, client.stats().lastReceivedAt]).toEqual([
    "connecting",
    0,
    1,
    undefined,
  ]);
  late?.opened();
  await clock.advance(0);
  expect([client.phase, sent.length]).toEqual(["reporting", 1]);
});

test("a wait for a connection names the last failure also while the next attempt is under way", async () => {
  const { client, clock } = scripted();
  const waited = client.connected({ timeoutMs: 1_000 + PAST_ANY_BACKOFF_MS }).catch((error: unknown) => error);
  await clock.advance(1_000 + PAST_ANY_BACKOFF_MS);
  expect(client.phase).toBe("connecting");
  expect(await waited).toMatchObject({ cause: { message: "no connection was made in time" } });
});

test("a temporary uid is not stored while the server is to make one", async () => {
  const saved: StoredState[] = [];
  const store: Store = { load: () => undefined, save: (state) => void saved.push(state) };
  const { clock, sinks, sent } = scripted({ requestInstanceUid: true, store });
  sinks[0]?.opened();
  await clock.advance(0);
  expect([sent.length, saved]).toEqual([1, []]);
});

describe("the timer", () => {
  test("is never set for longer than timers can wait", async () => {
    const virtual = virtualClock();
    const waits: number[] = [];
    const clock = {
      ...virtual,
      after(delayMs: number, callback: () => void) {
        waits.push(delayMs);
        return virtual.after(delayMs, callback);
      },
    };
    const { sinks } = scripted({ clock, heartbeat: { intervalMs: 2 ** 32 } });
    sinks[0]?.opened();
    await virtual.advance(0);
    sinks[0]?.payload(encodeServerToAgent({}));
    await virtual.advance(1_000);
    expect(Math.max(...waits)).toBe(2 ** 31 - 1);
  });

  test("is set again where what was due had left before the end of the turn", async () => {
    const timers: (() => void)[] = [];
    const turns: (() => void)[] = [];
    let nowMs = 0;
    const clock = {
      now: () => nowMs,
      wallNow: () => nowMs,
      after: (_: number, callback: () => void) => {
        timers.push(callback);
        return () => undefined;
      },
      soon: (callback: () => void) => void turns.push(callback),
    };
    const endTurn = (): void => {
      for (const callback of turns.splice(0)) callback();
    };
    const { client, sinks, sent } = scripted({ clock, heartbeat: { intervalMs: 5_000 } });
    sinks[0]?.opened();
    endTurn();
    sinks[0]?.payload(encodeServerToAgent({}));
    endTurn();
    nowMs = 1_000;
    timers.splice(0).at(-1)?.();
    nowMs = 5_000;
    client.setHealth({ healthy: true });
    timers.splice(0).at(-1)?.();
    expect(sent).toHaveLength(2);
    endTurn();
    expect(timers).not.toEqual([]);
  });
});
