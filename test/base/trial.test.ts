import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  isRefused,
  MOST_CRASHES,
  NO_TRIAL,
  nextTrial,
  type Trial,
  type TrialEvent,
  trialTransitions,
} from "../../src/base/trial.js";

const offer = (hash: string, to = "new"): TrialEvent => ({ type: "offer", hash, from: "old", to });

/** The trial after these events; each must mean something. */
function trialAfter(...events: readonly (TrialEvent | Exclude<TrialEvent["type"], "offer">)[]): Trial {
  return events.reduce<Trial>((trial, event) => {
    const next = nextTrial(trial, typeof event === "string" ? { type: event } : event);
    if (next === undefined) throw new Error(`${JSON.stringify(event)} means nothing in ${trial.phase}`);
    return next;
  }, NO_TRIAL);
}

describe("the transition table", () => {
  const at: Record<keyof typeof trialTransitions, Trial> = {
    none: trialAfter(),
    candidate: trialAfter(offer("a")),
    trial: trialAfter(offer("a"), "begin"),
    reverting: trialAfter(offer("a"), "begin", "fail"),
  };
  const types = ["offer", "begin", "commit", "fail", "reverted", "died"] as const;

  for (const phase of Object.keys(at) as (keyof typeof at)[]) {
    for (const type of types) {
      const row: Partial<Record<string, string>> = trialTransitions[phase];
      test(`leads from ${phase} by ${type} to ${row[type] ?? "nowhere"}`, () => {
        expect(at[phase].phase).toBe(phase);
        const next = nextTrial(at[phase], type === "offer" ? offer("b") : { type });
        expect(next?.phase).toBe(row[type]);
      });
    }
  }
});

test("an offer records what is tried and what to roll back to, and a commit clears both", () => {
  expect(trialAfter(offer("a"))).toEqual({ phase: "candidate", from: "old", to: "new", hash: "a", crashes: 0 });
  expect(trialAfter(offer("a"), "begin", "fail")).toMatchObject({ phase: "reverting", from: "old", to: "new" });
  expect(trialAfter(offer("a"), "begin", "commit")).toEqual(NO_TRIAL);
});

test("a newer offer replaces the candidate", () => {
  expect(trialAfter(offer("a"), "begin", offer("b", "newer"))).toMatchObject({
    phase: "candidate",
    to: "newer",
    hash: "b",
  });
});

test("a restart counts against the offer under way, but not while it is being rolled back", () => {
  expect(trialAfter(offer("a"), "died")).toMatchObject({ phase: "candidate", crashes: 1 });
  expect(trialAfter(offer("a"), "begin", "died")).toMatchObject({ phase: "trial", crashes: 1 });
  expect(trialAfter(offer("a"), "begin", "died", "fail", "died")).toMatchObject({ phase: "reverting", crashes: 1 });
  expect(trialAfter("died")).toEqual(NO_TRIAL);
});

test("a failed offer is remembered only if it crashed the process", () => {
  expect(trialAfter(offer("a"), "begin", "fail", "reverted")).toEqual(NO_TRIAL);
  expect(trialAfter(offer("a"), "begin", "died", "fail", "reverted")).toEqual({ ...NO_TRIAL, hash: "a", crashes: 1 });
});

test("an offer that crashed the process and then succeeded is forgotten", () => {
  const crashed = [offer("a"), "begin", "died", "fail", "reverted", offer("a"), "begin"] as const;
  expect(trialAfter(...crashed)).toMatchObject({ phase: "trial", crashes: 1 });
  expect(trialAfter(...crashed, "commit")).toEqual(NO_TRIAL);
});

describe("the third crash", () => {
  test("rolls the offer back from any phase", () => {
    expect(trialAfter(offer("a"), "died", "died", "died")).toEqual({ ...NO_TRIAL, hash: "a", crashes: 3 });
    expect(trialAfter(offer("a"), "begin", "died", "died", "died")).toMatchObject({ phase: "reverting", crashes: 3 });
  });

  test("has the offer refused until another one comes", () => {
    const spent = trialAfter(offer("a"), "died", "died", "died");
    expect(isRefused(spent, "a")).toBe(true);
    expect(nextTrial(spent, offer("a"))).toBeUndefined();
    const other = trialAfter(offer("a"), "died", "died", "died", offer("b"), "fail");
    expect(isRefused(other, "a")).toBe(false);
  });

  test("does not count for an offer without a hash", () => {
    expect(trialAfter(offer(""), "died", "died", "died", offer(""))).toMatchObject({ phase: "candidate", crashes: 0 });
  });
});

test("a rollback stays possible and ends, whatever happens and whenever the process dies", () => {
  const hashes = fc.constantFrom("a", "b", "");
  const events = fc.oneof(
    fc.record({
      type: fc.constantFrom("offer" as const),
      hash: hashes,
      from: fc.constantFrom("old"),
      to: fc.constantFrom("x", "y"),
    }),
    fc.record({ type: fc.constantFrom("begin", "commit", "fail", "reverted", "died") }),
  );
  fc.assert(
    fc.property(fc.array(events, { maxLength: 40 }), fc.integer({ min: 0, max: 40 }), (sequence, diesAt) => {
      let trial = NO_TRIAL;
      sequence.forEach((event, index) => {
        const before = trial;
        // What was saved is all that outlives the process.
        if (index === diesAt) trial = nextTrial(JSON.parse(JSON.stringify(trial)), { type: "died" }) ?? trial;
        trial = nextTrial(trial, event) ?? trial;
        const { phase, from, to, crashes } = trial;
        expect(from === "" && to === "").toBe(phase === "none");
        expect(crashes).toBeGreaterThanOrEqual(0);
        expect(crashes).toBeLessThanOrEqual(MOST_CRASHES);
        // Nothing comes into use but by way of a candidate.
        if (phase === "trial") expect(["candidate", "trial"]).toContain(before.phase);
        if (phase === "candidate" || phase === "trial") expect(isRefused(trial, trial.hash)).toBe(false);
      });
      // A restart that takes everything back ends in every case.
      for (const type of ["died", "fail", "reverted"] as const) trial = nextTrial(trial, { type }) ?? trial;
      expect(trial.phase).toBe("none");
    }),
  );
});
