import { describe, expect, test } from "vitest";
import { verifies } from "../../conformance/verifies.js";
import { acknowledges, CONFIG, partsOf, polling } from "../harness.js";
import { hash } from "../values.js";
import { type Candidate, type Moving, moving, settings } from "./moving.js";

const WAYS = [
  ["on a duplex link", {}],
  ["over HTTP", polling()],
] as const;

describe.each(WAYS)("a move to other settings %s", (_name, script) => {
  test("begins when the host wants it, and once the candidate is stored", () => {
    const agent = moving({}, script);
    agent.receive(settings(1));
    expect(agent.all("apply")).toMatchObject([{ output: { id: 1, kind: "connectionSettings", hash: hash(1) } }]);
    agent.feed({ type: "switch", id: 1 });
    expect(agent.persisting).toMatchObject([
      { what: "settings", step: "candidate", trial: { phase: "trial", hash: "0100ff80" } },
    ]);
    agent.advance(10_000);
    expect(agent.uses).toEqual([]);
    expect(agent.core.phase).toBe("online");
    agent.persisted();
    expect(agent.uses).toEqual(["candidate"]);
  });

  verifies("CONN-06", "tells the server that the offer is being applied, then disconnects in good order", () => {
    const agent = moving({}, script);
    agent.try();
    const toOld = agent.sent.slice(0, 2);
    expect(toOld[0]).toMatchObject({ connectionSettingsStatus: { hash: hash(1), status: "applying" } });
    expect(toOld[0]?.agentDisconnect).toBeUndefined();
    expect(toOld[1]).toMatchObject({ agentDisconnect: {} });
    expect(agent.all("close")).toMatchObject([{ output: { code: 1000 } }]);
    expect(
      agent
        .all("phase")
        .map(({ output }) => [output.phase, output.reason])
        .slice(0, 3),
    ).toEqual([
      ["closing", "settings"],
      ["waiting", "settings"],
      ["connecting", "retry"],
    ]);
  });

  verifies(
    ["CONN-07", "CONN-08"],
    "ends with the first answer of the new server, and is reported once that is stored",
    () => {
      const agent = moving({ answers: () => undefined }, script);
      const id = agent.try();
      expect(agent.steps).toEqual(["candidate"]);
      const first = agent.last;
      expect(partsOf(first)).toEqual(
        ["agentDescription", "health", "remoteConfigStatus", "connectionSettingsStatus"].filter(
          (part) => part !== "remoteConfigStatus",
        ),
      );
      agent.receive(acknowledges());
      expect(agent.steps).toEqual(["candidate", "accepted"]);
      expect(agent.switched).toEqual([]);
      agent.persisted();
      expect(agent.switched).toEqual([{ type: "switched", id }]);
      expect(agent.last).toMatchObject({ connectionSettingsStatus: { hash: hash(1), status: "applied", error: "" } });
      expect(agent.told).toEqual(["applying", "applying", "applied"]);
    },
  );

  verifies("CONN-08", "leads every later dial to the new server", () => {
    const agent = moving({}, script);
    agent.try();
    agent.persisted();
    agent.feed({ type: "reconnect" });
    agent.advance(1_000);
    agent.lose();
    agent.advance(1_000);
    expect(agent.uses).toEqual(["candidate", "committed", "committed"]);
    expect(agent.core.phase).toBe("online");
  });

  test("that cannot be stored is stored again after a while, and told to be applied once it is", () => {
    const agent = moving({}, script);
    const id = agent.try();
    agent.persisted("disk full");
    agent.advance(9_999);
    expect([agent.switched, agent.steps]).toEqual([[], ["candidate", "accepted"]]);
    agent.advance(1);
    expect(agent.steps).toEqual(["candidate", "accepted", "accepted"]);
    agent.persisted("disk full");
    agent.advance(30_000);
    expect([agent.switched, agent.told.at(-1)]).toEqual([[], "applying"]);
    agent.persisted();
    expect([agent.switched, agent.told.at(-1)]).toEqual([[{ type: "switched", id }], "applied"]);
    const { length } = agent.steps;
    agent.advance(60_000);
    expect(agent.steps).toHaveLength(length);
  });

  test("that cannot be stored gives way to another one, and to the options", () => {
    for (const isForgotten of [false, true]) {
      const agent = moving({}, script);
      agent.try();
      agent.persisted("disk full");
      agent.clear();
      if (isForgotten) {
        agent.feed({ type: "forget", kind: "connectionSettings" });
        agent.feed({ type: "handled", kind: "connectionSettings", id: 1, error: "aborted" });
        agent.advance(60_000);
        expect([agent.uses, agent.steps, agent.core.phase]).toEqual([["committed"], [], "online"]);
      } else {
        agent.receive(settings(2));
        agent.feed({ type: "handled", kind: "connectionSettings", id: 1, error: "aborted" });
        agent.feed({ type: "switch", id: 2 });
        agent.persisted();
        agent.persisted();
        expect([agent.uses, agent.steps]).toEqual([["candidate"], ["candidate", "accepted"]]);
        expect(agent.switched).toEqual([{ type: "switched", id: 2 }]);
      }
    }
  });

  test("fails, and stays, where the disk never says whether what was accepted is stored", () => {
    const agent = moving({}, { ...script, config: { apply: { applyMs: 5_000, abortMs: 1_000 } } });
    const id = agent.try();
    agent.advance(4_999);
    expect(agent.switched).toEqual([]);
    agent.advance(5_000);
    expect(agent.switched).toEqual([{ type: "switched", id, failed: { why: "unkept" } }]);
    expect([agent.told.at(-1), agent.uses]).toEqual(["failed", ["candidate"]]);
  });

  test("takes the interval of heartbeats back when it is forgotten", () => {
    const agent = moving({}, script);
    const ownMs = CONFIG.heartbeat.intervalMs;
    agent.try();
    agent.feed({ type: "interval", seconds: 7n });
    agent.persisted();
    agent.feed({ type: "forget", kind: "connectionSettings" });
    expect(agent.all("heartbeatInterval").map(({ output }) => output.intervalMs)).toEqual([7_000, ownMs]);
  });

  test("tells the new server everything, also where reports hold changes alone", () => {
    const agent = moving({}, script);
    agent.receive({ capabilities: 0x27n });
    agent.try();
    const first = agent.sent[agent.sent.findIndex(({ agentDisconnect }) => agentDisconnect !== undefined) + 1];
    expect(partsOf(first ?? agent.last)).toEqual(["agentDescription", "health", "connectionSettingsStatus"]);
    expect(agent.core.serverCapabilities).toBe(0n);
  });

  verifies("CONN-04", "is not made again for the same hash", () => {
    const agent = moving({}, script);
    agent.try();
    agent.persisted();
    agent.clear();
    agent.receive(settings(1));
    agent.receive({ connectionSettings: { hash: hash(1) } });
    expect([agent.all("apply"), agent.told, agent.notices]).toEqual([[], [], []]);
  });

  test("is not made for an offer that is not being applied, or twice for one", () => {
    const agent = moving({}, script);
    agent.feed({ type: "switch", id: 1 });
    const id = agent.offer();
    agent.feed({ type: "switch", id: id + 1 }, { type: "switch", id });
    expect(agent.steps).toEqual(["candidate"]);
  });

  test("takes its time limit from the proof, and not from the handler", () => {
    const config = { apply: { applyMs: 5_000, abortMs: 1_000 } };
    const agent = moving({ opens: () => false }, { ...script, config, host: () => undefined });
    const id = agent.try();
    agent.advance(30_000);
    expect(agent.all("abort")).toEqual([]);
    agent.advance(60_000);
    expect(agent.switched).toMatchObject([{ id, failed: { why: "overdue" } }]);
    agent.advance(6_000);
    expect(agent.all("abort")).toMatchObject([{ output: { id, why: "overdue" } }]);
  });

  test("goes on through a reconnect that the host wants while it is proved", () => {
    const agent = moving({ answers: () => undefined }, script);
    agent.try();
    agent.feed({ type: "reconnect" });
    agent.advance(2_000);
    expect(agent.uses).toEqual(["candidate", "candidate"]);
    agent.receive(acknowledges());
    expect(agent.steps).toEqual(["candidate", "accepted"]);
  });

  /** An agent that is about to leave a server that cannot be reached meanwhile. */
  function withoutOldServer(candidate: Candidate): Moving {
    let isUp = true;
    const agent = moving(candidate, { ...script, opens: () => isUp });
    agent.offer();
    isUp = false;
    agent.lose();
    agent.advanceUntil("waiting");
    agent.advanceTo((agent.core.deadline ?? 0) - 1);
    agent.persisted();
    return agent;
  }

  test("begins at once where the old server cannot be reached meanwhile", () => {
    const agent = withoutOldServer({});
    expect(agent.uses.at(-1)).toBe("candidate");
    expect(agent.core.phase).toBe("online");
  });

  test("tells that a wait ends sooner than was said", () => {
    const agent = withoutOldServer({ opens: () => false });
    const waits = () => agent.all("phase").filter(({ output: { previous } }) => previous === "waiting");
    expect(waits()[0]?.output).toMatchObject({ phase: "waiting", reason: "settings", inMs: 0 });
    agent.advanceUntil("waiting");
    agent.feed({ type: "forget", kind: "connectionSettings" });
    expect(waits().at(-1)?.output).toMatchObject({ phase: "waiting", reason: "rolledBack" });
  });
});

describe("moves in an hour", () => {
  test("are not those that the agent asked for, which do not wait either", () => {
    const agent = moving({}, {}, 1);
    const tried = (first: number, isRequested: boolean): void => {
      agent.receive(settings(first));
      agent.feed({ type: "switch", id: agent.all("apply").at(-1)?.output.id ?? 0, isRequested });
      agent.persisted();
      agent.persisted();
      agent.feed({ type: "handled", kind: "connectionSettings", id: agent.all("apply").at(-1)?.output.id ?? 0 });
    };
    tried(1, true);
    tried(2, false);
    tried(3, true);
    expect([agent.uses, agent.notices]).toEqual([["candidate", "candidate", "candidate"], []]);
    tried(4, false);
    expect(agent.notices).toMatchObject([{ kind: "settingsWait" }]);
  });

  function move(agent: ReturnType<typeof moving>, first: number): void {
    agent.try(first);
    agent.persisted();
  }

  test("are as many as are allowed; the next one waits, which is told, and the newest counts", () => {
    const agent = moving({}, {}, 2);
    move(agent, 1);
    agent.advance(600_000);
    move(agent, 2);
    agent.clear();
    agent.offer(3);
    expect(agent.notices).toEqual([{ kind: "settingsWait", forMs: 3_000_000 }]);
    expect(agent.steps).toEqual([]);
    agent.advance(1_000_000);
    agent.receive(settings(4));
    agent.feed({ type: "handled", kind: "connectionSettings", id: 3 }, { type: "switch", id: 4 });
    expect(agent.notices.at(-1)).toEqual({ kind: "settingsWait", forMs: 2_000_000 });
    agent.advance(1_999_999);
    expect(agent.steps).toEqual([]);
    agent.advance(1);
    expect(agent.persisting.at(-1)).toMatchObject({ step: "candidate", trial: { hash: "0400ff80" } });
    agent.persisted();
    expect(agent.uses).toEqual(["candidate"]);
  });
});
