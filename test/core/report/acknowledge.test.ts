import { describe, expect, test } from "vitest";
import { Part } from "../../../src/core/parts.js";
import { verifies } from "../../conformance/verifies.js";
import { acknowledges, type Harness, online, partsOf, polling, type Script, started } from "../harness.js";
import { description, everyPart, health } from "../values.js";

const transports = [
  ["on a duplex link", {}],
  ["over HTTP", polling()],
] as const;

/** Breaks the link and gives what the first report on the next one carries. */
function afterBreak(harness: Harness): readonly string[] {
  harness.clear();
  harness.lose();
  harness.advanceUntil("reporting");
  return partsOf(harness.last);
}

function change(harness: Harness, status: string): void {
  harness.feed({ type: "set", parts: { health: health(false, status) } });
}

verifies("RETRY-01", "a part that was refused belongs to full reports again once it has changed", () => {
  const harness = online({ config: { reconnectReport: "full" } });
  change(harness, "a");
  harness.receive({ errorResponse: { type: 1 } });
  expect(afterBreak(harness)).not.toContain("health");
  harness.receive({});
  change(harness, "b");
  harness.receive({});
  expect(afterBreak(harness)).toContain("health");
});

describe.each(transports)("a report %s", (_name, script: Script) => {
  test("that was answered is not sent again", () => {
    const harness = online(script);
    change(harness, "a");
    harness.receive({});
    expect(afterBreak(harness)).toEqual([]);
  });

  verifies("RETRY-02", "that was not answered before the link went is sent again", () => {
    const harness = online(script);
    change(harness, "a");
    expect(afterBreak(harness)).toEqual(["health"]);
    harness.receive({});
    expect(afterBreak(harness)).toEqual([]);
  });

  const refusals: readonly (readonly [string, number, string])[] = [
    ["BAD_REQUEST", 1, "badRequest"],
    ["UNKNOWN", 0, "unknown"],
    ["a type of the future", 7, "unknown"],
  ];
  for (const [name, type, error] of refusals) {
    verifies(
      ["RETRY-01", "MSG-03", "INTEROP-02"],
      `refused with ${name} is dropped, reported as such and not sent again`,
      () => {
        const harness = online(script);
        change(harness, "a");
        harness.receive({ errorResponse: { type, errorMessage: "bad" } });
        expect(harness.notices).toEqual([{ kind: "serverError", error, message: "bad", dropped: Part.health }]);
        expect([harness.core.phase, harness.all("close")]).toEqual(["online", []]);
        harness.clear();
        harness.advance(29_999);
        expect(harness.sent).toEqual([]);
        change(harness, "b");
        expect(harness.last.health).toEqual(health(false, "b"));
        harness.receive({});
        expect(afterBreak(harness)).toEqual([]);
      },
    );
  }

  verifies("RETRY-01", "whose first version is refused on a new connection does not end it", () => {
    const harness = started(script);
    harness.receive({ errorResponse: { type: 1 } });
    expect(harness.core.phase).toBe("online");
    expect(afterBreak(harness)).toEqual([]);
    expect(harness.core.phase).toBe("reporting");
  });

  verifies("MSG-03", "that gets an error response ignores the rest of the message", () => {
    const harness = online({ ...script, can: ["acceptsRemoteConfig", "acceptsRestartCommand"] });
    change(harness, "a");
    harness.clear();
    harness.receive({
      errorResponse: { type: 1 },
      capabilities: 3n,
      flags: 1n,
      command: {},
      remoteConfig: { config: {}, configHash: Uint8Array.of(1) },
    });
    expect(harness.outputs.map(({ type }) => type)).toEqual(["notice"]);
  });

  verifies("RETRY-03", "after a thousand changes offline is one message with the last of each", () => {
    const harness = online(script);
    harness.lose();
    for (let n = 1; n <= 1_000; n++) change(harness, `${n}`);
    harness.feed({ type: "set", parts: { agentDescription: description("two") } });
    expect(harness.sent).toEqual([]);
    harness.advanceUntil("reporting");
    harness.receive({});
    expect(harness.sent).toHaveLength(1);
    expect(harness.last).toMatchObject({ health: health(false, "1000"), agentDescription: description("two") });
  });
});

describe("several reports in flight on a duplex connection", () => {
  verifies("RETRY-02", "are acknowledged one answer at a time, the oldest first", () => {
    const harness = online();
    change(harness, "a");
    harness.feed({ type: "set", parts: { agentDescription: description("two") } });
    expect(harness.sent).toHaveLength(2);
    harness.receive({});
    expect(afterBreak(harness)).toEqual(["agentDescription"]);
  });

  verifies("RETRY-02", "with the same part are acknowledged by the answer to the last of them", () => {
    const harness = online();
    change(harness, "a");
    change(harness, "b");
    harness.receive({});
    expect(afterBreak(harness)).toEqual(["health"]);
    expect(harness.last.health).toEqual(health(false, "b"));
  });

  test("are refused one at a time", () => {
    const harness = online();
    change(harness, "a");
    harness.feed({ type: "set", parts: { agentDescription: description("two") } });
    harness.receive({ errorResponse: { type: 1 } });
    expect(harness.notices).toMatchObject([{ dropped: Part.health }]);
    harness.receive({});
    expect(afterBreak(harness)).toEqual([]);
  });

  test("stay in flight when the one before is refused", () => {
    const harness = online();
    change(harness, "a");
    harness.feed({ type: "set", parts: { agentDescription: description("two") } });
    harness.receive({ errorResponse: { type: 1 } });
    expect(afterBreak(harness)).toEqual(["agentDescription"]);
  });

  const names = ["health", "agentDescription", "packageStatuses", "customCapabilities"] as const;
  test.each([
    [1, ["packageStatuses", "customCapabilities"]],
    [2, ["customCapabilities"]],
    [3, []],
  ])("are acknowledged with a later one if they are older than five seconds (%d answers)", (answers, due) => {
    const harness = online({ can: ["reportsPackageStatuses"] });
    const parts = { ...everyPart(), health: health(false), agentDescription: description("two") };
    for (const [index, at] of [0, 1, 5_000, 5_001].entries()) {
      harness.advanceTo(at);
      const name = names[index] ?? "health";
      harness.feed({ type: "set", parts: { [name]: parts[name] } });
    }
    expect(harness.sent.map(partsOf)).toEqual(names.map((name) => [name]));
    for (let answer = 0; answer < answers; answer++) {
      harness.receive({});
      harness.advanceTo(5_002);
    }
    expect(afterBreak(harness)).toEqual(due);
  });

  test("are counted one by one up to a thousand, and the oldest of more together", () => {
    const harness = online({ config: { maxCustomMessages: 2_000, ping: false } });
    harness.receive({ customCapabilities: { capabilities: ["a.b"] } });
    const custom = { capability: "a.b", type: "t", data: new Uint8Array() };
    for (let id = 1; id <= 1_500; id++) harness.feed({ type: "custom", id, message: custom });
    harness.receive({});
    expect(harness.all("customSettled").map(({ output }) => output.id)).toEqual(
      Array.from({ length: 500 }, (_, index) => index + 1),
    );
  });

  test("do not include one that was never sent", () => {
    const harness = online({ fits: (message) => message.health?.status !== "long" });
    change(harness, "a");
    change(harness, "long");
    harness.feed({ type: "set", parts: { agentDescription: description("two") } });
    expect(harness.sent.map(partsOf)).toEqual([["health"], ["agentDescription"]]);
    harness.receive({});
    harness.receive({});
    expect(afterBreak(harness)).toEqual([]);
  });

  test("are acknowledged one at a time also after one that was never sent", () => {
    const harness = online({ fits: (message) => message.health?.status !== "long" });
    change(harness, "a");
    harness.feed({ type: "set", parts: { agentDescription: description("two") } });
    change(harness, "long");
    harness.receive({});
    expect(afterBreak(harness)).toEqual(["agentDescription"]);
  });

  test("are all acknowledged by one answer that comes after some time", () => {
    const harness = online();
    for (const status of ["a", "b", "c"]) change(harness, status);
    harness.advance(5_001);
    harness.receive({});
    expect(afterBreak(harness)).toEqual([]);
  });

  verifies("THR-01", "are all sent again if unanswered when the server becomes unavailable", () => {
    const harness = online();
    change(harness, "a");
    harness.feed({ type: "set", parts: { agentDescription: description("two") } });
    harness.receive({});
    harness.receive({ errorResponse: { type: 2 } });
    harness.clear();
    harness.advanceUntil("reporting");
    expect(partsOf(harness.last)).toEqual(["agentDescription"]);
  });
});

verifies(
  "RETRY-01",
  "the content of a request that is refused for good is dropped, reported as such and not sent again",
  () => {
    const harness = online(polling());
    change(harness, "a");
    harness.lose({ fate: "refused", orderly: true });
    expect(harness.notices).toEqual([{ kind: "dropped", parts: Part.health, why: "refused" }]);
    harness.advanceUntil("reporting");
    expect(partsOf(harness.last)).toEqual([]);
    harness.receive({});
    change(harness, "b");
    expect(partsOf(harness.last)).toEqual(["health"]);
  },
);

test("a change made while an older value is in flight survives a refusal of that", () => {
  const harness = online(polling());
  harness.feed({ type: "set", parts: { health: health(false, "a"), agentDescription: description("two") } });
  change(harness, "b");
  harness.receive({ errorResponse: { type: 1 } });
  expect(harness.notices).toMatchObject([{ dropped: Part.agentDescription }]);
  expect(harness.sent.map(partsOf)).toEqual([["agentDescription", "health"], ["health"]]);
  expect(harness.last.health).toEqual(health(false, "b"));
});

test("a part that is removed while it is in flight is not sent again", () => {
  const harness = online();
  change(harness, "a");
  harness.feed({ type: "set", parts: { health: undefined } });
  expect(afterBreak(harness)).toEqual([]);
});

test("a change made while an older value is in flight is sent after the answer", () => {
  const harness = online(polling());
  change(harness, "a");
  change(harness, "b");
  change(harness, "c");
  expect(harness.sent).toHaveLength(1);
  harness.receive({});
  expect(harness.sent.map((message) => message.health?.status)).toEqual(["a", "c"]);
});

verifies("RETRY-02", "a server that answers a report several times causes no error and no traffic", () => {
  const harness = online();
  change(harness, "a");
  harness.lose();
  harness.advanceUntil("reporting");
  harness.clear();
  for (let copy = 0; copy < 3; copy++) harness.receive(acknowledges());
  expect([harness.sent, harness.notices]).toEqual([[], []]);
});
