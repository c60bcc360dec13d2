import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import type { Offered, Output } from "../../../src/core/io.js";
import { OfferLife } from "../../../src/core/offers/offers.js";
import { remoteConfig } from "../../../src/core/offers/remote-config.js";
import { NOTHING_OFFERED, type OfferStatus } from "../../../src/core/parts.js";
import { Report } from "../../../src/core/report.js";
import { agentTimers, NEVER } from "../../../src/core/timers.js";
import { AgentRemoteConfigSchema } from "../../../src/gen/opamp/v1/opamp_pb.js";
import { verifies } from "../../conformance/verifies.js";
import { configStatus, hash } from "../values.js";

const kind = "remoteConfig";

function offered(configHash: Uint8Array, digest?: Uint8Array): Offered {
  return { kind, hash: configHash, digest, offer: create(AgentRemoteConfigSchema, { configHash }) };
}

/** The life of one kind of offers, each method giving what it puts out. */
function life(storedFirst = false) {
  const timers = agentTimers();
  const report = new Report(0n, timers);
  let persistId = 0;
  const offers = new OfferLife(
    { ...remoteConfig, storedFirst },
    {
      limits: { applyMs: 300_000, abortMs: 5_000 },
      report,
      timers,
      persist(change, out) {
        persistId += 1;
        out.push({ type: "persist", id: persistId, change });
        return persistId;
      },
    },
  );
  const outputsOf = (act: (out: Output[]) => unknown): readonly Output[] => {
    const out: Output[] = [];
    act(out);
    for (const output of out)
      if (output.type === "offer") {
        const { digest: _, ...told } = output.status;
        expect(report.get("remoteConfigStatus")).toEqual(told);
      }
    return out;
  };
  return {
    knows: (first: number) => offers.knows({ hash: hash(first) }),
    knowsContent: (first: number) => offers.knows({ hash: new Uint8Array(), digest: hash(first) }),
    deadline: () => timers[kind] ?? NEVER,
    reported: () => report.get("remoteConfigStatus"),
    restore: (status: OfferStatus) => offers.restore(status),
    receive: (first: number, now: number) => outputsOf((out) => offers.receive(offered(hash(first)), now, out)),
    receiveContent: (first: number) =>
      outputsOf((out) => offers.receive(offered(new Uint8Array(), hash(first)), 0, out)),
    handled: (id: number, error: string | undefined, now: number) =>
      outputsOf((out) => offers.handled(id, error, now, out)),
    persisted: (id: number, error: string | undefined, now: number) =>
      outputsOf((out) => offers.persisted(id, error, now, out)),
    expire: (now: number) => outputsOf((out) => offers.expire(now, out)),
    retry: (now: number) => outputsOf((out) => offers.retry(now, out)),
    stop: () => outputsOf((out) => offers.stop(out)),
  };
}

const run = (id: number, first: number): Output => ({ type: "apply", id, ...offered(hash(first)) });
const abort = (id: number, why: "superseded" | "overdue" | "stopped"): Output => ({ type: "abort", kind, id, why });
const applying = (first: number): Output => ({ type: "offer", kind, status: configStatus(first, "applying") });

/** The offer has an outcome, which is to be stored. */
function ended(first: number, persistId: number, error?: string): readonly Output[] {
  const status = error === undefined ? configStatus(first) : configStatus(first, "failed", error);
  return [
    { type: "offer", kind, status },
    { type: "persist", id: persistId, change: { what: "offer", kind, status } },
  ];
}

describe("an offer", () => {
  verifies("CFG-06", "is applying when its handler starts and applied when it ends", () => {
    const offers = life();
    expect(offers.receive(1, 0)).toEqual([applying(1), run(1, 1)]);
    expect(offers.handled(1, undefined, 5)).toEqual(ended(1, 1));
  });

  verifies("CFG-06", "fails with the handler's error", () => {
    const offers = life();
    offers.receive(1, 0);
    expect(offers.handled(1, "no such file", 5)).toEqual(ended(1, 1, "no such file"));
  });

  test("fails even if the error text is empty", () => {
    const offers = life();
    offers.receive(1, 0);
    expect(offers.handled(1, "", 5)).toEqual(ended(1, 1, ""));
  });

  verifies(["CFG-04", "MSG-01"], "is recognised by its hash while it runs and after any outcome", () => {
    const offers = life();
    expect(offers.knows(1)).toBe(false);
    offers.receive(1, 0);
    expect(offers.knows(1)).toBe(true);
    offers.handled(1, "broken", 1);
    expect([offers.knows(1), offers.knows(2)]).toEqual([true, false]);
  });

  test("without a hash is recognised by its content, and told of once", () => {
    const offers = life();
    expect(offers.knowsContent(1)).toBe(false);
    const notice = { type: "notice", notice: { kind: "noHash", what: "remote config" } };
    expect(offers.receiveContent(1)).toContainEqual(notice);
    expect([offers.knowsContent(1), offers.knowsContent(2), offers.knows(1)]).toEqual([true, false, true]);
    expect(offers.receiveContent(2)).not.toContainEqual(notice);
    expect([offers.knowsContent(1), offers.knowsContent(2)]).toEqual([false, true]);
    expect(offers.reported()).toEqual({ hash: new Uint8Array(), status: "applying", error: "" });
  });

  test("without a hash from before a restart is recognised by what was remembered of its content", () => {
    const offers = life();
    offers.restore({ hash: new Uint8Array(), status: "applied", error: "", digest: hash(1) });
    expect([offers.knowsContent(1), offers.knowsContent(2)]).toEqual([true, false]);
    expect(offers.reported()).toEqual({ hash: new Uint8Array(), status: "applied", error: "" });
  });

  test("without a hash is new where nothing was remembered of the last one", () => {
    const offers = life();
    offers.restore({ hash: new Uint8Array(), status: "applied", error: "" });
    expect(offers.knowsContent(1)).toBe(false);
  });

  test("from before a restart is recognised and reported", () => {
    const offers = life();
    offers.restore(configStatus(1, "failed", "x"));
    expect([offers.knows(1), offers.reported()]).toEqual([true, configStatus(1, "failed", "x")]);
  });

  test("that failed before a restart is gone, and is forgotten when it is retried, so that it is new", () => {
    const offers = life();
    offers.restore(configStatus(1, "failed", "x"));
    const change = { what: "forget", kind: "remoteConfig" };
    expect(offers.retry(0)).toEqual([{ type: "persist", id: 1, change }]);
    expect([offers.knows(1), offers.reported()]).toEqual([false, NOTHING_OFFERED]);
    expect(offers.retry(0)).toEqual([]);
  });

  test("that was applied before a restart cannot be retried", () => {
    const offers = life();
    offers.restore(configStatus(1, "applied"));
    expect(offers.retry(0)).toEqual([]);
    expect(offers.knows(1)).toBe(true);
  });
});

describe("a newer offer", () => {
  test("aborts the running handler, and starts when that ends", () => {
    const offers = life();
    offers.receive(1, 0);
    expect(offers.receive(2, 10)).toEqual([applying(2), abort(1, "superseded")]);
    expect(offers.handled(1, "aborted", 20)).toEqual([run(2, 2)]);
    expect(offers.handled(2, undefined, 30)).toEqual(ended(2, 1));
  });

  verifies("MSG-01", "keeps the older result from being reported, good or bad", () => {
    for (const error of [undefined, "aborted"]) {
      const offers = life();
      offers.receive(1, 0);
      offers.receive(2, 10);
      expect(offers.handled(1, error, 20)).toEqual([run(2, 2)]);
    }
  });

  test("replaces one that was still waiting; only the newest runs", () => {
    const offers = life();
    offers.receive(1, 0);
    offers.receive(2, 10);
    expect(offers.receive(3, 20)).toEqual([applying(3)]);
    expect(offers.handled(1, undefined, 30)).toEqual([run(2, 3)]);
    expect(offers.handled(2, undefined, 40)).toEqual(ended(3, 1));
  });

  test("can be one that was superseded before", () => {
    const offers = life();
    offers.receive(1, 0);
    offers.receive(2, 10);
    expect(offers.knows(1)).toBe(false);
    expect(offers.receive(1, 20)).toEqual([applying(1)]);
    expect(offers.handled(1, undefined, 30)).toEqual([run(2, 1)]);
  });

  test("waits for a handler that ignores the abort no longer than the grace", () => {
    const offers = life();
    offers.receive(1, 0);
    offers.receive(2, 10);
    offers.receive(3, 4_000);
    expect(offers.deadline()).toBe(5_010);
    expect(offers.expire(5_009)).toEqual([]);
    expect(offers.expire(5_010)).toEqual([abort(1, "overdue"), run(2, 3)]);
    expect(offers.handled(1, undefined, 6_000)).toEqual([]);
    expect(offers.deadline()).toBe(305_010);
  });
});

describe("a handler", () => {
  test("that does not end in time fails its offer, and its later outcome is ignored", () => {
    const offers = life();
    offers.receive(1, 0);
    expect(offers.deadline()).toBe(300_000);
    expect(offers.expire(299_999)).toEqual([]);
    const failed = ended(1, 1, "the handler did not end within 300000 ms");
    expect(offers.expire(300_000)).toEqual([abort(1, "overdue"), ...failed]);
    expect([offers.deadline(), offers.handled(1, undefined, 300_001)]).toEqual([NEVER, []]);
  });

  test("that is not the running one has its outcome ignored", () => {
    const offers = life();
    expect(offers.handled(1, undefined, 0)).toEqual([]);
    offers.receive(1, 0);
    expect([offers.handled(0, undefined, 1), offers.handled(2, "x", 1)]).toEqual([[], []]);
  });

  test("is aborted when the agent stops, and what waited never starts", () => {
    const offers = life();
    offers.receive(1, 0);
    offers.receive(2, 1);
    expect(offers.stop()).toEqual([abort(1, "stopped")]);
    expect([offers.handled(1, undefined, 2), offers.stop(), offers.deadline()]).toEqual([[], [], NEVER]);
  });

  test("that was aborted because the agent stops is not reported, whatever it ends with", () => {
    for (const error of [undefined, "aborted"]) {
      const offers = life();
      offers.receive(1, 0);
      expect(offers.stop()).toEqual([abort(1, "stopped")]);
      expect([offers.handled(1, error, 2), offers.stop(), offers.deadline()]).toEqual([[], [], NEVER]);
    }
  });
});

describe("a retry", () => {
  test("runs the offer that failed last, once for each failure", () => {
    const offers = life();
    offers.receive(1, 0);
    offers.handled(1, "broken", 1);
    expect(offers.retry(2)).toEqual([applying(1), run(2, 1)]);
    expect(offers.retry(3)).toEqual([]);
    expect(offers.handled(2, undefined, 4)).toEqual(ended(1, 2));
    expect(offers.retry(5)).toEqual([]);
  });

  test("does nothing when nothing failed, or when a newer offer came", () => {
    const offers = life();
    expect(offers.retry(0)).toEqual([]);
    offers.receive(1, 0);
    offers.handled(1, "broken", 1);
    offers.receive(2, 2);
    expect(offers.retry(3)).toEqual([]);
  });

  test("does nothing after a stop", () => {
    const offers = life();
    offers.receive(1, 0);
    offers.handled(1, "broken", 1);
    offers.stop();
    expect(offers.retry(2)).toEqual([]);
  });
});

describe("an offer that is stored before its handler runs", () => {
  /** The whole offer is to be stored. */
  function storing(first: number, persistId: number): Output {
    const change = {
      what: "offer",
      kind,
      status: configStatus(first, "applying"),
      offered: offered(hash(first)),
    } as const;
    return { type: "persist", id: persistId, change };
  }

  test("is applying while it is being stored, and its handler starts after that", () => {
    const offers = life(true);
    expect(offers.receive(1, 0)).toEqual([applying(1), storing(1, 1)]);
    expect(offers.deadline()).toBe(NEVER);
    expect(offers.persisted(1, undefined, 1_000)).toEqual([run(1, 1)]);
    expect(offers.deadline()).toBe(301_000);
    expect(offers.handled(1, undefined, 2_000)).toEqual(ended(1, 2));
    expect(offers.persisted(2, undefined, 2_001)).toEqual([]);
  });

  test("fails when it cannot be stored, and is still recognised and can be retried", () => {
    const offers = life(true);
    offers.receive(1, 0);
    expect(offers.persisted(1, "disk full", 1)).toEqual(ended(1, 2, "the offer could not be stored: disk full"));
    expect([offers.knows(1), offers.persisted(1, undefined, 2), offers.deadline()]).toEqual([true, [], NEVER]);
    expect(offers.persisted(2, "disk full", 3)).toEqual([]);
    expect(offers.retry(4)).toEqual([applying(1), storing(1, 3)]);
    expect(offers.persisted(3, undefined, 5)).toEqual([run(1, 1)]);
  });

  test.each([undefined, "disk full"])(
    "is replaced by a newer one meanwhile, whatever the store's result (%s)",
    (error) => {
      const offers = life(true);
      offers.receive(1, 0);
      expect(offers.receive(2, 1)).toEqual([applying(2), storing(2, 2)]);
      expect(offers.persisted(1, error, 2)).toEqual([]);
      expect(offers.persisted(2, undefined, 3)).toEqual([run(1, 2)]);
    },
  );

  test("waits for the store and for the older handler, whichever takes longer", () => {
    for (const storeIsSlower of [true, false]) {
      const offers = life(true);
      offers.receive(1, 0);
      offers.persisted(1, undefined, 1);
      expect(offers.receive(2, 2)).toEqual([applying(2), storing(2, 2), abort(1, "superseded")]);
      if (storeIsSlower) {
        expect(offers.handled(1, undefined, 3)).toEqual([]);
        expect(offers.persisted(2, undefined, 4)).toEqual([run(2, 2)]);
      } else {
        expect(offers.persisted(2, undefined, 3)).toEqual([]);
        expect(offers.handled(1, undefined, 4)).toEqual([run(2, 2)]);
      }
      expect(offers.handled(2, undefined, 5)).toEqual(ended(2, 3));
    }
  });

  test("fails if it cannot be stored, and the older result is not reported either", () => {
    const offers = life(true);
    offers.receive(1, 0);
    offers.persisted(1, undefined, 1);
    offers.receive(2, 2);
    expect(offers.persisted(2, "disk full", 3)).toEqual(ended(2, 3, "the offer could not be stored: disk full"));
    expect([offers.handled(1, undefined, 4), offers.deadline()]).toEqual([[], NEVER]);
    expect(offers.retry(5)).toEqual([applying(2), storing(2, 4)]);
  });

  test("never starts after a stop", () => {
    for (const error of [undefined, "disk full"]) {
      const offers = life(true);
      offers.receive(1, 0);
      expect([offers.stop(), offers.persisted(1, error, 1), offers.retry(2)]).toEqual([[], [], []]);
    }
  });
});
