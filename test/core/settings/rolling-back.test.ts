import { describe, expect, test } from "vitest";
import { verifies } from "../../conformance/verifies.js";
import { type Answer, acknowledges, OWN_UID, polling } from "../harness.js";
import { hash } from "../values.js";
import { type Candidate, moving, settings, VERIFY_MS } from "./moving.js";

const WAYS = [
  ["on a duplex link", {}],
  ["over HTTP", polling()],
] as const;

const busy = (retryAfterMs?: number): Answer => ({
  errorResponse: {
    type: 2,
    ...(retryAfterMs !== undefined && {
      Details: { case: "retryInfo" as const, value: { retryAfterNanoseconds: BigInt(retryAfterMs) * 1_000_000n } },
    }),
  },
});

describe.each(WAYS)("settings that are not proved %s", (_name, script) => {
  verifies(
    "CONN-09",
    "are tried by the backoff until their time is over, then dropped, and the old ones are used",
    () => {
      const agent = moving({ opens: () => false }, script);
      const id = agent.try();
      const began = agent.now;
      agent.advance(VERIFY_MS);
      expect(agent.uses.filter((use) => use === "candidate").length).toBeGreaterThan(3);
      expect(agent.uses.at(-1)).toBe("committed");
      expect(agent.core.phase).toBe("online");
      expect(agent.switched).toEqual([{ type: "switched", id, failed: { why: "overdue" } }]);
      expect(agent.all("switched")[0]?.at).toBeLessThanOrEqual(began + VERIFY_MS);
      expect(agent.steps).toEqual(["candidate", "dropped"]);
      expect(agent.persisting.at(-2)).toMatchObject({ step: "dropped", trial: { phase: "none" } });
    },
  );

  verifies("CONN-09", "are reported failed in the first report to the old server", () => {
    const agent = moving({ opens: () => false }, script);
    agent.try();
    const before = agent.sent.length;
    agent.advance(VERIFY_MS);
    expect(agent.sent[before]).toMatchObject({
      connectionSettingsStatus: { hash: hash(1), status: "failed", error: "overdue" },
    });
    expect(agent.told).toEqual(["applying", "failed"]);
  });

  test("are dropped at once where another attempt cannot change what went wrong", () => {
    let dials = 0;
    const agent = moving({ answers: () => undefined }, script);
    agent.try();
    dials = agent.uses.length;
    agent.lose({ final: true, fate: "answered" });
    expect(agent.switched).toMatchObject([{ failed: { why: "final" } }]);
    agent.advance(1_000);
    expect(agent.uses.slice(dials)).toEqual(["committed"]);
  });

  test("have other credentials tried first where there are any", () => {
    const agent = moving({ answers: () => undefined }, script);
    agent.try();
    agent.lose({ final: true, renewed: "credentials" });
    expect(agent.switched).toEqual([]);
    agent.advance(1_000);
    agent.lose({ final: true, renewed: "credentials" });
    expect(agent.switched).toMatchObject([{ failed: { why: "final" } }]);
  });

  test.each([0, 1, 7])("are dropped where their server refuses the report, with an error of type %s", (type) => {
    const agent = moving({ answers: () => ({ errorResponse: { type, errorMessage: "who are you" } }) }, script);
    agent.try();
    const expected = type === 2 ? [] : [{ failed: { why: "refused", text: "who are you" } }];
    expect(agent.switched).toMatchObject(expected);
    agent.advance(2_000);
    expect(agent.uses).toEqual(["candidate", "committed"]);
  });

  test("are tried again after the pause that their server asks for in a message", () => {
    const answers: Answer[] = [busy(10_000)];
    const agent = moving({ answers: () => answers.shift() ?? {} }, script);
    agent.try();
    const at = agent.now;
    agent.advance(9_999);
    expect(agent.uses).toEqual(["candidate"]);
    agent.advance(25_000);
    expect(agent.uses).toEqual(["candidate", "candidate"]);
    expect(agent.dialledAt.at(-1)).toBeGreaterThanOrEqual(at + 10_000);
    expect(agent.steps).toEqual(["candidate", "accepted"]);
  });

  test("are tried again within their time after a pause that ends just before it is over", () => {
    const answers: Answer[] = [busy(55_000)];
    const agent = moving({ answers: () => answers.shift() ?? {} }, script);
    agent.try();
    agent.advance(60_000);
    expect(agent.uses).toEqual(["candidate", "candidate"]);
    expect(agent.steps).toEqual(["candidate", "accepted"]);
  });

  test("are not blamed for a long pause where their server asked for short ones until their time was over", () => {
    const agent = moving({ answers: () => busy(1_000) }, script);
    agent.try();
    agent.advance(61_000);
    expect(agent.switched).toMatchObject([{ failed: { why: "overdue" } }]);
  });

  test("are tried again by the backoff where their server is busy and asks for no length", () => {
    const answers: Answer[] = [busy()];
    const agent = moving({ answers: () => answers.shift() ?? {} }, script);
    agent.try();
    agent.advance(3_000);
    expect(agent.steps).toEqual(["candidate", "accepted"]);
  });

  test("are dropped at once where their server asks for a pause that is longer than they may take", () => {
    const agent = moving({ answers: () => busy(3_600_000) }, script);
    agent.try();
    expect(agent.switched).toMatchObject([{ failed: { why: "paused" } }]);
    agent.advance(2_000);
    expect(agent.uses).toEqual(["candidate", "committed"]);
    expect(agent.core.phase).toBe("online");
  });

  test.each([
    ["within their time", 10_000, undefined],
    ["beyond it", 100_000, { why: "paused" }],
  ])("obey a refusal with Retry-After %s", (_what, retryAfterMs, failed) => {
    const agent = moving({ answers: () => undefined }, script);
    agent.try();
    agent.lose({ throttled: true, retryAfterMs, fate: "answered" });
    if (failed === undefined) expect(agent.switched).toEqual([]);
    else expect(agent.switched).toMatchObject([{ failed }]);
    agent.advance(12_000);
    expect(agent.uses.at(-1)).toBe(failed === undefined ? "candidate" : "committed");
  });

  test("are not proved by a connection that stays silent", () => {
    const agent = moving({ answers: () => undefined }, script);
    agent.try();
    agent.advance(VERIFY_MS);
    expect(agent.switched).toMatchObject([{ failed: { why: "overdue" } }]);
    agent.advance(2_000);
    expect([agent.uses.at(-1), agent.core.phase]).toEqual(["committed", "online"]);
    expect(agent.notices).toEqual([]);
  });

  test.each([
    ["nothing", {}, false],
    ["the uid of the agent", acknowledges(), true],
    ["another uid for the agent", { agentIdentification: { newInstanceUid: OWN_UID } }, true],
    ["what its server can do", { capabilities: 1n }, true],
  ])("are proved by an answer with %s, or not, %o: %s", (_what, answer, isProof) => {
    const agent = moving({ answers: () => ({ instanceUid: new Uint8Array(), ...answer }) }, script);
    agent.try();
    expect(agent.steps).toEqual(isProof ? ["candidate", "accepted"] : ["candidate"]);
    if (isProof) return;
    const body = new TextEncoder().encode("unproved");
    agent.receive({ remoteConfig: { configHash: hash(9), config: { configMap: { "": { body } } } } });
    expect(agent.all("apply")).toHaveLength(1);
    agent.advance(VERIFY_MS + 2_000);
    expect(agent.switched).toMatchObject([{ failed: { why: "unknown" } }]);
    expect([agent.uses.at(-1), agent.told.at(-1)]).toEqual(["committed", "failed"]);
  });

  test("do not count against the old server", () => {
    const agent = moving({ opens: () => false }, script);
    agent.try();
    agent.advance(VERIFY_MS);
    const rolledBack = agent.all("switched")[0]?.at ?? 0;
    const back = agent.all("dial").find(({ at, output }) => at >= rolledBack && output.use === "committed");
    expect((back?.at ?? Number.NaN) - rolledBack).toBeLessThanOrEqual(500);
    agent.clear();
    agent.lose();
    agent.advance(500);
    expect(agent.uses).toEqual(["committed"]);
  });

  test("could not be stored: nothing is dialled, and the server is told", () => {
    const agent = moving({}, script);
    agent.offer();
    agent.persisted("disk full");
    expect(agent.switched).toMatchObject([{ failed: { why: "unstored", text: "disk full" } }]);
    expect([agent.uses, agent.told, agent.core.phase]).toEqual([[], ["applying", "failed"], "online"]);
  });

  test("are not tried again for the same hash, but for another one, or when the host asks", () => {
    const agent = moving({ answers: () => undefined }, script);
    agent.try();
    agent.lose({ final: true });
    agent.advance(1_000);
    agent.clear();
    agent.receive(settings(1));
    expect(agent.all("apply")).toEqual([]);
    agent.feed({ type: "retry", kind: "connectionSettings" });
    expect(agent.all("apply")).toMatchObject([{ output: { id: 2, hash: hash(1) } }]);
    agent.feed({ type: "handled", kind: "connectionSettings", id: 2 });
    agent.receive(settings(2));
    expect(agent.all("apply").at(-1)).toMatchObject({ output: { id: 3, hash: hash(2) } });
  });
});

describe.each(WAYS)("a newer offer %s", (_name, script) => {
  test("replaces one that is being stored", () => {
    const agent = moving({}, script);
    agent.offer(1);
    agent.receive(settings(2));
    expect(agent.steps).toEqual(["candidate", "dropped"]);
    agent.feed({ type: "persisted", id: 1 }, { type: "handled", kind: "connectionSettings", id: 1, error: "aborted" });
    expect([agent.uses, agent.switched]).toEqual([[], []]);
    expect(agent.all("apply").at(-1)).toMatchObject({ output: { id: 2, hash: hash(2) } });
    agent.feed({ type: "switch", id: 2 });
    expect(agent.persisting.at(-1)).toMatchObject({ step: "candidate", trial: { hash: "0200ff80" } });
  });

  test("from the new server in its first answer is followed once the settings are accepted", () => {
    const offers: Answer[] = [settings(2)];
    const agent = moving({ answers: () => offers.shift() ?? {} }, script);
    agent.try(1);
    expect(agent.steps).toEqual(["candidate", "accepted"]);
    agent.feed({ type: "handled", kind: "connectionSettings", id: 1, error: "aborted" }, { type: "switch", id: 2 });
    expect(agent.steps).toEqual(["candidate", "accepted", "candidate"]);
    expect(agent.switched).toEqual([]);
    expect(agent.told.at(-1)).toBe("applying");
    expect(agent.last.connectionSettingsStatus?.hash ?? hash(2)).toEqual(hash(2));
  });

  test("from the new server in its first answer that moves nothing leaves nothing that is overdue for ever", () => {
    const offers = [settings(2)];
    const agent = moving({ answers: () => offers.shift() ?? {} }, script);
    agent.try(1);
    const kind = "connectionSettings";
    agent.feed({ type: "handled", kind, id: 1, error: "aborted" }, { type: "handled", kind, id: 2 });
    agent.persisted();
    expect(agent.told.at(-1)).toBe("applied");
    const later = agent.now + 1_000 * VERIFY_MS;
    for (let ticks = 0; ticks < 20; ticks++) agent.core.step({ type: "tick" }, later);
    expect(agent.core.deadline).toBeGreaterThan(later);
  });

  test("that comes while the old server is being left brings the agent back to it", () => {
    let isSilent = false;
    const agent = moving({}, { ...script, answers: () => (isSilent ? undefined : {}) });
    agent.offer(1);
    isSilent = true;
    agent.core.step({ type: "persisted", id: agent.all("persist").at(-1)?.output.id ?? 0 }, agent.now);
    expect(agent.core.phase).toBe("closing");
    agent.receive(settings(2));
    agent.advance(3_000);
    expect(agent.uses).toEqual(["committed"]);
    expect(agent.steps).toEqual(["candidate", "dropped"]);
    expect(agent.switched).toEqual([]);
  });
});

describe.each(WAYS)("a pause that the old server has asked for %s", (_name, script) => {
  test("does not keep the agent from the new one, and still holds on the way back", () => {
    let isBusy = false;
    const agent = moving({ answers: () => undefined }, { ...script, answers: () => (isBusy ? busy(40_000) : {}) });
    agent.offer();
    isBusy = true;
    agent.feed({ type: "reconnect" });
    agent.advance(5_000);
    expect(agent.core.phase).toBe("waiting");
    agent.persisted();
    expect(agent.uses.at(-1)).toBe("candidate");
    const asked = agent.now;
    isBusy = false;
    agent.lose({ final: true });
    agent.advanceUntil("online");
    expect(agent.uses.at(-1)).toBe("committed");
    expect(agent.now).toBeGreaterThanOrEqual(asked + 34_000);
  });

  test("holds too where the agent is just leaving for that pause", () => {
    const agent = moving({ opens: () => false }, script);
    agent.offer();
    const at = agent.now;
    agent.receive(busy(40_000));
    agent.persisted();
    agent.advance(2_000);
    agent.lose({ final: true });
    agent.advanceUntil("online");
    expect(agent.now).toBeGreaterThanOrEqual(at + 40_000);
  });
});

describe.each(WAYS)("a pause that the old server asks for while it is left %s", (_name, script) => {
  test("holds nobody up on the way to the new one, but on the way back", () => {
    const answers: (Answer | undefined)[] = [];
    const candidate: Candidate = { answers: () => undefined };
    const agent = moving(candidate, {
      ...script,
      answers: ({ agentDisconnect }) => (agentDisconnect === undefined ? (answers.shift() ?? {}) : busy(40_000)),
    });
    agent.try();
    agent.advance(1_500);
    const left = agent.now;
    expect(agent.uses).toEqual(["candidate"]);
    agent.lose({ final: true });
    agent.advance(30_000);
    const wasAsked = agent.sent.some(({ agentDisconnect }) => agentDisconnect !== undefined);
    expect(wasAsked).toBe(true);
    if (script === WAYS[1][1]) {
      expect(agent.uses).toEqual(["candidate"]);
      agent.advance(20_000);
    }
    expect(agent.uses.at(-1)).toBe("committed");
    expect(left).toBeLessThan(40_000);
  });
});

test("no settings at all are tried by an agent that is not to", () => {
  const agent = moving({}, { config: { offers: [] } });
  agent.receive({ connectionSettings: { hash: hash(1), ownMetrics: { destinationEndpoint: "https://a" } } });
  agent.receive(settings(1));
  agent.feed({ type: "switch", id: 1 });
  expect(agent.notices).toEqual([{ kind: "ignored", what: "connection settings" }]);
  expect([agent.uses, agent.told, agent.steps]).toEqual([[], [], []]);
});
