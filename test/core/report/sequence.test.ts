import { describe, expect, test } from "vitest";
import { verifies } from "../../conformance/verifies.js";
import { Harness, OWN_UID, online, polling, type Script, started } from "../harness.js";
import { health } from "../values.js";

const CUSTOM = "com.example.a";

function numbers(harness: Harness): readonly number[] {
  return harness.sent.map(({ sequenceNum }) => Number(sequenceNum));
}

function upTo(last: number): readonly number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}

/** About fifty messages of every kind, over six links. */
function mixed(script: Script): Harness {
  const harness = started({ ...script, answers: () => ({ customCapabilities: { capabilities: [CUSTOM] } }) });
  for (let link = 0; link < 6; link++) {
    for (let round = 0; round < 3; round++) {
      harness.feed({ type: "set", parts: { health: health(round % 2 === 0, `${link}`) } });
      harness.feed({ type: "custom", id: link * 3 + round, message: { capability: CUSTOM, type: "t", data: OWN_UID } });
      harness.advance(30_000);
    }
    if (link % 2 === 0) harness.feed({ type: "reconnect" });
    else harness.lose();
    harness.advanceUntil("online");
  }
  harness.feed({ type: "stop", withinMs: 1_000 });
  return harness;
}

describe.each([
  ["on a duplex link", {}],
  ["over HTTP", polling()],
] as const)("sequence numbers %s", (_name, script) => {
  verifies(["SEQ-01", "SEQ-02"], "start at 1 and rise by one over messages of every kind and over reconnects", () => {
    const harness = mixed(script);
    expect(numbers(harness)).toEqual(upTo(harness.sent.length));
    const kinds = harness.sent.map((message) => [
      message.health !== undefined,
      message.customMessage !== undefined,
      message.agentDisconnect !== undefined,
    ]);
    for (const kind of [
      [true, false, false],
      [false, true, false],
      [false, false, true],
      [false, false, false],
    ]) {
      expect(kinds).toContainEqual(kind);
    }
    expect(harness.sent.length).toBeGreaterThan(50);
  });

  verifies(["UID-01", "UID-03", "CAP-01"], "come with the same uid of 16 bytes and the capabilities every time", () => {
    for (const { instanceUid, capabilities } of mixed(script).sent) {
      expect([instanceUid, capabilities]).toEqual([OWN_UID, 0x2801n]);
    }
  });
});

describe("a number", () => {
  test("is reused after an HTTP request that was never sent", () => {
    const harness = online(polling());
    harness.feed({ type: "set", parts: { health: health(false) } });
    harness.lose({ fate: "unsent" });
    harness.advanceUntil("reporting");
    harness.lose({ fate: "unsent" });
    harness.advanceUntil("reporting");
    expect(numbers(harness)).toEqual([2, 2, 2]);
    harness.receive({});
    harness.advance(30_000);
    expect(numbers(harness)).toEqual([2, 2, 2, 3]);
  });

  test("is not reused after a request that may have arrived", () => {
    const harness = online(polling());
    harness.feed({ type: "set", parts: { health: health(false) } });
    harness.lose({ fate: "unknown" });
    harness.advanceUntil("reporting");
    harness.advanceUntil("waiting");
    harness.advanceUntil("reporting");
    expect(numbers(harness)).toEqual([2, 3, 4]);
  });

  test("is not reused when a connection without a request is lost", () => {
    for (const script of [polling(), {}]) {
      const harness = online(script);
      harness.lose({ fate: "unsent" });
      harness.advanceUntil("reporting");
      expect(numbers(harness)).toEqual([2]);
    }
  });

  test("of an agent_disconnect that was cut off is not reused by the next dial, which fails", () => {
    let isUp = true;
    const harness = online(polling({ opens: () => isUp }));
    harness.feed({ type: "reconnect" });
    isUp = false;
    harness.advance(1_000);
    isUp = true;
    harness.advanceUntil("reporting");
    expect(harness.sent).toMatchObject([{ agentDisconnect: {}, sequenceNum: 2n }, { sequenceNum: 3n }]);
  });

  test("is not reused on a duplex connection, where several messages may be in flight", () => {
    const harness = online();
    harness.feed({ type: "set", parts: { health: health(false, "a") } });
    harness.feed({ type: "set", parts: { health: health(false, "b") } });
    harness.lose({ fate: "unsent" });
    harness.advanceUntil("reporting");
    expect(numbers(harness)).toEqual([2, 3, 4]);
  });

  test("is reused once after an oversized message", () => {
    const harness = online();
    harness.feed({ type: "set", parts: { health: health(false) } });
    harness.feed({ type: "oversized" });
    harness.feed({ type: "oversized" });
    harness.advance(30_000);
    expect(numbers(harness)).toEqual([2, 2]);
  });

  test("is reused after an oversized message only while that cannot have been sent", () => {
    const harness = started();
    harness.receive({});
    harness.feed({ type: "oversized" });
    harness.feed({ type: "set", parts: { health: health(false) } });
    expect(numbers(harness)).toEqual([1, 2]);
    const early = new Harness();
    early.feed({ type: "oversized" }, { type: "start" });
    expect(numbers(early)).toEqual([1]);
  });

  test("is reused after an empty oversized message, which drops nothing", () => {
    const harness = online();
    harness.advance(30_000);
    harness.feed({ type: "oversized" });
    harness.feed({ type: "oversized" });
    expect(harness.notices).toEqual([]);
    harness.feed({ type: "set", parts: { health: health(false) } });
    expect(numbers(harness)).toEqual([2, 2]);
  });
});
