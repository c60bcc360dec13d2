import { describe, expect, test } from "vitest";
import { OfferLife, type Step } from "../../../src/core/offers/apply.js";
import { verifies } from "../../conformance/verifies.js";
import { hash } from "../values.js";

const LIMITS = { applyMs: 300_000, abortMs: 5_000 };

function life(): OfferLife<string> {
  return new OfferLife<string>(LIMITS);
}

const run = (id: number, offer: string): Step<string> => ({ type: "run", id, offer });
const abort = (id: number, why: "superseded" | "overdue" | "stopped"): Step<string> => ({ type: "abort", id, why });
const status = (first: number, word: "applying" | "applied" | "failed", error = ""): Step<string> => ({
  type: "status",
  hash: hash(first),
  status: word,
  error,
});

describe("an offer", () => {
  verifies("CFG-06", "is applying when its handler starts and applied when it ends", () => {
    const offers = life();
    expect(offers.receive(hash(1), "one", 0)).toEqual([status(1, "applying"), run(1, "one")]);
    expect(offers.handled(1, undefined, 5)).toEqual([status(1, "applied")]);
  });

  verifies("CFG-06", "has failed, with the handler's words, when that failed", () => {
    const offers = life();
    offers.receive(hash(1), "one", 0);
    expect(offers.handled(1, "no such file", 5)).toEqual([status(1, "failed", "no such file")]);
  });

  test("fails with an empty text too", () => {
    const offers = life();
    offers.receive(hash(1), "one", 0);
    expect(offers.handled(1, "", 5)).toEqual([status(1, "failed")]);
  });

  verifies(["CFG-04", "MSG-01"], "is known by its hash while it runs and whatever became of it", () => {
    const offers = life();
    expect(offers.knows(hash(1))).toBe(false);
    offers.receive(hash(1), "one", 0);
    expect(offers.knows(hash(1))).toBe(true);
    offers.handled(1, "broken", 1);
    expect([offers.knows(hash(1)), offers.knows(hash(2))]).toEqual([true, false]);
  });

  test("with an empty hash is known too, once it came", () => {
    const offers = life();
    expect(offers.knows(new Uint8Array())).toBe(false);
    offers.receive(new Uint8Array(), "one", 0);
    expect(offers.knows(new Uint8Array())).toBe(true);
  });

  test("of an earlier life is known", () => {
    const offers = life();
    offers.restore(hash(1));
    expect(offers.knows(hash(1))).toBe(true);
    expect(offers.retry(0)).toEqual([]);
  });
});

describe("a newer offer", () => {
  test("aborts the running handler, and starts when that ends", () => {
    const offers = life();
    offers.receive(hash(1), "one", 0);
    expect(offers.receive(hash(2), "two", 10)).toEqual([status(2, "applying"), abort(1, "superseded")]);
    expect(offers.handled(1, "aborted", 20)).toEqual([run(2, "two")]);
    expect(offers.handled(2, undefined, 30)).toEqual([status(2, "applied")]);
  });

  verifies("MSG-01", "keeps the older result from being reported, good or bad", () => {
    for (const error of [undefined, "aborted"]) {
      const offers = life();
      offers.receive(hash(1), "one", 0);
      offers.receive(hash(2), "two", 10);
      expect(offers.handled(1, error, 20)).toEqual([run(2, "two")]);
    }
  });

  test("replaces one that was still waiting; only the newest runs", () => {
    const offers = life();
    offers.receive(hash(1), "one", 0);
    offers.receive(hash(2), "two", 10);
    expect(offers.receive(hash(3), "three", 20)).toEqual([status(3, "applying")]);
    expect(offers.handled(1, undefined, 30)).toEqual([run(2, "three")]);
    expect(offers.handled(2, undefined, 40)).toEqual([status(3, "applied")]);
  });

  test("can be the first one again", () => {
    const offers = life();
    offers.receive(hash(1), "one", 0);
    offers.receive(hash(2), "two", 10);
    expect(offers.knows(hash(1))).toBe(false);
    expect(offers.receive(hash(1), "one", 20)).toEqual([status(1, "applying")]);
    expect(offers.handled(1, undefined, 30)).toEqual([run(2, "one")]);
  });

  test("waits for a handler that ignores the abort no longer than the grace", () => {
    const offers = life();
    offers.receive(hash(1), "one", 0);
    offers.receive(hash(2), "two", 10);
    offers.receive(hash(3), "three", 4_000);
    expect(offers.deadline).toBe(5_010);
    expect(offers.expire(5_009)).toEqual([]);
    expect(offers.expire(5_010)).toEqual([abort(1, "overdue"), run(2, "three")]);
    expect(offers.handled(1, undefined, 6_000)).toEqual([]);
    expect(offers.deadline).toBe(305_010);
  });
});

describe("a handler", () => {
  test("that does not end in time has failed, and its end means nothing any more", () => {
    const offers = life();
    offers.receive(hash(1), "one", 0);
    expect(offers.deadline).toBe(300_000);
    expect(offers.expire(299_999)).toEqual([]);
    expect(offers.expire(300_000)).toEqual([
      abort(1, "overdue"),
      status(1, "failed", "the handler did not end within 300000 ms"),
    ]);
    expect([offers.deadline, offers.handled(1, undefined, 300_001)]).toEqual([undefined, []]);
  });

  test("that is not the running one means nothing", () => {
    const offers = life();
    expect(offers.handled(1, undefined, 0)).toEqual([]);
    offers.receive(hash(1), "one", 0);
    expect([offers.handled(0, undefined, 1), offers.handled(2, "x", 1)]).toEqual([[], []]);
  });

  test("is aborted when the agent stops, and what waited never starts", () => {
    const offers = life();
    offers.receive(hash(1), "one", 0);
    offers.receive(hash(2), "two", 1);
    expect(offers.stop()).toEqual([abort(1, "stopped")]);
    expect([offers.handled(1, undefined, 2), offers.stop(), offers.deadline]).toEqual([[], [], undefined]);
  });
});

describe("trying again", () => {
  test("runs the offer that failed last, once for each failure", () => {
    const offers = life();
    offers.receive(hash(1), "one", 0);
    offers.handled(1, "broken", 1);
    expect(offers.retry(2)).toEqual([status(1, "applying"), run(2, "one")]);
    expect(offers.retry(3)).toEqual([]);
    expect(offers.handled(2, undefined, 4)).toEqual([status(1, "applied")]);
    expect(offers.retry(5)).toEqual([]);
  });

  test("does nothing when nothing failed, or when a newer offer came", () => {
    const offers = life();
    expect(offers.retry(0)).toEqual([]);
    offers.receive(hash(1), "one", 0);
    offers.handled(1, "broken", 1);
    offers.receive(hash(2), "two", 2);
    expect(offers.retry(3)).toEqual([]);
  });

  test("does nothing after a stop", () => {
    const offers = life();
    offers.receive(hash(1), "one", 0);
    offers.handled(1, "broken", 1);
    offers.stop();
    expect(offers.retry(2)).toEqual([]);
  });
});
