import { describe, expect, test } from "vitest";
import { type LinkEvent, next, type Phase, transitions } from "../../../src/core/phases.js";

const table: Record<Phase, Partial<Record<LinkEvent, Phase>>> = {
  idle: { start: "connecting", stop: "stopped" },
  connecting: { opened: "reporting", lost: "waiting", stop: "closing" },
  reporting: { answered: "online", silent: "online", lost: "waiting", leave: "closing", stop: "closing" },
  online: { answered: "online", lost: "waiting", leave: "closing", stop: "closing" },
  waiting: { due: "connecting", stop: "stopped" },
  closing: { left: "waiting", stop: "closing", closed: "stopped" },
  stopped: {},
};

const phases: readonly Phase[] = ["idle", "connecting", "reporting", "online", "waiting", "closing", "stopped"];
const events: readonly LinkEvent[] = [
  "start",
  "opened",
  "answered",
  "silent",
  "lost",
  "due",
  "leave",
  "left",
  "stop",
  "closed",
];

describe.each(phases)("in phase %s", (phase) => {
  test.each(events)("%s leads where the table says, or nowhere", (event) => {
    expect(next(phase, event)).toBe(table[phase][event]);
  });
});

test("every phase can be reached, and all but the last can be left", () => {
  const reached = new Set<string>(["idle"]);
  for (const phase of reached) {
    for (const target of Object.values(table[phase as Phase])) reached.add(target);
  }
  expect([...reached].sort()).toEqual(Object.keys(transitions).sort());
  for (const phase of phases) expect(Object.keys(table[phase]).length > 0).toBe(phase !== "stopped");
});

test("a stop ends in stopped from wherever it comes", () => {
  for (const phase of phases.filter((each) => each !== "stopped")) {
    expect(["closing", "stopped"]).toContain(next(phase, "stop"));
  }
  expect(next("closing", "closed")).toBe("stopped");
});
