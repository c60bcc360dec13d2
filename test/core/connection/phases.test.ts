import { describe, expect, test } from "vitest";
import {
  type LinkEvent,
  moved,
  next,
  type Phase,
  type Presence,
  type PresenceEvent,
  presences,
  presencesIn,
  transitions,
} from "../../../src/core/phases.js";

const table: Record<Phase, Partial<Record<LinkEvent, Phase>>> = {
  idle: { start: "connecting", stop: "stopped" },
  connecting: { opened: "reporting", lost: "waiting", stop: "closing" },
  reporting: { answered: "online", silent: "online", lost: "waiting", leave: "closing", stop: "closing" },
  online: { answered: "online", lost: "waiting", leave: "closing", stop: "closing" },
  waiting: { due: "connecting", leave: "closing", stop: "stopped" },
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
  test.each(events)("%s leads to the phase in the table, or is ignored", (event) => {
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

test("a stop leads to stopped from every phase", () => {
  for (const phase of phases.filter((each) => each !== "stopped")) {
    expect(["closing", "stopped"]).toContain(next(phase, "stop"));
  }
  expect(next("closing", "closed")).toBe("stopped");
});

const presenceTable: Record<Presence, Partial<Record<PresenceEvent, Presence>>> = {
  absent: { opened: "unreported" },
  unreported: { sent: "first", leave: "owing", pause: "leaving", lost: "absent" },
  first: {
    sent: "reported",
    oversized: "unreported",
    stale: "unreported",
    leave: "owing",
    pause: "leaving",
    lost: "absent",
  },
  reported: { sent: "reported", stale: "unreported", leave: "owing", pause: "leaving", lost: "absent" },
  owing: { sent: "gone", pause: "leaving", lost: "absent" },
  leaving: { sent: "gone", pause: "leaving", lost: "absent" },
  gone: { oversized: "leaving", stale: "owing", closed: "absent", lost: "absent" },
};

const allPresences: readonly Presence[] = ["absent", "unreported", "first", "reported", "owing", "leaving", "gone"];
const presenceEvents: readonly PresenceEvent[] = [
  "opened",
  "sent",
  "oversized",
  "stale",
  "leave",
  "pause",
  "closed",
  "lost",
];

describe.each(allPresences)("the presence %s", (presence) => {
  test.each(presenceEvents)("changes with %s as in the table, or stays", (event) => {
    expect(moved(presence, event)).toBe(presenceTable[presence][event] ?? presence);
  });

  test("is allowed in some phase, and becomes absent once the connection is lost", () => {
    expect(Object.values(presencesIn).some((allowed) => allowed.includes(presence))).toBe(true);
    expect(moved(presence, "lost")).toBe("absent");
  });
});

test("every presence can be reached", () => {
  const reached = new Set<string>(["absent"]);
  for (const presence of reached) {
    for (const target of Object.values(presenceTable[presence as Presence])) reached.add(target);
  }
  expect([...reached].sort()).toEqual(Object.keys(presences).sort());
});

test.each([
  ["idle", ["absent"]],
  ["connecting", ["absent"]],
  ["reporting", ["unreported", "first", "reported"]],
  ["online", ["unreported", "first", "reported"]],
  ["waiting", ["absent"]],
  ["closing", ["owing", "leaving", "gone", "absent"]],
  ["stopped", ["absent"]],
] as const)("the phase %s allows the presences %j", (phase, allowed) => {
  expect(presencesIn[phase]).toEqual(allowed);
});
