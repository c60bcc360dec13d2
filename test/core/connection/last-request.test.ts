import { describe, expect, test } from "vitest";
import type { Lost } from "../../../src/core/io.js";
import { verifies } from "../../conformance/verifies.js";
import { acknowledges, Harness, OWN_UID, online, partsOf, polling, type Script } from "../harness.js";
import { health } from "../values.js";

const STOP = { type: "stop", withinMs: 1_000 } as const;

/** An agent over HTTP that waits since its last request failed, with a change that the server does not have. */
function waiting(loss: Partial<Lost> = {}, script: Script = {}): Harness {
  const harness = online(polling(script));
  harness.feed({ type: "set", parts: { health: health(false) } });
  harness.lose({ orderly: true, ...loss });
  expect(harness.core.phase).toBe("waiting");
  harness.clear();
  return harness;
}

/** What was done to the connection, in order. */
function done(harness: Harness): readonly (string | number)[] {
  return harness.outputs.flatMap((output): readonly (string | number)[] => {
    if (output.type === "send") return [output.message.agentDisconnect === undefined ? "send" : "disconnect"];
    return output.type === "close" ? [output.code] : output.type === "dial" ? ["dial"] : [];
  });
}

describe("stopping over HTTP after a failure", () => {
  verifies(["CLOSE-01", "CLOSE-04"], "sends one request with agent_disconnect and nothing else, then stops", () => {
    const harness = waiting();
    harness.feed(STOP);
    expect(done(harness)).toEqual(["dial", "disconnect"]);
    expect([harness.last.instanceUid, partsOf(harness.last)]).toEqual([OWN_UID, []]);
    harness.receive({});
    expect([done(harness), harness.core.phase]).toEqual([["dial", "disconnect", 1000], "stopped"]);
    expect(harness.core.deadline).toBeUndefined();
  });

  test.each<[string, (harness: Harness) => void]>([
    ["is refused", (harness) => harness.lose({ orderly: true })],
    ["is asked to come later", (harness) => harness.lose({ orderly: true, throttled: true, retryAfterMs: 60_000 })],
    ["finds the server busy", (harness) => harness.receive({ errorResponse: { type: 2 } })],
    ["gets an answer that is not a message", (harness) => harness.feed({ type: "malformed", error: "x" })],
  ])("stops at once where that request %s", (_, answer) => {
    const harness = waiting();
    harness.feed(STOP);
    answer(harness);
    expect([harness.core.phase, harness.core.deadline, harness.sent.length]).toEqual(["stopped", undefined, 1]);
  });

  test.each<[string, Script, number]>([
    ["no answer comes", {}, 1_000],
    ["no transport opens", { opens: () => false }, 0],
  ])("is over within its time where %s", (_, script, endsAt) => {
    let opens = true;
    const harness = waiting({}, { ...script, opens: () => opens });
    opens = script.opens?.() ?? true;
    const startedAt = harness.now;
    harness.feed(STOP);
    harness.advanceUntil("stopped");
    expect(harness.now - startedAt).toBe(endsAt);
  });

  test("is cut in time where the transport neither opens nor fails", () => {
    const harness = waiting();
    harness.core.step(STOP, harness.now);
    expect([harness.core.phase, harness.core.deadline, harness.core.holdsProcess]).toEqual([
      "closing",
      harness.now + 1_000,
      true,
    ]);
    expect(harness.core.step({ type: "woken", dueAt: 1_000, wallNow: 0 }, harness.now + 1_000)).toMatchObject([
      { type: "close", code: 1006 },
      { phase: "stopped" },
    ]);
  });

  test("closes a connection that turns out to be a WebSocket, since nothing was said on it", () => {
    let duplex = false;
    const harness = online({ duplex: () => duplex, answers: acknowledges });
    harness.lose({ orderly: true });
    duplex = true;
    harness.clear();
    harness.feed(STOP);
    expect([done(harness), harness.core.phase]).toEqual([["dial", 1006], "stopped"]);
  });
});

describe("stopping over HTTP sends nothing", () => {
  function stopsAtOnce(
    harness: Harness,
    stop: typeof STOP | { type: "stop"; withinMs: number; error?: unknown } = STOP,
  ) {
    harness.clear();
    harness.feed(stop);
    expect([done(harness), harness.core.phase, harness.core.deadline]).toEqual([[], "stopped", undefined]);
  }

  verifies("THR-05", "in a pause that the server asked for, by status or by message", () => {
    stopsAtOnce(waiting({ throttled: true, retryAfterMs: 60_000 }));
    const busy = online(polling());
    busy.receive({ errorResponse: { type: 2 } });
    stopsAtOnce(busy);
  });

  test("to a server that cannot know the agent", () => {
    const harness = new Harness(polling());
    harness.feed({ type: "start" });
    harness.lose({ fate: "unsent" });
    stopsAtOnce(harness);
  });

  test("with no time for it", () => {
    stopsAtOnce(waiting(), { type: "stop", withinMs: 0 });
  });

  test("where the client ends by itself", () => {
    stopsAtOnce(waiting(), { type: "stop", withinMs: 1_000, error: new Error("foreign") });
  });
});

test("stopping over WebSocket after a failure sends nothing", () => {
  const harness = online();
  harness.lose();
  harness.clear();
  harness.feed(STOP);
  expect([done(harness), harness.core.phase]).toEqual([[], "stopped"]);
});
