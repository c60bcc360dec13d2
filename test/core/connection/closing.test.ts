import { describe, expect, test } from "vitest";
import { verifies } from "../../conformance/verifies.js";
import { acknowledges, Harness, message, OWN_UID, online, partsOf, polling, type Script, started } from "../harness.js";
import { description, effectiveConfig, hash, health } from "../values.js";

const STOP = { type: "stop", withinMs: 1_000 } as const;
const transports = [
  ["on a duplex link", {}],
  ["over HTTP", polling()],
] as const;

/** What was done to the link, in order. */
function done(harness: Harness): readonly string[] {
  return harness.outputs.flatMap((output) => {
    if (output.type === "send") return output.message.agentDisconnect === undefined ? ["send"] : ["goodbye"];
    return output.type === "close" ? [`close ${output.code}`] : output.type === "dial" ? ["dial"] : [];
  });
}

describe.each(transports)("stopping %s", (_name, script: Script) => {
  const answering: Script = { ...script, answers: acknowledges };

  verifies(["CLOSE-01", "CLOSE-02", "CLOSE-04"], "sends agent_disconnect, then closes and stays silent", () => {
    const harness = online(answering);
    harness.feed(STOP);
    expect([done(harness), harness.core.phase, harness.core.deadline]).toEqual([
      ["goodbye", "close 1000"],
      "stopped",
      undefined,
    ]);
    harness.clear();
    harness.feed({ type: "set", parts: { health: health(false) } }, { type: "start" }, { type: "reconnect" }, STOP);
    harness.receive({ flags: 1n });
    harness.advance(3_600_000);
    expect(harness.outputs).toEqual([]);
  });

  test("makes every later input have no effect", () => {
    const can = ["reportsEffectiveConfig", "acceptsRemoteConfig"] as const;
    const harness = online({ ...answering, can, config: { ...script.config, maxCustomMessages: 1 } });
    harness.feed(STOP);
    harness.clear();
    const custom = { type: "custom", id: 1, message: { capability: "a.b", type: "t", data: OWN_UID } } as const;
    harness.feed({ type: "refresh" }, custom, { ...custom, id: 2 }, { type: "forgetCustom", capability: "a.b" });
    harness.feed(
      { type: "opened", duplex: true, wallNow: 0 },
      { type: "malformed", error: "x" },
      { type: "oversized" },
      { type: "tick" },
    );
    harness.receive({ remoteConfig: { config: { configMap: {} }, configHash: hash(1) } });
    harness.lose({ fate: "refused" });
    expect([harness.outputs, harness.core.deadline]).toEqual([[], undefined]);
  });

  test("includes unsent changes in agent_disconnect", () => {
    const harness = online(answering);
    harness.feed({ type: "set", parts: { health: health(false) } }, STOP);
    expect(harness.sent.map(partsOf)).toEqual([["health"]]);
    expect(harness.last.agentDisconnect).toEqual({});
  });

  test("before the first report makes that report the agent_disconnect", () => {
    const harness = started({ ...answering, can: ["reportsEffectiveConfig"] });
    expect(harness.sent).toEqual([]);
    harness.feed(STOP);
    expect(done(harness)).toEqual(["dial", "goodbye", "close 1000"]);
    expect(partsOf(harness.last)).toEqual(["agentDescription", "health"]);
  });

  test("cuts the connection when agent_disconnect is not sent in time", () => {
    const harness = online(script);
    harness.core.step(STOP, 0);
    harness.core.step({ type: "tick" }, 0);
    expect(harness.core.step({ type: "tick" }, 999).map(({ type }) => type)).not.toContain("phase");
    expect(harness.core.step({ type: "tick" }, 1_000)).toMatchObject([
      { type: "close", code: 1006 },
      { type: "phase", phase: "stopped", reason: "stopped" },
    ]);
  });

  test("twice keeps to the earlier deadline", () => {
    const harness = online(script);
    harness.core.step(STOP, 0);
    harness.core.step({ type: "stop", withinMs: 5_000 }, 100);
    harness.core.step({ type: "tick" }, 100);
    harness.core.step({ type: "tick" }, 100);
    expect(harness.core.deadline).toBe(1_000);
    harness.core.step({ type: "stop", withinMs: 300 }, 100);
    expect(harness.core.deadline).toBe(400);
  });

  test("with no time at all cuts at once", () => {
    const harness = online(script);
    harness.feed({ type: "stop", withinMs: 0 });
    expect([done(harness), harness.core.phase]).toEqual([["close 1006"], "stopped"]);
  });

  test("while idle, while dialling and while waiting as it was asked to is immediate", () => {
    const idle = new Harness(script);
    idle.feed(STOP);
    const dialling = new Harness(script);
    dialling.core.step({ type: "start" }, 0);
    const cut = dialling.core.step(STOP, 0);
    const waiting = online(script);
    waiting.lose({ orderly: true, throttled: true });
    waiting.clear();
    waiting.feed(STOP);
    expect([idle, dialling, waiting].map(({ core }) => [core.phase, core.deadline])).toEqual(
      Array.from({ length: 3 }, () => ["stopped", undefined]),
    );
    expect(cut).toMatchObject([{ phase: "closing" }, { type: "close", code: 1006 }, { phase: "stopped" }]);
    expect([done(idle), done(waiting)]).toEqual([[], []]);
  });

  test("is final also after a reconnect", () => {
    const harness = online(answering);
    harness.feed({ type: "reconnect" });
    harness.advanceUntil("online");
    harness.feed(STOP);
    expect([harness.core.phase, harness.core.deadline]).toEqual(["stopped", undefined]);
  });

  test("during a reconnect makes it final", () => {
    const harness = online(answering);
    harness.core.step({ type: "reconnect" }, 0);
    harness.feed(STOP);
    expect([done(harness), harness.core.phase]).toEqual([["goodbye", "close 1000"], "stopped"]);
  });

  test("ends when the connection is lost on the way", () => {
    const harness = online(script);
    harness.core.step(STOP, 0);
    harness.lose();
    expect([harness.core.phase, harness.core.deadline]).toEqual(["stopped", undefined]);
  });

  test("aborts the running handler and ignores its outcome", () => {
    const harness = online({ ...answering, can: ["acceptsRemoteConfig", "reportsRemoteConfig"] });
    harness.receive({ remoteConfig: { config: { configMap: {} }, configHash: hash(1) } });
    harness.feed(STOP);
    expect(harness.all("abort").map(({ output }) => output)).toEqual([
      { type: "abort", kind: "remoteConfig", id: 1, why: "stopped" },
    ]);
    harness.clear();
    harness.feed({ type: "handled", kind: "remoteConfig", id: 1 }, { type: "retry", kind: "remoteConfig" });
    expect(harness.outputs).toEqual([]);
  });

  test("is not undone by what the server says meanwhile", () => {
    const harness = online({ ...script, can: ["acceptsRemoteConfig", "acceptsRestartCommand"] });
    harness.core.step(STOP, 0);
    const orders = { flags: 1n, remoteConfig: { config: { configMap: {} }, configHash: hash(1) } };
    for (const order of [orders, { command: {} }]) {
      expect(harness.core.step({ type: "received", message: message(order) }, 0)).toEqual([]);
    }
    harness.feed({ type: "tick" });
    expect([harness.sent.length, harness.last.agentDisconnect]).toEqual([1, {}]);
  });
});

describe("stopping while a request is out", () => {
  verifies("CLOSE-04", "waits for its answer, sends agent_disconnect, then waits for the answer to that", () => {
    const harness = online(polling());
    harness.feed({ type: "set", parts: { health: health(false) } });
    harness.feed({ type: "set", parts: { agentDescription: description("two") } }, STOP);
    expect(done(harness)).toEqual(["send"]);
    harness.receive({});
    expect(done(harness)).toEqual(["send", "goodbye"]);
    expect(partsOf(harness.last)).toEqual(["agentDescription"]);
    harness.receive({});
    expect([done(harness), harness.core.phase]).toEqual([["send", "goodbye", "close 1000"], "stopped"]);
  });

  test("sends agent_disconnect whatever the answer is", () => {
    const answers = [
      (harness: Harness) => harness.feed({ type: "malformed", error: "x" }),
      (harness: Harness) => harness.receive({ instanceUid: hash(1) }),
      (harness: Harness) => harness.receive({ errorResponse: { type: 1 } }),
      (harness: Harness) => harness.receive({ errorResponse: { type: 2 } }),
    ];
    for (const answer of answers) {
      const harness = online(polling());
      harness.feed({ type: "set", parts: { health: health(false) } });
      harness.feed(STOP);
      answer(harness);
      expect(done(harness)).toEqual(["send", "goodbye"]);
      answer(harness);
      expect([done(harness), harness.core.phase]).toEqual([["send", "goodbye", "close 1000"], "stopped"]);
    }
  });

  test("sends a busy server nothing but agent_disconnect", () => {
    const harness = online(polling());
    harness.feed({ type: "set", parts: { health: health(false) } });
    harness.feed(STOP);
    harness.receive({ errorResponse: { type: 2 } });
    expect(harness.sent.map(partsOf)).toEqual([["health"], []]);
  });

  test("is cut when no answer comes in time", () => {
    const harness = online(polling());
    harness.feed({ type: "set", parts: { health: health(false) } });
    harness.feed(STOP);
    harness.advance(1_000);
    expect([done(harness), harness.core.phase]).toEqual([["send", "close 1006"], "stopped"]);
  });
});

describe("a deliberate reconnect", () => {
  test("over HTTP sends agent_disconnect even after a malformed answer, and loses nothing", () => {
    const harness = online(polling());
    harness.feed({ type: "set", parts: { health: health(false) } });
    harness.feed({ type: "reconnect" });
    harness.feed({ type: "malformed", error: "x" });
    harness.feed({ type: "malformed", error: "x" });
    expect(done(harness)).toEqual(["send", "goodbye", "close 1000", "dial", "send"]);
    expect(harness.last.health).toEqual(health(false));
  });

  test("over HTTP does not take the answer to agent_disconnect for that to the earlier request", () => {
    const harness = online(polling());
    harness.feed({ type: "set", parts: { health: health(false) } });
    harness.feed({ type: "reconnect" });
    harness.receive({ instanceUid: hash(1) });
    expect(partsOf(harness.last)).toEqual(["health"]);
    harness.core.step({ type: "malformed", error: "x" }, 0);
    harness.advanceUntil("reporting");
    expect(partsOf(harness.last)).toEqual(["health"]);
  });

  test("still handles what the server sends before the end", () => {
    const can = ["acceptsRemoteConfig", "reportsRemoteConfig", "acceptsRestartCommand"] as const;
    const harness = online(polling({ can }));
    harness.feed({ type: "set", parts: { health: health(false) } });
    harness.feed({ type: "reconnect" });
    harness.receive({ flags: 1n, remoteConfig: { config: { configMap: {} }, configHash: hash(1) } });
    harness.receive({ command: {} });
    expect([harness.all("apply").length, harness.all("restart").length]).toEqual([1, 1]);
    harness.advanceUntil("reporting");
    const everything = ["agentDescription", "health", "remoteConfigStatus"];
    expect(harness.sent.map(partsOf)).toEqual([["health"], everything, []]);
  });

  test("reports why the client then waits", () => {
    const harness = online({ answers: acknowledges });
    harness.feed({ type: "reconnect" });
    harness.receive({ errorResponse: { type: 2 } });
    const waits = harness.all("phase").filter(({ output }) => output.phase === "waiting");
    expect(waits.map(({ output }) => output.reason)).toEqual(["reconnect", "throttled"]);
  });

  test("lets a running handler continue, and reports its outcome on the next connection", () => {
    const harness = online({
      can: ["acceptsRemoteConfig", "reportsRemoteConfig", "reportsEffectiveConfig"],
      effectiveConfig: () => effectiveConfig("one"),
      answers: acknowledges,
    });
    harness.receive({ remoteConfig: { config: { configMap: {} }, configHash: hash(1) } });
    harness.core.step({ type: "reconnect" }, 0);
    harness.feed({ type: "handled", kind: "remoteConfig", id: 1 });
    harness.advanceUntil("online");
    expect(harness.all("abort")).toEqual([]);
    expect(
      harness.sent.findLast((message) => message.remoteConfigStatus !== undefined)?.remoteConfigStatus?.status,
    ).toBe("applied");
  });
});
