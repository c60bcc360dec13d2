import { describe, expect, test } from "vitest";
import type { Outgoing } from "../../../src/core/io.js";
import { Part, type PartSet } from "../../../src/core/parts.js";
import { Report } from "../../../src/core/report.js";
import { verifies } from "../../conformance/verifies.js";
import { partsOf } from "../harness.js";
import { description, everyPart, health, uid } from "../values.js";

const ALL = Part.every;

function empty(): Outgoing {
  return { instanceUid: uid(1), sequenceNum: 1n, capabilities: 1n };
}

/** A report with a description and a health, both dirty. */
function two(): Report {
  const report = new Report();
  report.set("agentDescription", description("one"));
  report.set("health", health(true));
  return report;
}

/** Sends everything due, as the message with this ordinal. */
function send(report: Report, told: number, allowed: PartSet = ALL): Outgoing {
  const message = empty();
  report.take(report.due(allowed), message, told);
  return message;
}

describe("a part", () => {
  test("is due when it was set, not while it is in flight, and not once it is acknowledged", () => {
    const report = two();
    expect(report.due(ALL)).toBe(Part.agentDescription | Part.health);
    send(report, 1);
    expect(report.due(ALL)).toBe(0);
    report.acknowledge(1);
    report.restore();
    expect(report.due(ALL)).toBe(0);
  });

  test("is due again when the link goes before the answer", () => {
    const report = two();
    send(report, 1);
    report.restore();
    expect(report.due(ALL)).toBe(Part.agentDescription | Part.health);
  });

  test("that changed while in flight is due, and no answer to the old value makes it known", () => {
    const report = two();
    send(report, 1);
    report.set("health", health(false));
    report.acknowledge(1);
    expect(report.due(ALL)).toBe(Part.health);
    expect(send(report, 2).health).toEqual(health(false));
  });

  verifies("RETRY-02", "sent twice is acknowledged by the answer to the second message only", () => {
    const report = two();
    send(report, 1);
    report.set("health", health(false));
    send(report, 2);
    report.acknowledge(1);
    report.restore();
    expect(report.due(ALL)).toBe(Part.health);
  });

  verifies("RETRY-01", "that was refused is not due until it changes", () => {
    const report = two();
    send(report, 1);
    expect(report.refuse(1)).toBe(Part.agentDescription | Part.health);
    report.restore();
    expect(report.due(ALL)).toBe(0);
    report.set("health", health(false));
    expect(report.due(ALL)).toBe(Part.health);
  });

  test("in a later message is not refused with an earlier one", () => {
    const report = two();
    send(report, 1, Part.agentDescription);
    send(report, 2);
    expect(report.refuse(1)).toBe(Part.agentDescription);
    report.restore();
    expect(report.due(ALL)).toBe(Part.health);
  });

  test("that changed while in flight survives the refusal of its old value", () => {
    const report = two();
    send(report, 1);
    report.set("health", health(false));
    expect(report.refuse(1)).toBe(Part.agentDescription);
    expect(report.due(ALL)).toBe(Part.health);
  });

  test("taken out of reports is neither due nor sent", () => {
    const report = two();
    report.set("health", undefined);
    expect(partsOf(send(report, 1))).toEqual(["agentDescription"]);
    report.set("agentDescription", undefined);
    report.restore();
    expect(report.due(ALL)).toBe(0);
    expect(report.get("agentDescription")).toBeUndefined();
  });

  test("that may not be sent stays due until it may", () => {
    const report = two();
    expect(report.due(ALL & ~Part.health)).toBe(Part.agentDescription);
    send(report, 1, ALL & ~Part.health);
    report.acknowledge(1);
    expect(report.due(ALL)).toBe(Part.health);
  });

  verifies("STATUS-06", "is sent whole", () => {
    const report = new Report();
    report.set("agentDescription", description("one", "two", "three", "four", "five"));
    send(report, 1);
    report.set("agentDescription", description("one", "two", "three", "four", "changed"));
    expect(send(report, 2).agentDescription).toEqual(description("one", "two", "three", "four", "changed"));
  });
});

describe("everything", () => {
  verifies("STATUS-07", "is due after marking it all, and only what has a value", () => {
    const report = two();
    send(report, 1);
    report.acknowledge(1);
    report.markAll();
    expect(report.due(ALL)).toBe(Part.agentDescription | Part.health);
  });

  test("lands in one message", () => {
    const report = new Report();
    const parts = everyPart();
    report.set("agentDescription", parts.agentDescription);
    report.set("health", parts.health);
    report.set("effectiveConfig", parts.effectiveConfig);
    report.set("remoteConfigStatus", parts.remoteConfigStatus);
    report.set("packageStatuses", parts.packageStatuses);
    report.set("customCapabilities", parts.customCapabilities);
    report.set("availableComponents", parts.availableComponents);
    report.set("connectionSettingsStatus", parts.connectionSettingsStatus);
    expect(send(report, 1)).toEqual({ ...empty(), ...parts });
  });
});

describe("an oversized report", () => {
  /** Two parts that together were too large. */
  function split(): Report {
    const report = two();
    send(report, 1);
    expect(report.oversized(Part.agentDescription | Part.health, false)).toBe(0);
    return report;
  }

  test("is tried again one part at a time", () => {
    const report = split();
    const singles = [1, 2].map((told) => partsOf(send(report, told)));
    expect(singles).toEqual([["agentDescription"], ["health"]]);
    expect(report.due(ALL)).toBe(0);
  });

  test("goes on part by part while answers come in between", () => {
    const report = split();
    send(report, 1);
    report.acknowledge(1);
    expect([report.due(ALL), report.isAlone(Part.health)]).toEqual([Part.health, true]);
  });

  test("takes what costs nothing along with the first of its parts", () => {
    const report = two();
    report.mark(Part.capabilities | Part.uidRequest);
    send(report, 1);
    report.oversized(Part.agentDescription | Part.health | Part.capabilities | Part.uidRequest, false);
    expect(report.due(ALL)).toBe(Part.agentDescription | Part.capabilities | Part.uidRequest);
    send(report, 1);
    expect(report.due(ALL)).toBe(Part.health);
  });

  test("gives up the part that is too large by itself, until it changes", () => {
    const report = split();
    send(report, 1);
    expect(report.oversized(Part.agentDescription, false)).toBe(Part.agentDescription);
    expect(report.due(ALL)).toBe(Part.health);
    send(report, 1);
    report.restore();
    expect(report.due(ALL)).toBe(Part.health);
    report.set("agentDescription", description("small"));
    expect(report.due(Part.agentDescription)).toBe(Part.agentDescription);
  });

  test("does not give up a part that had company", () => {
    const report = two();
    send(report, 1, Part.health);
    expect(report.oversized(Part.health, true)).toBe(0);
    expect([report.due(Part.health), report.isAlone(Part.health)]).toEqual([Part.health, true]);
  });

  test("with nothing in it stays under way as it is", () => {
    const report = two();
    report.mark(Part.capabilities);
    send(report, 1);
    expect(report.oversized(Part.capabilities, false)).toBe(0);
    expect(report.due(ALL)).toBe(0);
    report.restore();
    expect(report.due(Part.capabilities)).toBe(Part.capabilities);
  });

  test("is over once its parts are known: later ones share a message again", () => {
    const report = split();
    for (const told of [1, 2]) {
      send(report, told);
      report.acknowledge(told);
    }
    report.markAll();
    expect(report.due(ALL)).toBe(Part.agentDescription | Part.health);
  });

  test("is over also while a part that may not be sent waits", () => {
    const report = new Report();
    const parts = everyPart();
    report.set("agentDescription", parts.agentDescription);
    report.set("health", parts.health);
    report.set("customCapabilities", parts.customCapabilities);
    const allowed = ALL & ~Part.health;
    send(report, 1, allowed);
    report.oversized(Part.agentDescription | Part.customCapabilities, false);
    for (const told of [1, 2]) {
      send(report, told, allowed);
      report.acknowledge(told);
    }
    report.mark(Part.agentDescription | Part.customCapabilities);
    expect(report.due(allowed)).toBe(Part.agentDescription | Part.customCapabilities);
  });
});
