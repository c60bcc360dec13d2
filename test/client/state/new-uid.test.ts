import { describe, expect, test } from "vitest";
import { uidText } from "../../../src/base/bytes.js";
import { hosted } from "../hosted.js";
import { slowStore } from "./persisting.js";

describe("a client whose uid is new to a store that outlives the process", () => {
  function lasting() {
    const { store, saves } = slowStore();
    return { store: { ...store, lasting: true }, saves };
  }

  test("does not dial before the uid is saved, so that no crash makes it another agent", async () => {
    const { store, saves } = lasting();
    const { client, clock, transport } = await hosted({ store });
    client.start();
    const { state, end } = await saves.next();
    await clock.advance(1_000);
    expect([client.phase, transport.dials]).toEqual(["idle", 0]);
    expect(uidText(state.instanceUid ?? new Uint8Array())).toBe(client.instanceUid);
    end();
    await clock.advance(0);
    expect([client.phase, transport.dials]).toEqual(["online", 1]);
  });

  test("dials after two seconds all the same", async () => {
    const { client, clock, transport } = await hosted({ store: lasting().store });
    client.start();
    await clock.advance(1_999);
    expect(transport.dials).toBe(0);
    await clock.advance(1);
    expect(transport.dials).toBe(1);
  });

  test("dials at once if saving fails", async () => {
    const { store, saves } = lasting();
    const { client, clock, transport, errors } = await hosted({ store });
    client.start();
    (await saves.next()).fail(new Error("disk full"));
    await clock.advance(0);
    expect([transport.dials, errors]).toEqual([1, ["ERR_OPAMP_STORE"]]);
  });

  test("never dials if it is stopped before the uid is saved", async () => {
    const { store, saves } = lasting();
    const { client, clock, transport } = await hosted({ store });
    client.start();
    const { end } = await saves.next();
    const stopped = client.stop();
    end();
    await clock.advance(10_000);
    await stopped;
    expect([client.phase, transport.dials]).toEqual(["stopped", 0]);
  });

  test("does not wait for a uid that was given, or for a store that does not outlive the process", async () => {
    const instanceUid = "0190b5a1-0000-7000-8000-000000000001";
    for (const options of [{ store: lasting().store, instanceUid }, { store: slowStore().store }]) {
      const { client, clock, transport } = await hosted(options);
      client.start();
      await clock.advance(0);
      expect(transport.dials).toBe(1);
    }
  });
});
