import { describe, expect, test } from "vitest";
import { Part } from "../../../src/core/parts.js";
import { verifies } from "../../conformance/verifies.js";
import { acknowledges, type Harness, LARGE_BYTES, online, partsOf, polling, type Script, started } from "../harness.js";
import { description, effectiveConfig, health } from "../values.js";

const A = "com.example.a";
const PROGRESS = { type: "progress" } as const;
/** What a kernel and proxies may hold of it, 4 MiB, at 32 KiB a second. */
const BUFFERED_MS = 128_000;
const reportsConfig = {
  can: ["reportsEffectiveConfig"],
  effectiveConfig: () => effectiveConfig("one"),
  large: (message) => message.effectiveConfig !== undefined || message.customMessage !== undefined,
} satisfies Script;
/** A peer that says nothing as long as the line is taken. */
const MUTE: Script = { ...reportsConfig, pongs: () => false };

function reportConfig(harness: Harness, body: string): void {
  harness.feed({ type: "set", parts: { effectiveConfig: effectiveConfig(body) } });
}

/** The connection breaks, and another one is made. */
function breakAndReturn(harness: Harness): void {
  harness.lose();
  harness.clear();
  harness.advanceUntil("reporting");
}

/** Everything that is due leaves; the large part does not get through. */
function tryInVain(harness: Harness): readonly (readonly string[])[] {
  for (let answers = 0; answers < 5 && harness.last.effectiveConfig === undefined; answers++) {
    harness.receive(acknowledges());
  }
  return harness.sent.map(partsOf);
}

describe("a large report", () => {
  verifies("RETRY-02", "over HTTP has its time for an answer from the last piece that left", () => {
    const harness = online({ ...polling(), ...reportsConfig });
    reportConfig(harness, "two");
    for (let piece = 0; piece < 10; piece++) {
      harness.advance(50_000);
      harness.feed(PROGRESS);
    }
    // Three times the longest pause, and then the time for the answer.
    harness.advance(150_000 + 29_000);
    expect(harness.core.phase).toBe("online");
    harness.advance(1_001);
    expect(harness.core.phase).not.toBe("online");
    expect(harness.all("phase")[0]?.output).toMatchObject({ phase: "waiting", reason: "timeout" });
  });

  test("over WebSocket keeps the connection alive while pieces leave, without an answer or a pong", () => {
    const harness = online(MUTE);
    reportConfig(harness, "two");
    for (let piece = 0; piece < 10; piece++) {
      harness.advance(55_000);
      harness.feed(PROGRESS);
    }
    expect([harness.core.phase, harness.dialledAt]).toEqual(["online", []]);
    expect(harness.all("ping").length).toBeGreaterThan(0);
  });

  test("over WebSocket may take as long to arrive as what buffers hold needs", () => {
    const harness = online(MUTE);
    reportConfig(harness, "two");
    harness.feed(PROGRESS);
    harness.advance(BUFFERED_MS - 1);
    expect(harness.core.phase).toBe("online");
    harness.advance(1);
    expect(harness.core.phase).toBe("waiting");
    expect(harness.all("phase")[0]?.output).toMatchObject({ reason: "unresponsive" });
  });

  test("may pause for as long as buffers hold, also where a silent peer would be given up soon", () => {
    const harness = online({ ...MUTE, config: { ping: { intervalMs: 5_000 } } });
    reportConfig(harness, "two");
    for (let piece = 0; piece < 4; piece++) {
      harness.advance(22_000);
      harness.feed(PROGRESS);
    }
    harness.advance(60_000);
    expect(harness.core.phase).toBe("online");
    harness.advance(6_001);
    expect(harness.core.phase).toBe("waiting");
  });

  test("to a peer that takes nothing of it is given up as soon as one that is silent, or little later", () => {
    const harness = online({ ...MUTE, config: { ping: { intervalMs: 500 } } });
    reportConfig(harness, "two");
    harness.advance(BUFFERED_MS / 30 + 1);
    expect(harness.core.phase).toBe("waiting");
  });

  test("gives a connection no more time after a sleep of the machine", () => {
    const harness = online(MUTE);
    reportConfig(harness, "two");
    harness.advance(1_000);
    harness.jump();
    harness.advance(10_001);
    expect(harness.core.phase).toBe("waiting");
  });

  test("is not acknowledged by what the server pushes while it leaves", () => {
    const harness = online(MUTE);
    reportConfig(harness, "two");
    harness.advance(20_000);
    harness.feed({ type: "set", parts: { health: health(false) } });
    harness.receive(acknowledges());
    harness.receive(acknowledges());
    reportConfig(harness, "three");
    harness.advance(20_000);
    harness.feed(PROGRESS, { type: "set", parts: { health: health(true) } });
    breakAndReturn(harness);
    expect(harness.sent.flatMap(partsOf)).toContain("effectiveConfig");
  });
});

describe.each([
  ["over WebSocket", {}],
  ["over HTTP", polling()],
])("%s a large report whose connection fails each time", (_transport, transport) => {
  const script = { ...transport, ...reportsConfig };

  test("no longer holds up the others from the second attempt on, and is given up after the third", () => {
    const harness = started(script);
    expect(partsOf(harness.last)).toEqual(["agentDescription", "health", "effectiveConfig"]);
    for (let attempt = 2; attempt <= 3; attempt++) {
      breakAndReturn(harness);
      expect(harness.notices).toEqual([]);
      const sent = tryInVain(harness);
      expect(sent.at(-1)).toEqual(["effectiveConfig"]);
      if (attempt === 2) expect(sent.slice(0, 2)).toEqual([["agentDescription"], ["health"]]);
    }
    harness.lose();
    expect(harness.notices).toEqual([
      { kind: "undelivered", parts: Part.effectiveConfig, bytes: LARGE_BYTES, attempts: 3 },
    ]);
    harness.clear();
    harness.advanceUntil("reporting");
    harness.receive(acknowledges());
    harness.advance(60_000);
    expect(harness.sent.flatMap(partsOf)).not.toContain("effectiveConfig");
  });

  test("is sent again when it changes, and when the server asks for everything", () => {
    const harness = online(script);
    for (let attempt = 1; attempt <= 3; attempt++) {
      if (attempt === 1) reportConfig(harness, "two");
      else tryInVain(harness);
      breakAndReturn(harness);
    }
    harness.receive(acknowledges());
    harness.clear();
    harness.feed({ type: "set", parts: { effectiveConfig: effectiveConfig("three") } });
    expect(harness.sent.map(partsOf)).toEqual([["effectiveConfig"]]);
    for (let attempt = 2; attempt <= 3; attempt++) {
      breakAndReturn(harness);
      tryInVain(harness);
    }
    breakAndReturn(harness);
    harness.receive({ ...acknowledges(), flags: 1n });
    harness.advance(1);
    expect(harness.sent.flatMap(partsOf)).toContain("effectiveConfig");
  });

  test("has three attempts of its own once it has changed", () => {
    const harness = online(script);
    reportConfig(harness, "two");
    for (const body of ["three", "four", "five"]) {
      breakAndReturn(harness);
      tryInVain(harness);
      harness.feed({ type: "set", parts: { effectiveConfig: effectiveConfig(body) } });
    }
    harness.lose();
    expect(harness.notices).toEqual([]);
  });

  test("has three attempts again after one that was answered", () => {
    const harness = online(script);
    for (const body of ["two", "three", "four"]) {
      reportConfig(harness, body);
      breakAndReturn(harness);
      tryInVain(harness);
      harness.receive(acknowledges());
      harness.receive(acknowledges());
    }
    expect(harness.notices).toEqual([]);
  });

  test("is not given up for refused dials, statuses, or a pause", () => {
    const harness = online(script);
    for (let attempt = 1; attempt <= 5; attempt++) {
      reportConfig(harness, `body ${attempt}`);
      harness.lose({ fate: attempt % 2 === 0 ? "unsent" : "answered" });
      harness.advanceUntil("reporting");
      tryInVain(harness);
    }
    expect(harness.notices).toEqual([]);
  });
});

test("a large custom message whose connection fails three times has failed", () => {
  const harness = online({ large: reportsConfig.large, pongs: () => false });
  harness.receive({ customCapabilities: { capabilities: [A] } });
  const data = new Uint8Array();
  harness.feed({ type: "custom", id: 7, message: { capability: A, type: "t", data } });
  for (let attempt = 1; attempt <= 3; attempt++) {
    expect(harness.last.customMessage?.type).toBe("t");
    expect(harness.all("customSettled")).toEqual([]);
    harness.lose();
    if (attempt < 3) {
      harness.advanceUntil("reporting");
      harness.receive({ customCapabilities: { capabilities: [A] } });
    }
  }
  expect(harness.all("customSettled").map(({ output }) => output)).toMatchObject([{ id: 7, fate: "unanswered" }]);
});

test("a small report is sent again as often as its connection fails", () => {
  const harness = online({ ...polling(), ...reportsConfig });
  for (let attempt = 1; attempt <= 10; attempt++) {
    harness.feed({ type: "set", parts: { agentDescription: description("two") } });
    breakAndReturn(harness);
    expect(harness.sent.flatMap(partsOf)).toContain("agentDescription");
  }
  expect(harness.notices).toEqual([]);
});
