import { describe, expect, test } from "vitest";
import type { Input } from "../../../src/core/io.js";
import { acknowledges, Harness, OWN_UID, online, polling, type Script } from "../harness.js";

const A = "com.example.a";
const announced = { instanceUid: OWN_UID, customCapabilities: { capabilities: [A] } };

function custom(id: number, expiresInMs?: number): Input {
  const input = { type: "custom", id, message: { capability: A, type: "note", data: new Uint8Array() } } as const;
  return expiresInMs === undefined ? input : { ...input, expiresInMs };
}

describe.each([
  ["on a duplex link", {}],
  ["over HTTP", polling()],
] as const)("a custom message %s", (_name, script: Script) => {
  test("holds the process until it has arrived", () => {
    let isAnswering = true;
    const answers = () => (isAnswering ? acknowledges() : undefined);
    const harness = online({ ...script, answers, pongs: () => false });
    harness.receive(announced);
    expect(harness.core.holdsProcess).toBe(false);
    isAnswering = false;
    harness.feed(custom(1));
    expect(harness.core.holdsProcess).toBe(true);
    harness.receive({ instanceUid: OWN_UID });
    harness.feed({ type: "pong" });
    expect(harness.all("customSettled").map(({ output }) => output.fate)).toEqual(["delivered"]);
    expect(harness.core.holdsProcess).toBe(false);
  });

  test("holds the process until the first answer, which may announce its capability", () => {
    const harness = new Harness(script);
    harness.feed(custom(1));
    expect(harness.core.holdsProcess).toBe(false);
    harness.feed({ type: "start", offers: {} });
    expect([harness.core.phase, harness.core.holdsProcess]).toEqual(["reporting", true]);
    harness.receive({ instanceUid: OWN_UID });
    expect([harness.core.phase, harness.core.holdsProcess]).toEqual(["online", false]);
  });

  test("holds the process while it waits for its capability if its time is limited, and no longer", () => {
    const harness = online({ ...script, answers: acknowledges });
    harness.feed(custom(1), custom(2, 1_000));
    expect(harness.core.holdsProcess).toBe(true);
    harness.advance(1_000);
    expect(harness.core.holdsProcess).toBe(false);
  });

  test("does not hold the process between connections", () => {
    const harness = online({ ...script, answers: acknowledges });
    harness.receive(announced);
    harness.lose();
    harness.feed(custom(1, 1_000));
    expect([harness.core.phase, harness.core.holdsProcess]).toEqual(["waiting", false]);
  });
});

test("a custom message to a server that stays silent does not hold the process for ever", () => {
  const harness = new Harness();
  harness.feed(custom(1), { type: "start", offers: {} });
  harness.advance(40_000);
  expect([harness.core.phase, harness.core.holdsProcess]).toEqual(["online", false]);
});
