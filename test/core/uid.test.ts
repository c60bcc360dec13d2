import { describe, expect, test } from "vitest";
import { verifies } from "../conformance/verifies.js";
import { acknowledges, Harness, message, OWN_UID, online, partsOf, polling, type Script, started } from "./harness.js";
import { hash, health, uid } from "./values.js";

const NEW = uid(0xb);
const renamed = { agentIdentification: { newInstanceUid: NEW } };
const transports = [
  ["on a duplex link", {}],
  ["over HTTP", polling()],
] as const;

describe.each(transports)("a new uid %s", (_name, script: Script) => {
  verifies("UID-05", "is used from then on, over reconnects too, and everything is reported under it once", () => {
    const harness = online(script);
    harness.receive(renamed);
    expect(harness.sent).toMatchObject([{ instanceUid: NEW, sequenceNum: 2n }]);
    expect(partsOf(harness.last)).toEqual(["agentDescription", "health"]);
    harness.receive({ instanceUid: NEW });
    harness.advance(30_000);
    harness.lose();
    harness.advanceUntil("reporting");
    expect(harness.sent.map(({ instanceUid }) => instanceUid)).toEqual([NEW, NEW, NEW]);
    expect(harness.sent.slice(1).flatMap(partsOf)).toEqual([]);
    expect(harness.core.instanceUid).toEqual(NEW);
  });

  test("is stored for the next start", () => {
    const harness = online(script);
    harness.receive(renamed);
    expect(harness.persisting).toEqual([{ what: "instanceUid", uid: NEW }]);
    expect(harness.all("instanceUid").map(({ output }) => output)).toEqual([
      { type: "instanceUid", uid: NEW, previous: OWN_UID },
    ]);
  });

  test("that is the current one has no effect", () => {
    const harness = online({ ...script, answers: acknowledges });
    harness.receive({ agentIdentification: { newInstanceUid: OWN_UID } });
    expect(harness.outputs).toEqual([]);
  });

  verifies("UID-06", "that does not have 16 bytes is ignored and reported", () => {
    const harness = online(script);
    for (const bytes of [15, 0, 17]) {
      harness.receive({ agentIdentification: { newInstanceUid: new Uint8Array(bytes) } });
    }
    harness.receive({ agentIdentification: {} });
    const told = [15, 0, 17, 0].map((bytes) => ({ kind: "badNewUid", problem: `has ${bytes} bytes, not 16` }));
    expect(harness.notices).toEqual(told);
    expect(harness.sent).toEqual([]);
    harness.feed({ type: "set", parts: { health: health(false) } });
    expect(harness.last.instanceUid).toEqual(OWN_UID);
  });

  test("that is all zeros is ignored, and reported once for as long as the server repeats it", () => {
    const harness = online(script);
    const nil = { agentIdentification: { newInstanceUid: new Uint8Array(16) } };
    for (let times = 0; times < 3; times += 1) harness.receive(nil);
    expect(harness.notices).toEqual([{ kind: "badNewUid", problem: expect.stringContaining("is all zeros") }]);
    expect([harness.core.instanceUid, harness.persisting]).toEqual([OWN_UID, []]);
    harness.receive(renamed);
    harness.receive(nil);
    expect(harness.notices).toHaveLength(2);
    expect(harness.core.instanceUid).toEqual(NEW);
  });

  verifies("UID-05", "survives when the bytes it came in are reused", () => {
    const harness = online(script);
    const received = message({ agentIdentification: { newInstanceUid: uid(0xb) } });
    harness.feed({ type: "received", message: received });
    received.agentIdentification?.newInstanceUid.fill(0);
    harness.receive({});
    harness.feed({ type: "set", parts: { health: health(false) } });
    expect([harness.core.instanceUid, harness.last.instanceUid]).toEqual([NEW, NEW]);
  });

  test("still accepts an answer under the old one that was in flight", () => {
    const harness = online(script);
    harness.receive(renamed);
    harness.receive({ instanceUid: OWN_UID });
    expect([harness.notices, harness.core.phase]).toEqual([[], "online"]);
  });

  test("from before a restart is used from the first report on", () => {
    const harness = new Harness(script);
    harness.feed({ type: "start", instanceUid: NEW });
    expect(harness.last.instanceUid).toEqual(NEW);
  });
});

describe("a message for another agent", () => {
  verifies("UID-07", "is one whose uid is neither current, nor just replaced, nor empty", () => {
    const harness = online();
    const newest = uid(0xc);
    const foreign = (...uids: readonly Uint8Array[]): readonly boolean[] =>
      uids.map((instanceUid) => {
        harness.clear();
        harness.receive({ instanceUid });
        return harness.notices.length > 0;
      });
    expect(foreign(OWN_UID, new Uint8Array(), NEW)).toEqual([false, false, true]);
    harness.receive(renamed);
    harness.receive({ agentIdentification: { newInstanceUid: newest } });
    expect(foreign(OWN_UID, NEW, newest)).toEqual([true, false, false]);
    expect(foreign(newest.subarray(0, 8))).toEqual([true]);
  });

  verifies("UID-07", "is not applied and does not count as an answer", () => {
    const harness = started({ can: ["acceptsRemoteConfig"] });
    harness.clear();
    harness.receive({
      instanceUid: NEW,
      capabilities: 3n,
      flags: 1n,
      remoteConfig: { config: { configMap: {} }, configHash: hash(1) },
    });
    expect(harness.outputs).toEqual([{ type: "notice", notice: { kind: "foreignUid", uid: NEW } }]);
    expect(harness.core.phase).toBe("reporting");
    harness.receive({ instanceUid: new Uint8Array(), flags: 1n });
    expect(harness.sent).toHaveLength(1);
  });

  test("with an error does not refuse anything here", () => {
    const harness = online();
    harness.feed({ type: "set", parts: { health: health(false) } });
    harness.receive({ instanceUid: NEW, errorResponse: { type: 2 } });
    expect(harness.core.phase).toBe("online");
    harness.lose();
    harness.advanceUntil("reporting");
    expect(partsOf(harness.last)).toEqual(["health"]);
  });
});

describe.each(transports)("a uid requested from the server %s", (_name, script: Script) => {
  const asking: Script = { ...script, config: { ...script.config, requestInstanceUid: true } };

  verifies("UID-04", "is requested once on each connection until it comes, under a temporary one", () => {
    const harness = started(asking);
    harness.receive({});
    harness.feed({ type: "set", parts: { health: health(false) } });
    harness.receive({});
    expect(harness.sent.map(({ flags }) => flags)).toEqual([1n, undefined]);
    harness.lose();
    harness.advanceUntil("reporting");
    expect(harness.last).toMatchObject({ flags: 1n, instanceUid: OWN_UID });
    harness.receive(renamed);
    expect(harness.last).toMatchObject({ instanceUid: NEW });
    harness.receive({});
    harness.lose();
    harness.advanceUntil("reporting");
    expect(harness.sent.map(({ flags }) => flags)).toEqual([1n, undefined, 1n, undefined, undefined]);
  });

  verifies("UID-04", "can be the temporary one, which then stays and is not requested again", () => {
    const harness = started(asking);
    harness.receive({ agentIdentification: { newInstanceUid: OWN_UID } });
    expect(harness.persisting).toEqual([{ what: "instanceUid", uid: OWN_UID }]);
    expect(harness.all("instanceUid")).toEqual([]);
    harness.lose();
    harness.advanceUntil("reporting");
    expect(harness.sent.map(({ flags }) => flags)).toEqual([1n, undefined]);
  });

  verifies("UID-04", "is requested again with each full report until it comes, whatever the server answers", () => {
    const harness = started(asking);
    const everything = { flags: 1n };
    for (const answer of [{}, everything, everything, { errorResponse: { type: 1 } }, everything, renamed]) {
      harness.receive(answer);
    }
    expect(harness.sent.map(({ flags }) => flags)).toEqual([1n, 1n, 1n, 1n, undefined]);
    harness.receive(everything);
    expect(harness.last.flags).toBeUndefined();
  });

  verifies("UID-04", "at run time is requested with the next message, and until it comes with each full report", () => {
    const harness = online(script);
    harness.feed({ type: "requestUid" });
    expect([harness.sent.length, harness.last.flags, partsOf(harness.last)]).toEqual([1, 1n, []]);
    harness.receive({});
    harness.feed({ type: "set", parts: { health: health(false) } });
    expect(harness.last.flags).toBeUndefined();
    harness.receive({ flags: 1n });
    expect(harness.last.flags).toBe(1n);
    harness.lose();
    harness.advanceUntil("reporting");
    expect(harness.last.flags).toBe(1n);
    harness.receive(renamed);
    expect([harness.core.instanceUid, harness.last.flags]).toEqual([NEW, undefined]);
    harness.feed({ type: "requestUid" });
    harness.receive({});
    expect(harness.last.flags).toBe(1n);
  });

  test("before the start is requested by an agent that has stored one too", () => {
    const harness = new Harness(script);
    harness.feed({ type: "requestUid" }, { type: "start", instanceUid: NEW });
    expect([harness.last.instanceUid, harness.last.flags]).toEqual([NEW, 1n]);
  });

  test("is not requested by an agent that has stored one", () => {
    const harness = new Harness(asking);
    harness.feed({ type: "start", instanceUid: NEW });
    expect(harness.last.flags).toBeUndefined();
  });
});

test("a uid assigned before the first report is not requested again", () => {
  const harness = started({ can: ["reportsEffectiveConfig"], config: { requestInstanceUid: true } });
  harness.receive(renamed);
  harness.feed({ type: "effectiveConfig" });
  expect(harness.sent).toMatchObject([{ instanceUid: NEW }]);
  expect(harness.last.flags).toBeUndefined();
});
