import { describe, expect, test } from "vitest";
import { Part } from "../../../src/core/parts.js";
import { verifies } from "../../conformance/verifies.js";
import { acknowledges, type Harness, online, partsOf, polling, type Script, started } from "../harness.js";
import { description, effectiveConfig, health } from "../values.js";

const A = "com.example.a";
const full: Script = { can: ["reportsEffectiveConfig"], effectiveConfig: () => effectiveConfig("one") };
const TOO_LARGE = { fate: "refused", orderly: true } as const;

/** Lets the agent come back after a refusal. */
function back(harness: Harness): void {
  harness.clear();
  harness.advanceUntil("reporting");
}

describe("what a server refused for its size", () => {
  verifies("SIZE-08", "over HTTP is sent in parts, and only what is too large by itself is dropped", () => {
    const harness = started({ ...polling(), ...full });
    expect(partsOf(harness.last)).toEqual(["agentDescription", "health", "effectiveConfig"]);
    harness.lose(TOO_LARGE);
    expect(harness.notices).toEqual([]);
    back(harness);
    harness.receive(acknowledges());
    harness.receive(acknowledges());
    expect(harness.sent.map(partsOf)).toEqual([["agentDescription"], ["health"], ["effectiveConfig"]]);
    harness.lose(TOO_LARGE);
    expect(harness.notices).toEqual([{ kind: "dropped", parts: Part.effectiveConfig, why: "refused" }]);
    back(harness);
    expect(harness.sent.map(partsOf)).toEqual([[]]);
    // A gap would make the server ask for everything again.
    expect(harness.last.sequenceNum).toBe(3n);
    harness.receive(acknowledges());
    harness.feed({ type: "set", parts: { effectiveConfig: effectiveConfig("two") } });
    expect(partsOf(harness.last)).toEqual(["effectiveConfig"]);
  });

  verifies("SIZE-09", "over WebSocket is the oldest message without an answer, whatever followed it", () => {
    const harness = online(full);
    harness.feed({ type: "set", parts: { effectiveConfig: effectiveConfig("two") } });
    harness.feed({ type: "set", parts: { health: health(false) } });
    harness.lose(TOO_LARGE);
    expect(harness.notices).toEqual([{ kind: "dropped", parts: Part.effectiveConfig, why: "refused" }]);
    back(harness);
    expect(harness.sent.map(partsOf)).toEqual([["health"]]);
  });

  verifies("SIZE-09", "over WebSocket is not a message that was left without an answer long before", () => {
    const harness = online(full);
    harness.feed({ type: "set", parts: { health: health(false) } });
    harness.advance(5_001);
    harness.feed({ type: "set", parts: { effectiveConfig: effectiveConfig("two") } });
    harness.lose(TOO_LARGE);
    expect(harness.notices).toEqual([{ kind: "dropped", parts: Part.effectiveConfig, why: "refused" }]);
    back(harness);
    expect(harness.sent).toMatchObject([{ sequenceNum: 3n }]);
    expect(partsOf(harness.last)).toEqual(["health"]);
  });

  test("is separated from a custom message sent with it", () => {
    const harness = online(polling());
    harness.feed({ type: "set", parts: { health: health(false) } });
    harness.receive({ customCapabilities: { capabilities: [A] } });
    harness.feed(
      { type: "set", parts: { health: health(true) } },
      { type: "custom", id: 1, message: { capability: A, type: "t", data: new Uint8Array() } },
    );
    expect([partsOf(harness.last), harness.last.customMessage?.type]).toEqual([["health"], "t"]);
    harness.lose(TOO_LARGE);
    back(harness);
    expect([partsOf(harness.last), harness.last.customMessage]).toEqual([["health"], undefined]);
    harness.receive(acknowledges());
    expect([partsOf(harness.last), harness.last.customMessage?.type]).toEqual([[], "t"]);
    harness.lose(TOO_LARGE);
    expect(harness.all("customSettled").map(({ output }) => [output.id, output.fate])).toEqual([[1, "refused"]]);
    expect(harness.notices).toEqual([]);
  });

  test("is not dropped if it has changed since", () => {
    const harness = online({ ...polling(), ...full });
    harness.feed({ type: "set", parts: { effectiveConfig: effectiveConfig("long") } });
    harness.feed({ type: "set", parts: { effectiveConfig: effectiveConfig("short") } });
    harness.lose(TOO_LARGE);
    expect(harness.notices).toEqual([]);
    back(harness);
    expect(harness.last.effectiveConfig).toEqual(effectiveConfig("short"));
  });

  test("is not sent again if it was removed since", () => {
    const harness = online(polling());
    harness.feed({ type: "set", parts: { health: health(false), agentDescription: description("two") } });
    harness.feed({ type: "set", parts: { health: undefined } });
    harness.lose(TOO_LARGE);
    back(harness);
    expect(harness.sent.map(partsOf)).toEqual([["agentDescription"]]);
    harness.receive(acknowledges());
    expect(harness.sent).toHaveLength(1);
  });

  test("is nothing if nothing was in flight", () => {
    const harness = online(full);
    harness.lose(TOO_LARGE);
    expect(harness.notices).toEqual([]);
    back(harness);
    expect(harness.sent.map(partsOf)).toEqual([[]]);
  });
});
