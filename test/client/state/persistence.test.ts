import { describe, expect, test } from "vitest";
import { Persistence } from "../../../src/client/state/persistence.js";
import { memoryStore, OpAMPError, type Store, type StoredState } from "../../../src/index.js";
import { virtualClock } from "../../../src/testing/index.js";
import { Arrivals } from "../../transport/arrivals.js";
import { persisting, slowStore, uid } from "./persisting.js";

const applied = (byte: number) => ({ hash: Uint8Array.of(byte), status: "applied", error: "" }) as const;

describe("loading", () => {
  test("from a synchronous store returns the state in the same turn", () => {
    const state = { instanceUid: uid(1), remoteConfig: applied(1) };
    expect(persisting(memoryStore(state)).persistence.load()).toEqual(state);
  });

  test("from an empty store gives nothing, and no complaint", async () => {
    const { persistence, errors } = persisting({ load: async () => undefined, save: () => undefined });
    expect(await persistence.load()).toEqual({});
    expect(errors).toEqual([]);
  });

  for (const [what, load] of [
    [
      "throws",
      () => {
        throw new Error("no such file");
      },
    ],
    ["rejects", () => Promise.reject(new Error("no such file"))],
  ] as const) {
    test(`from a store that ${what} gives nothing, and one complaint`, async () => {
      const { persistence, errors } = persisting({ load, save: () => undefined });
      expect(await persistence.load()).toEqual({});
      expect(errors).toMatchObject([{ code: "ERR_OPAMP_STORE", message: "the store did not load: no such file" }]);
    });
  }
});

describe("a store of the host's own", () => {
  test("needs load and save alone, as in version 0.1.0", async () => {
    let kept: StoredState | undefined;
    const store: Store = {
      load: () => kept,
      save: (state) => {
        kept = state;
      },
    };
    for (let life = 1; life <= 2; life++) {
      const { persistence, errors } = persisting(store);
      const before = kept ?? {};
      expect(persistence.load()).toEqual(before);
      persistence.save({ instanceUid: uid(1), heartbeatMs: life });
      await persistence.close();
      expect([kept, errors]).toEqual([{ instanceUid: uid(1), heartbeatMs: life }, []]);
    }
  });
});

describe("a store that loads for longer than 30 s", () => {
  /** One that was done without, and what was saved in it. */
  async function overdue() {
    const saved: StoredState[] = [];
    const clock = virtualClock();
    const errors: OpAMPError[] = [];
    const loads = new Arrivals<{ resolve: (state: StoredState | undefined) => void; reject: (cause: Error) => void }>();
    const store: Store = {
      load: () => new Promise((resolve, reject) => loads.push({ resolve, reject })),
      save: (state) => void saved.push(state),
    };
    const persistence = new Persistence(
      store,
      clock,
      (error) => errors.push(error),
      () => undefined,
    );
    const loaded = persistence.load();
    await clock.advance(30_000);
    expect(await loaded).toEqual({});
    persistence.save({ instanceUid: uid(2) });
    await clock.advance(0);
    expect(saved).toEqual([]);
    return { persistence, saved, errors, ...(await loads.next()) };
  }

  test("keeps the state that it loads too late, which nothing overwrites", async () => {
    const { persistence, saved, errors, resolve } = await overdue();
    resolve({ instanceUid: uid(1) });
    await persistence.settled();
    expect(saved).toEqual([]);
    expect(errors).toMatchObject([
      { code: "ERR_OPAMP_STORE", message: "the store did not load: nothing came within 30000 ms" },
      {
        code: "ERR_OPAMP_STORE",
        message: expect.stringMatching(/did not save: it holds a state that came too late to be used/),
        hint: expect.stringContaining("restart the agent"),
      },
    ]);
  });

  test.each(["nothing", "a failure"])("is saved to once it loads %s", async (what) => {
    const { persistence, saved, resolve, reject } = await overdue();
    if (what === "nothing") resolve(undefined);
    else reject(new Error("no such file"));
    await persistence.settled();
    expect(saved).toEqual([{ instanceUid: uid(2) }]);
  });
});

test("a store that loaded in time is saved to however long ago that was", async () => {
  const saved: StoredState[] = [];
  const clock = virtualClock();
  const store: Store = {
    load: async () => ({ instanceUid: uid(1) }),
    save: (state) => void saved.push(state),
  };
  const nothing = (): void => undefined;
  const persistence = new Persistence(store, clock, nothing, nothing);
  await persistence.load();
  await clock.advance(30_001);
  persistence.save({ heartbeatMs: 5 });
  await persistence.settled();
  expect(saved).toEqual([{ instanceUid: uid(1), heartbeatMs: 5 }]);
});

describe("saving", () => {
  test("keeps what was loaded and not changed", async () => {
    const { store, saves } = slowStore();
    const { persistence } = persisting({ ...store, load: () => ({ instanceUid: uid(1) }) });
    await persistence.load();
    persistence.save({ remoteConfig: applied(1) });
    expect((await saves.next()).state).toEqual({ instanceUid: uid(1), remoteConfig: applied(1) });
  });

  test("runs one at a time, and only the last of the changes meanwhile is saved", async () => {
    const { store, saves } = slowStore();
    const { persistence } = persisting(store);
    persistence.save({ remoteConfig: applied(1) });
    const first = await saves.next();
    for (const byte of [2, 3, 4]) persistence.save({ remoteConfig: applied(byte) });
    persistence.save({ instanceUid: uid(9) });
    await new Promise((resolve) => setImmediate(resolve));
    expect(saves.all).toHaveLength(1);
    first.end();
    const second = await saves.next();
    expect(second.state).toEqual({ remoteConfig: applied(4), instanceUid: uid(9) });
    second.end();
    await persistence.settled();
    expect(saves.all).toHaveLength(2);
  });

  test("does not change a state that the store is still writing", async () => {
    const { store, saves } = slowStore();
    const { persistence } = persisting(store);
    persistence.save({ remoteConfig: applied(1) });
    const { state } = await saves.next();
    persistence.save({ remoteConfig: applied(2), instanceUid: uid(2) });
    expect(state).toEqual({ remoteConfig: applied(1) });
  });

  for (const [what, save] of [
    [
      "throws",
      () => {
        throw new Error("disk full");
      },
    ],
    ["rejects", () => Promise.reject(new Error("disk full"))],
  ] as const) {
    test(`in a store that ${what} is reported each time, and retried with the next change`, async () => {
      let calls = 0;
      const { persistence, errors } = persisting({
        load: () => undefined,
        save: (): void | Promise<void> => {
          calls += 1;
          if (calls < 3) return save();
        },
      });
      for (const byte of [1, 2, 3]) {
        persistence.save({ remoteConfig: applied(byte) });
        await persistence.settled();
      }
      expect(calls).toBe(3);
      expect(errors).toHaveLength(2);
      expect(errors[0]).toMatchObject({ code: "ERR_OPAMP_STORE", message: "the store did not save: disk full" });
    });
  }

  test("saves a change that came during a failed save", async () => {
    const { store, saves } = slowStore();
    const { persistence, errors } = persisting(store);
    persistence.save({ remoteConfig: applied(1) });
    const first = await saves.next();
    persistence.save({ remoteConfig: applied(2) });
    first.fail(new Error("disk full"));
    const second = await saves.next();
    expect(second.state).toEqual({ remoteConfig: applied(2) });
    second.end();
    await persistence.settled();
    expect(errors).toHaveLength(1);
  });

  test("misses no change, whenever it comes", async () => {
    for (let microtasks = 0; microtasks < 10; microtasks++) {
      const saved: StoredState[] = [];
      const { persistence } = persisting({ load: () => undefined, save: (state) => void saved.push(state) });
      persistence.save({ remoteConfig: applied(1) });
      for (let i = 0; i < microtasks; i++) await undefined;
      persistence.save({ remoteConfig: applied(2) });
      await new Promise((resolve) => setImmediate(resolve));
      expect([microtasks, saved.at(-1)]).toEqual([microtasks, { remoteConfig: applied(2) }]);
    }
  });

  test("settles at once when there is nothing to save", async () => {
    const { persistence } = persisting(memoryStore());
    await persistence.settled();
    expect(persistence.load()).toEqual({});
  });
});

describe("closing", () => {
  /** A store that notes what is asked of it. */
  function noting(store: Partial<Store> = {}) {
    const calls: string[] = [];
    return {
      calls,
      store: {
        load: () => undefined,
        save: (state: StoredState) => void calls.push(`save ${state.heartbeatMs}`),
        close: () => void calls.push("close"),
        ...store,
      },
    };
  }

  test("comes after the last save", async () => {
    const { store, saves } = slowStore();
    const { calls, store: noted } = noting(store);
    const { persistence } = persisting(noted);
    await persistence.load();
    persistence.save({ heartbeatMs: 1 });
    const closed = persistence.close();
    (await saves.next()).end();
    await closed;
    expect([saves.all.length, calls]).toEqual([1, ["close"]]);
  });

  test("retries a save that failed", async () => {
    let isFull = true;
    const { calls, store } = noting({
      save(state) {
        if (isFull) throw new Error("disk full");
        calls.push(`save ${state.heartbeatMs}`);
      },
    });
    const { persistence, errors } = persisting(store);
    persistence.load();
    persistence.save({ heartbeatMs: 1 });
    persistence.save({ heartbeatMs: 2 });
    await persistence.settled();
    isFull = false;
    await persistence.close();
    expect([calls, errors.length]).toEqual([["save 2", "close"], 2]);
  });

  test("skips a store that was never loaded", async () => {
    const { calls, store } = noting();
    await persisting(store).persistence.close();
    expect(calls).toEqual([]);
  });

  test("does not wait for a store that is still loading, and closes it when it has", async () => {
    let end: (state: undefined) => void = () => undefined;
    const { calls, store } = noting({ load: () => new Promise<undefined>((resolve) => (end = resolve)) });
    const { persistence } = persisting(store);
    void persistence.load();
    await persistence.close();
    expect(calls).toEqual([]);
    end(undefined);
    await new Promise((resolve) => setImmediate(resolve));
    expect(calls).toEqual(["close"]);
  });

  for (const [what, load] of [
    [
      "throws",
      () => {
        throw new Error("no such file");
      },
    ],
    ["rejects", () => Promise.reject(new Error("no such file"))],
  ] as const) {
    test(`includes a store whose load ${what}, since it may hold something open`, async () => {
      const { calls, store } = noting({ load });
      const { persistence } = persisting(store);
      await persistence.load();
      await persistence.close();
      expect(calls).toEqual(["close"]);
    });
  }

  for (const [what, close] of [
    [
      "throws",
      () => {
        throw new Error("busy");
      },
    ],
    ["rejects", () => Promise.reject(new Error("busy"))],
  ] as const) {
    test(`that ${what} is reported`, async () => {
      const { persistence, errors } = persisting(noting({ close }).store);
      persistence.load();
      await persistence.close();
      expect(errors).toMatchObject([{ code: "ERR_OPAMP_STORE", message: "the store did not close: busy" }]);
    });
  }
});

describe("a store that belongs to another agent", () => {
  const taken = () => {
    const details = { hint: "stop the other one", retryable: false };
    return new OpAMPError("ERR_OPAMP_STORE", "in use", details);
  };

  test.each<[string, () => Promise<undefined>]>([
    [
      "at once",
      () => {
        throw taken();
      },
    ],
    ["later", () => Promise.reject(taken())],
  ])("and refuses to load %s is reported once and not used", async (_, load) => {
    const calls: string[] = [];
    const store = { load, save: () => void calls.push("save"), close: () => void calls.push("close") };
    const { persistence, errors } = persisting(store);
    expect(await persistence.load()).toEqual({});
    persistence.save({ instanceUid: uid(1) });
    await persistence.close();
    expect(calls).toEqual([]);
    expect(errors).toMatchObject([
      { message: "the store did not load: in use", hint: "stop the other one", retryable: false },
    ]);
  });

  test("and refuses a save is reported once and not used again", async () => {
    let saves = 0;
    const { persistence, errors } = persisting({
      load: () => undefined,
      save() {
        saves += 1;
        throw taken();
      },
    });
    persistence.load();
    for (let save = 0; save < 3; save++) {
      persistence.save({ instanceUid: uid(save) });
      await persistence.settled();
    }
    await persistence.close();
    expect([saves, errors.length]).toEqual([1, 1]);
  });
});

describe("what a store reports", () => {
  test("is passed on, and wrapped in an OpAMPError if it is not one", async () => {
    const own = new OpAMPError("ERR_OPAMP_STORE", "set aside");
    const { persistence, errors } = persisting({
      load(report) {
        report?.(own);
        Reflect.apply(report ?? String, undefined, ["text"]);
        return { heartbeatMs: 1 };
      },
      save: () => undefined,
    });
    expect(persistence.load()).toEqual({ heartbeatMs: 1 });
    expect(errors[0]).toBe(own);
    expect(errors.slice(1)).toMatchObject([{ code: "ERR_OPAMP_STORE", message: "the store reports: text" }]);
  });
});
