import { describe, expect, test } from "vitest";
import { Composer } from "../../../src/core/composer.js";
import { Identity } from "../../../src/core/identity.js";
import type { Outgoing, Output } from "../../../src/core/io.js";
import { Outbox } from "../../../src/core/outbox.js";
import { Part } from "../../../src/core/parts.js";
import { Report } from "../../../src/core/report.js";
import { verifies } from "../../conformance/verifies.js";
import { partsOf } from "../harness.js";
import { description, health, uid } from "../values.js";

const CAPABILITY = "com.example.a";
const CAN = 0x801n;

function desk() {
  const identity = new Identity(uid(1), false);
  const report = new Report();
  const outbox = new Outbox(10);
  outbox.understood([CAPABILITY]);
  const composer = new Composer(identity, report, outbox);
  const next = (): Outgoing | undefined => composer.next(report.due(Part.every), CAN, 0);
  const oversized = (): readonly Output[] => {
    const out: Output[] = [];
    composer.oversized(out);
    return out;
  };
  const custom = (id: number) =>
    outbox.add(
      { type: "custom", id, message: { capability: CAPABILITY, type: `m${id}`, data: new Uint8Array() } },
      0,
      [],
    );
  return { report, composer, next, oversized, custom };
}

describe("messages", () => {
  verifies(["SEQ-01", "CAP-01", "UID-01"], "are numbered from 1 and carry uid and capabilities, of every kind", () => {
    const { composer, next, custom, report } = desk();
    report.set("health", health(true));
    custom(1);
    const messages = [composer.report(0, CAN, 0), next(), composer.report(0, CAN, 0), composer.goodbye(0, CAN, 0)];
    expect(messages.map((message) => message?.sequenceNum)).toEqual([1n, 2n, 3n, 4n]);
    for (const message of messages) expect([message?.capabilities, message?.instanceUid]).toEqual([CAN, uid(1)]);
  });

  verifies("CLOSE-01", "of goodbye say so, whatever else they carry", () => {
    const { composer, report } = desk();
    report.set("health", health(true));
    expect(composer.goodbye(0, CAN, 0)).toMatchObject({ agentDisconnect: {} });
    const full = composer.goodbye(Part.health, CAN, 0);
    expect([partsOf(full), full.agentDisconnect]).toEqual([["health"], {}]);
  });

  test("are not made when there is nothing to say", () => {
    expect(desk().next()).toBeUndefined();
  });

  verifies("CUSTOM-07", "carry one custom message each", () => {
    const { next, custom } = desk();
    custom(1);
    custom(2);
    expect([next()?.customMessage?.type, next()?.customMessage?.type, next()]).toEqual(["m1", "m2", undefined]);
  });

  verifies("CAP-01", "tell a change of capabilities whatever they were made for", () => {
    const { composer, next, report } = desk();
    report.mark(Part.capabilities);
    composer.report(0, CAN, 0);
    expect(next()).toBeUndefined();
  });

  test("ask for a uid where they are told to", () => {
    const { composer } = desk();
    expect(composer.report(Part.uidRequest | Part.health, CAN, 0).flags).toBe(1n);
    expect(composer.report(Part.health, CAN, 0).flags).toBeUndefined();
  });
});

describe("the number of a message that never left", () => {
  test("is used again", () => {
    const { composer } = desk();
    composer.report(0, CAN, 0);
    composer.report(0, CAN, 0);
    composer.unsent();
    expect(composer.report(0, CAN, 0).sequenceNum).toBe(2n);
  });

  test("is given back once, and only while the message may not have left", () => {
    const { composer } = desk();
    composer.unsent();
    composer.report(0, CAN, 0);
    composer.unsent();
    composer.unsent();
    expect(composer.report(0, CAN, 0).sequenceNum).toBe(1n);
    composer.answered(1);
    composer.unsent();
    expect(composer.report(0, CAN, 0).sequenceNum).toBe(2n);
  });
});

describe("an answer", () => {
  test("belongs to the oldest message without one", () => {
    const { composer } = desk();
    composer.report(0, CAN, 0);
    composer.report(0, CAN, 0);
    expect([composer.answered(1), composer.answered(1), composer.answered(1)]).toEqual([1, 2, 2]);
  });

  test("covers every message older than five seconds besides", () => {
    const { composer } = desk();
    for (const at of [0, 1, 5_000, 5_001]) composer.report(0, CAN, at);
    expect([composer.answered(5_001), composer.answered(5_002), composer.answered(5_002)]).toEqual([2, 3, 4]);
  });

  test("covers the oldest of more messages than are told apart", () => {
    const { composer } = desk();
    for (let n = 0; n < 1_500; n++) composer.report(0, CAN, 0);
    expect(composer.answered(0)).toBe(501);
  });

  test("to a message that never left is not waited for", () => {
    const { composer } = desk();
    composer.report(0, CAN, 0);
    composer.report(0, CAN, 0);
    composer.unsent();
    composer.report(0, CAN, 0);
    expect([composer.answered(1), composer.answered(1), composer.answered(1)]).toEqual([1, 2, 2]);
  });

  test("on a new link has nothing to do with messages on the old one", () => {
    const { composer } = desk();
    composer.report(0, CAN, 0);
    composer.report(0, CAN, 0);
    composer.restore();
    composer.report(0, CAN, 0);
    expect(composer.answered(1)).toBe(3);
  });
});

describe("a message over the size limit", () => {
  test("with several parts is split, without a loss", () => {
    const { next, oversized, report } = desk();
    report.set("agentDescription", description("one"));
    report.set("health", health(true));
    next();
    expect(oversized()).toEqual([]);
    const [first, second] = [next(), next()];
    expect([first, second].map((message) => message && partsOf(message))).toEqual([["agentDescription"], ["health"]]);
    expect([first?.sequenceNum, second?.sequenceNum, next()]).toEqual([1n, 2n, undefined]);
  });

  test("with one part gives that up, and says so", () => {
    const { next, oversized, report } = desk();
    report.set("health", health(true));
    next();
    expect(oversized()).toEqual([
      { type: "notice", notice: { kind: "dropped", parts: Part.health, why: "oversized" } },
    ]);
    report.restore();
    expect(next()).toBeUndefined();
  });

  test("with nothing but a custom message gives that up, and says so", () => {
    const { next, oversized, custom } = desk();
    custom(1);
    custom(2);
    next();
    expect(oversized()).toEqual([{ type: "customSettled", id: 1, fate: "oversized" }]);
    expect(next()?.customMessage?.type).toBe("m2");
  });

  test("with parts and a custom message is split, so that neither pays for the other", () => {
    const { next, oversized, report, custom } = desk();
    report.set("health", health(true));
    custom(1);
    custom(2);
    next();
    expect(oversized()).toEqual([]);
    const messages = [next(), next(), next()];
    expect(messages.map((message) => [message && partsOf(message), message?.customMessage?.type])).toEqual([
      [["health"], undefined],
      [[], "m1"],
      [[], "m2"],
    ]);
  });

  test("with nothing in it gives its number back and nothing up", () => {
    const { composer, oversized } = desk();
    composer.report(0, CAN, 0);
    expect(oversized()).toEqual([]);
    expect(oversized()).toEqual([]);
    expect(composer.report(0, CAN, 0).sequenceNum).toBe(1n);
  });
});
