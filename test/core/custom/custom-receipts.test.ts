import { describe, expect, test } from "vitest";
import type { Input } from "../../../src/core/io.js";
import { Harness, online, polling, type Script } from "../harness.js";
import { health } from "../values.js";

const A = "com.example.a";
const announced = { customCapabilities: { capabilities: [A] } };

function custom(id: number): Input {
  return { type: "custom", id, message: { capability: A, type: `m${id}`, data: Uint8Array.of(id) } };
}

function delivered(harness: Harness): readonly number[] {
  return harness.all("customSettled").flatMap(({ output }) => (output.fate === "delivered" ? [output.id] : []));
}

/** An agent whose server answers nothing by itself, and no ping either. */
function agent(script: Script = {}): Harness {
  const harness = online({ pongs: () => false, ...script });
  harness.receive(announced);
  harness.clear();
  return harness;
}

describe("a custom message on a duplex connection", () => {
  test("is delivered by the pong to a ping behind it, and not by what the server pushes", () => {
    const harness = agent();
    harness.feed(custom(1));
    expect(harness.outputs.map(({ type }) => type)).toEqual(["send", "ping"]);
    harness.receive({});
    harness.receive({ flags: 0n });
    expect(delivered(harness)).toEqual([]);
    harness.feed({ type: "alive" });
    expect(delivered(harness)).toEqual([]);
    harness.feed({ type: "pong" });
    expect(delivered(harness)).toEqual([1]);
  });

  test("that was pushed over by the server leaves again after the connection is lost", () => {
    const harness = agent();
    harness.feed(custom(1));
    harness.receive({});
    harness.lose();
    harness.advanceUntil("reporting");
    harness.receive({});
    expect(harness.sent.map(({ customMessage }) => customMessage?.type)).toEqual(["m1", undefined, "m1"]);
  });

  test("is not delivered by what the server pushes over it and a later message", () => {
    const harness = agent();
    harness.feed(custom(1));
    harness.feed({ type: "set", parts: { health: health(true, "later") } });
    harness.advance(0);
    for (let pushes = 0; pushes < 3; pushes++) harness.receive({});
    expect(delivered(harness)).toEqual([]);
    harness.feed({ type: "pong" });
    expect(delivered(harness)).toEqual([1]);
  });

  test("that leaves again on the next connection gets a ping of its own there", () => {
    const harness = agent();
    harness.feed(custom(1));
    harness.lose();
    harness.clear();
    harness.advanceUntil("reporting");
    harness.advance(0);
    expect(harness.sent.some(({ customMessage }) => customMessage?.type === "m1")).toBe(true);
    expect(harness.all("ping")).toHaveLength(1);
  });

  test("shares the next ping with all that left while a ping was under way", () => {
    const harness = agent();
    for (const id of [1, 2, 3]) harness.feed(custom(id));
    expect(harness.all("ping")).toHaveLength(1);
    harness.feed({ type: "pong" });
    expect([delivered(harness), harness.all("ping").length]).toEqual([[1], 2]);
    harness.feed({ type: "pong" });
    expect([delivered(harness), harness.all("ping").length]).toEqual([[1, 2, 3], 2]);
    harness.feed({ type: "pong" });
    expect(delivered(harness)).toEqual([1, 2, 3]);
  });

  test("is delivered by the answer to a later message where no pong has come for five seconds", () => {
    const harness = agent();
    harness.feed(custom(1));
    harness.advance(5_001);
    harness.receive({});
    expect(delivered(harness)).toEqual([]);
    harness.feed({ type: "set", parts: { health: undefined } }, custom(2));
    harness.receive({});
    expect(delivered(harness)).toEqual([1]);
  });

  test("is delivered by the answer to a later message where there are no pings", () => {
    const harness = agent({ config: { ping: false } });
    harness.feed(custom(1));
    harness.receive({});
    expect([delivered(harness), harness.all("ping")]).toEqual([[], []]);
    harness.feed(custom(2));
    harness.receive({});
    expect(delivered(harness)).toEqual([1]);
  });

  test("is delivered by its own answer where there are neither pings nor heartbeats", () => {
    const harness = agent({ config: { ping: false, capabilities: 1n } });
    harness.feed(custom(1));
    harness.receive({});
    expect(delivered(harness)).toEqual([1]);
  });

  test("is not delivered by a ping that left behind a message that was too large", () => {
    let fits = true;
    const harness = agent({ fits: () => fits });
    fits = false;
    harness.feed(custom(1));
    fits = true;
    harness.feed(custom(2));
    harness.feed({ type: "pong" });
    expect(delivered(harness)).toEqual([]);
    harness.feed({ type: "pong" });
    expect(delivered(harness)).toEqual([2]);
  });

  test("does not get a ping of its own while one is under way that left before any message", () => {
    const harness = new Harness({ pongs: () => false, can: ["reportsEffectiveConfig"] });
    harness.feed({ type: "start" }, custom(1));
    harness.jump();
    harness.feed({ type: "effectiveConfig" });
    harness.receive(announced);
    expect([harness.sent.length, harness.all("ping").length]).toEqual([2, 1]);
    harness.feed({ type: "pong" });
    expect([delivered(harness), harness.all("ping").length]).toEqual([[], 2]);
    harness.feed({ type: "pong" });
    expect(delivered(harness)).toEqual([1]);
  });

  test("that was answered is not refused by an answer to a later one", () => {
    const harness = agent();
    harness.feed(custom(1));
    harness.feed(custom(2));
    harness.receive({});
    harness.receive({ errorResponse: { type: 1 } });
    expect(harness.all("customSettled").map(({ output }) => [output.id, output.fate])).toEqual([[2, "refused"]]);
  });
});

test("a custom message over HTTP is delivered by its answer, and no ping is sent", () => {
  const harness = agent(polling());
  harness.feed(custom(1));
  harness.receive({});
  expect([delivered(harness), harness.all("ping")]).toEqual([[1], []]);
});
