/** What a fleet is to keep to in a scenario, and what it keeps to where that cannot be. */
export interface StormGoals {
  scenario: string;
  /** All back, in times of agents divided by capacity, besides a pause that the server asks for. */
  allBack: number;
  /** Attempts per agent. */
  attempts: number;
  /** The spread that suits the scenario: a quarter more than the servers need. */
  spreadMs: number;
  /** Why a goal is wider than 1.3 and 4. */
  why?: string | undefined;
}

const ALL_BACK = 1.3;
const ATTEMPTS = 4;

function goals(scenario: string, changes: Partial<StormGoals> = {}): StormGoals {
  return { scenario, allBack: ALL_BACK, attempts: ATTEMPTS, spreadMs: 75_000, ...changes };
}

export const storms: readonly StormGoals[] = [
  goals("capacity-20", { spreadMs: 25_000 }),
  goals("capacity-60"),
  goals("capacity-120", { spreadMs: 150_000 }),
  goals("capacity-600", { spreadMs: 750_000, attempts: 8, why: "backoff.maxMs: a wait of 60 s, ten times in 600 s" }),
  goals("server-restart-5"),
  goals("server-restart-30", { allBack: 2, why: "the windows of 50 s and 60 s are as wide as 60 s of capacity" }),
  goals("server-restart-600", {
    allBack: 2.1,
    attempts: 14,
    why: "backoff.maxMs: 60 s is as wide as the capacity, and ten attempts in 10 minutes",
  }),
  goals("server-close"),
  goals("busy"),
  goals("busy-600", { spreadMs: 750_000 }),
  goals("retry-after"),
  goals("retry-after-600", { spreadMs: 750_000 }),
  goals("silence", { allBack: 2.2, why: "each attempt that gets no answer takes timeouts.connectMs, 30 s" }),
  goals("unavailable"),
  goals("zone-lost", { allBack: 1.75, why: "as for silence" }),
  goals("rolling-restart", { allBack: 2, why: "a quarter of the fleet does not know that it is only a quarter" }),
  goals("polling", { allBack: 1.9, why: "a poll notices the restart up to 30 s later" }),
  goals("polling-busy", { allBack: 1.9, why: "a poll notices the restart up to 30 s later" }),
];
