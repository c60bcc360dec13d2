import type { VirtualOptions } from "../../src/simulate/virtual/run-virtual.js";

/** What a fleet is to keep to. */
export interface Goals {
  /** All back, in times of agents divided by capacity, besides a pause that the server asks for. */
  allBack: number;
  /** Attempts per agent. */
  attempts: number;
  /** Why a goal is wider than the usual one. */
  why?: string | undefined;
}

/** A scenario, and what a fleet is to keep to in it. */
export interface Storm {
  scenario: string;
  /** Without a spread. */
  goals: Goals;
  /** A quarter more than the servers need. */
  spreadMs: number;
  /** With that spread. */
  spreadGoals: Goals;
  /** Whose agents are set beside ours. */
  beside: readonly NonNullable<VirtualOptions["policy"]>[];
}

/** Four attempts, and one for each two minutes that the server is away: 9 after 10 minutes. */
const USUAL: Goals = { allBack: 1.3, attempts: 4 };
const BESIDE = ["earlier", "go"] as const;

function storm(scenario: string, goals: Partial<Goals> = {}, changes: Partial<Omit<Storm, "goals">> = {}): Storm {
  const usual = { spreadMs: 75_000, spreadGoals: USUAL, beside: BESIDE };
  return { scenario, goals: { ...USUAL, ...goals }, ...usual, ...changes };
}

const SILENT = "each attempt without an answer takes timeouts.connectMs, 30 s";
const LATE = "a poll notices the restart up to 30 s later";
const QUARTER = "a quarter of the fleet does not know that it is only a quarter";

export const storms: readonly Storm[] = [
  storm("capacity-20", {}, { spreadMs: 25_000 }),
  storm("capacity-60"),
  storm("capacity-120", {}, { spreadMs: 150_000 }),
  storm("capacity-600", { attempts: 8, why: "no wait is longer than backoff.maxMs, 60 s" }, { spreadMs: 750_000 }),
  storm("server-restart-5"),
  storm("server-restart-30", { allBack: 2, why: "windows of 50 and 60 s hold no more than the server takes in them" }),
  storm(
    "server-restart-600",
    { allBack: 2.1, attempts: 14, why: "no wait is longer than backoff.maxMs, 60 s, which the server needs for all" },
    { spreadGoals: { allBack: 1.3, attempts: 9.1 } },
  ),
  storm("server-close"),
  storm("busy"),
  storm("busy-600", {}, { spreadMs: 750_000 }),
  storm("retry-after"),
  storm("retry-after-600", {}, { spreadMs: 750_000 }),
  storm("silence", { allBack: 2.2, why: SILENT }),
  storm("unavailable", {}, { beside: ["earlier"] }),
  storm("zone-lost", { allBack: 1.75, why: SILENT }, { beside: [] }),
  storm("rolling-restart", { allBack: 2, why: QUARTER }, { spreadGoals: { ...USUAL, allBack: 2.1, why: QUARTER } }),
  storm("polling", { allBack: 1.9, why: LATE }, { spreadGoals: { ...USUAL, allBack: 1.9, why: LATE } }),
  storm("polling-busy", { allBack: 1.9, why: LATE }, { spreadGoals: { ...USUAL, allBack: 2, why: LATE } }),
];
