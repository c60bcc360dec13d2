import { describe, expect, test } from "vitest";
import { Persistence } from "../../src/client/persistence.js";
import { memoryStore, type OpAMPError, type Store, type StoredState } from "../../src/index.js";
import { virtualClock } from "../../src/testing/index.js";
import { Arrivals } from "../transport/arrivals.js";

const uid = (byte: number): Uint8Array => new Uint8Array(16).fill(byte);
const applied = (byte: number) => ({ hash: Uint8Array.of(byte), status: "applied", error: "" }) as const;

/** A persistence over a store, and what it complains of. */
function persisting(store: Store): { persistence: Persistence; errors: OpAMPError[] } {
  const errors: OpAMPError[] = [];
  return { persistence: new Persistence(store, virtualClock(), (error) => errors.push(error)), errors };
}

/** A store whose saves end when the test says so. */
function slowStore() {
  const saves = new Arrivals<{ state: StoredState; end: () => void; fail: (cause: unknown) => void }>();
  const store: Store = {
    load: () => undefined,
    save: (state) => new Promise<void>((end, fail) => saves.push({ state, end, fail })),
  };
  return { store, saves };
}

describe("loading", () => {
  test("from a store that answers at once takes no turn", () => {
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

describe("saving", () => {
  test("keeps what was loaded and not changed", async () => {
    const { store, saves } = slowStore();
    const { persistence } = persisting({ ...store, load: () => ({ instanceUid: uid(1) }) });
    await persistence.load();
    persistence.save({ remoteConfig: applied(1) });
    expect((await saves.next()).state).toEqual({ instanceUid: uid(1), remoteConfig: applied(1) });
  });

  test("goes on one at a time, and of what changes meanwhile only the last state is saved", async () => {
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
    test(`in a store that ${what} is complained of each time, and tried again with the next change`, async () => {
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

  test("a failure does not keep the change that came meanwhile from being saved", async () => {
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
