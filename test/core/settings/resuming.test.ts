import { describe, expect, test } from "vitest";
import { MOST_CRASHES, NO_TRIAL, nextTrial, type Trial } from "../../../src/base/trial.js";
import type { Offered, Resumed } from "../../../src/core/io.js";
import { verifies } from "../../conformance/verifies.js";
import { message, polling } from "../harness.js";
import { hash } from "../values.js";
import { moving, resumed, settings, VERIFY_MS } from "./moving.js";

const WAYS = [
  ["on a duplex link", {}],
  ["over HTTP", polling()],
] as const;

function offered(first = 1): Offered {
  const { connectionSettings: offer } = message(settings(first));
  if (offer === undefined) throw new Error("no settings");
  return { kind: "connectionSettings", hash: hash(first), digest: undefined, offer };
}

/** What a process leaves that ended while it tried an offer, as its successor finds it. */
function left(deaths = 1, offer = offered()): Resumed {
  const begun = nextTrial(NO_TRIAL, { type: "offer", hash: "0100ff80", from: "committed", to: "candidate" });
  let trial: Trial | undefined = begun && nextTrial(begun, { type: "begin" });
  for (let count = 0; count < deaths; count++) trial = trial && nextTrial(trial, { type: "died" });
  return { offered: offer, trial: trial ?? NO_TRIAL, switchedAt: [] };
}

describe.each(WAYS)("an agent that ended while it tried other settings %s", (_name, script) => {
  verifies("CONN-05", "dials those first when it starts again, and accepts them once they are proved", () => {
    const agent = resumed(left(), {}, script);
    expect(agent.uses).toEqual(["candidate"]);
    expect(agent.told[0]).toBe("applying");
    expect(agent.steps).toEqual(["accepted"]);
    agent.persisted();
    expect(agent.switched).toEqual([{ type: "switched", id: 1 }]);
    expect(agent.told.at(-1)).toBe("applied");
  });

  verifies("CONN-05", "goes back to the old ones where they are not proved", () => {
    const agent = resumed(left(), { opens: () => false }, script);
    agent.advance(VERIFY_MS);
    expect(agent.switched).toMatchObject([{ failed: { why: "overdue" } }]);
    expect(agent.steps).toEqual(["dropped"]);
    expect([agent.uses.at(-1), agent.core.phase, agent.told.at(-1)]).toEqual(["committed", "online", "failed"]);
  });

  test("does not try what it died of too often", () => {
    const agent = resumed(left(MOST_CRASHES), {}, script);
    expect([agent.uses, agent.core.phase]).toEqual([["committed"], "online"]);
    agent.offer(1);
    expect(agent.switched).toMatchObject([{ failed: { why: "crashed" } }]);
    agent.offer(2);
    expect(agent.steps).toEqual(["dropped", "candidate"]);
  });

  test("tries that once more where its host asks for it", () => {
    const agent = resumed(left(MOST_CRASHES), {}, script);
    agent.offer(1);
    agent.feed({ type: "retry", kind: "connectionSettings" });
    const id = agent.all("apply").at(-1)?.output.id ?? 0;
    agent.feed({ type: "switch", id });
    expect(agent.steps).toEqual(["dropped", "candidate"]);
  });

  test("counts how often it was moved before", () => {
    const now = -600_000;
    const switchedAt = Array.from({ length: 6 }, () => now);
    const agent = resumed({ trial: NO_TRIAL, switchedAt }, {}, script);
    agent.offer(2);
    expect(agent.notices).toEqual([{ kind: "settingsWait", forMs: 3_000_000 }]);
  });
});

describe.each(WAYS)("the end of the client %s", (_name, script) => {
  test.each(["candidate", "proving"])("leaves the candidate where it is (%s)", (stage) => {
    const agent = moving({ answers: () => undefined }, script);
    if (stage === "candidate") agent.offer();
    else agent.try();
    agent.feed({ type: "stop", withinMs: 1_000 });
    agent.advance(2_000);
    expect(agent.core.phase).toBe("stopped");
    expect(agent.steps).toEqual(["candidate"]);
    expect(agent.switched).toEqual([]);
    expect(agent.core.deadline).toBeUndefined();
  });

  test("comes in time while the old server is being left", () => {
    let isSilent = false;
    const agent = moving({}, { ...script, answers: () => (isSilent ? undefined : {}) });
    agent.offer();
    isSilent = true;
    agent.core.step({ type: "persisted", id: agent.all("persist").at(-1)?.output.id ?? 0 }, agent.now);
    agent.feed({ type: "stop", withinMs: 500 });
    agent.advance(500);
    expect([agent.core.phase, agent.uses]).toEqual(["stopped", []]);
  });
});

describe.each(WAYS)("settings that are forgotten %s", (_name, script) => {
  test("leave the agent as if none had ever been offered, on another connection", () => {
    const agent = moving({}, script);
    agent.try();
    agent.persisted();
    agent.clear();
    agent.feed({ type: "forget", kind: "connectionSettings" });
    agent.advance(1_000);
    expect(agent.persisting).toContainEqual({ what: "forget", kind: "connectionSettings" });
    expect([agent.uses, agent.core.phase]).toEqual([["committed"], "online"]);
    expect(agent.sent.at(-1)?.connectionSettingsStatus ?? agent.sent.at(-2)?.connectionSettingsStatus).toEqual({
      hash: new Uint8Array(),
      status: "unset",
      error: "",
    });
    agent.receive(settings(1));
    expect(agent.all("apply")).toHaveLength(1);
  });

  test("are not tried any further", () => {
    const agent = moving({ answers: () => undefined }, script);
    const id = agent.try();
    agent.feed({ type: "forget", kind: "connectionSettings" });
    expect(agent.all("abort")).toMatchObject([{ output: { id } }]);
    agent.feed({ type: "handled", kind: "connectionSettings", id, error: "aborted" });
    agent.advance(VERIFY_MS);
    expect(agent.switched).toEqual([]);
    expect([agent.uses.at(-1), agent.core.phase]).toEqual(["committed", "online"]);
  });
});

test("an interval that came with accepted settings counts, and is kept", () => {
  const agent = moving();
  agent.receive({ connectionSettings: { hash: hash(1), opamp: { heartbeatIntervalSeconds: 7n } } });
  expect(agent.persisting).toEqual([]);
  agent.feed({ type: "interval", seconds: 7n });
  expect(agent.persisting).toEqual([{ what: "heartbeat", requestedMs: 7_000 }]);
  expect(agent.all("heartbeatInterval")).toMatchObject([{ output: { intervalMs: 7_000 } }]);
});

verifies("CONN-10", "the status of settings is never reported without its capability", () => {
  const agent = moving({}, {});
  const silent = moving({}, { config: { capabilities: agent.core.capabilities & ~0x8000n } });
  for (const each of [agent, silent]) {
    each.try();
    each.persisted();
  }
  expect(agent.told).toEqual(["applying", "applying", "applied"]);
  expect(silent.told).toEqual([]);
  expect(silent.uses).toEqual(["candidate"]);
});
