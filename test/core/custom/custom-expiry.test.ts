import { describe, expect, test } from "vitest";
import type { Input, Outgoing } from "../../../src/core/io.js";
import { acknowledges, Harness, online, polling, type Script } from "../harness.js";
import { health } from "../values.js";

const A = "com.example.a";
const announced = { customCapabilities: { capabilities: [A] } };

function custom(id: number, expiresInMs?: number): Input {
  const input = { type: "custom", id, message: { capability: A, type: `m${id}`, data: Uint8Array.of(id) } } as const;
  return expiresInMs === undefined ? input : { ...input, expiresInMs };
}

/** What became of which message, and when. */
function fates(harness: Harness): readonly (readonly [number, number, string])[] {
  return harness.all("customSettled").map(({ at, output }) => [at, output.id, output.fate]);
}

function types(harness: Harness): readonly (string | undefined)[] {
  return harness.sent.flatMap(({ customMessage }) => customMessage?.type ?? []);
}

describe.each([
  ["on a duplex link", {}],
  ["over HTTP", polling()],
] as const)("a custom message with a time limit %s", (_name, script: Script) => {
  test("is dropped when the server does not announce its capability in time", () => {
    const harness = online({ ...script, answers: acknowledges });
    harness.feed(custom(1, 2_000), custom(2, 1_000), custom(3));
    harness.advance(5_000);
    expect(fates(harness)).toEqual([
      [1_000, 2, "expired"],
      [2_000, 1, "expired"],
    ]);
    harness.receive(announced);
    expect(types(harness)).toEqual(["m3"]);
  });

  test("is dropped when there is no link in time, to the millisecond", () => {
    let up = true;
    const harness = online({ ...script, answers: acknowledges, opens: () => up });
    harness.receive(announced);
    up = false;
    harness.lose();
    harness.feed(custom(1, 90_000), custom(2, 100_000_000));
    harness.advance(89_999);
    expect(fates(harness)).toEqual([]);
    harness.advance(1);
    expect(fates(harness)).toEqual([[90_000, 1, "expired"]]);
    up = true;
    harness.advance(120_000);
    expect(types(harness)).toEqual(["m2"]);
  });

  test("is dropped also by an agent that was never started", () => {
    const harness = new Harness(script);
    harness.feed(custom(1, 1_000));
    harness.advance(1_000);
    expect(fates(harness)).toEqual([[1_000, 1, "expired"]]);
    expect(harness.core.deadline).toBeUndefined();
  });

  test("is sent within its limit, which no longer applies once it is sent", () => {
    const harness = online({ ...script, pongs: () => false });
    harness.receive(announced);
    harness.feed(custom(1, 1_000));
    harness.advance(4_000);
    expect([types(harness), fates(harness)]).toEqual([["m1"], []]);
    harness.receive({});
    harness.feed({ type: "pong" });
    expect(fates(harness)).toEqual([[4_000, 1, "delivered"]]);
  });

  test("is not sent again when the connection is lost after its limit", () => {
    const harness = online({ ...script, pongs: () => false });
    harness.receive(announced);
    harness.feed(custom(1, 1_000));
    harness.advance(1_500);
    harness.lose();
    expect(fates(harness)).toEqual([[1_500, 1, "unanswered"]]);
    harness.advanceUntil("reporting");
    harness.receive({});
    harness.feed({ type: "pong" });
    expect(types(harness)).toEqual(["m1"]);
  });

  test("is sent again when the connection is lost before its limit", () => {
    const harness = online({ ...script, pongs: () => false });
    harness.receive(announced);
    harness.feed(custom(1, 60_000));
    harness.lose();
    harness.advanceUntil("reporting");
    harness.receive({});
    harness.feed({ type: "pong" });
    harness.receive({});
    harness.feed({ type: "pong" });
    expect(types(harness)).toEqual(["m1", "m1"]);
    expect(fates(harness).map(([, id, fate]) => [id, fate])).toEqual([[1, "delivered"]]);
  });
});

test("custom messages without a time limit need no attention", () => {
  const harness = new Harness();
  harness.feed(custom(1), custom(2, Number.POSITIVE_INFINITY));
  expect(harness.core.deadline).toBeUndefined();
});

test("a custom message that did not fit beside a report was never sent, and expires as such", () => {
  const fits = ({ health: part, customMessage }: Outgoing): boolean =>
    part === undefined || customMessage === undefined;
  const harness = online(polling({ fits }));
  harness.receive(announced);
  harness.feed(custom(1, 1_000), { type: "set", parts: { health: health(false) } });
  expect([harness.sent.length, types(harness)]).toEqual([1, []]);
  harness.advance(1_000);
  expect(fates(harness)).toEqual([[1_000, 1, "expired"]]);
});
