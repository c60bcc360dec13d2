import { create } from "@bufbuild/protobuf";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { offerHandlers } from "../../../src/client/handlers/handler-table.js";
import type { OfferKind, StateChange } from "../../../src/core/io.js";
import type { OfferStatus } from "../../../src/core/parts.js";
import { AgentRemoteConfigSchema } from "../../../src/gen/opamp/v1/opamp_pb.js";
import { OpAMPError, type RemoteConfig, type StoredState } from "../../../src/index.js";
import { fromStoredConfig } from "../../../src/values/config-files.js";
import { persisting, slowStore, uid } from "./persisting.js";

const nothing = (): undefined => undefined;

describe("a change that the core wants to be durable", () => {
  const renamed: StateChange = { what: "instanceUid", uid: uid(3) };
  const ended = (status: OfferStatus): StateChange => ({ what: "offer", kind: "remoteConfig", status });

  test("is acknowledged once it is saved, and not before", async () => {
    const { store, saves } = slowStore();
    const { persistence, fed } = persisting(store);
    persistence.keep(7, renamed, nothing);
    const { state, end } = await saves.next();
    expect([state, fed]).toEqual([{ instanceUid: uid(3) }, []]);
    end();
    await persistence.settled();
    expect(fed).toEqual([{ type: "persisted", id: 7 }]);
  });

  test("is acknowledged with the error when the store fails, which is also reported", async () => {
    const { store, saves } = slowStore();
    const { persistence, errors, fed } = persisting(store);
    persistence.keep(7, renamed, nothing);
    (await saves.next()).fail(new Error("disk full"));
    await persistence.settled();
    expect(fed).toEqual([{ type: "persisted", id: 7, error: "disk full" }]);
    expect(errors).toMatchObject([{ code: "ERR_OPAMP_STORE", message: "the store did not save: disk full" }]);
  });

  test("is acknowledged with an error at once if there is no store", () => {
    const { persistence, fed } = persisting(undefined);
    persistence.keep(1, renamed, nothing);
    persistence.keep(2, { what: "heartbeat", requestedMs: 1_000 }, nothing);
    persistence.keep(3, ended({ hash: Uint8Array.of(1), status: "applying", error: "" }), nothing);
    expect(fed).toEqual([1, 2, 3].map((id) => ({ type: "persisted", id, error: "there is no store" })));
  });

  test("is acknowledged with an error once the store turns out to belong to another agent", async () => {
    const { store, saves } = slowStore();
    const { persistence, fed } = persisting(store);
    persistence.keep(1, renamed, nothing);
    const first = await saves.next();
    persistence.keep(2, { what: "heartbeat", requestedMs: 1_000 }, nothing);
    first.fail(new OpAMPError("ERR_OPAMP_STORE", "taken", { retryable: false }));
    await persistence.settled();
    persistence.keep(3, { what: "heartbeat", requestedMs: 2_000 }, nothing);
    expect(fed).toEqual([
      { type: "persisted", id: 1, error: "taken" },
      { type: "persisted", id: 2, error: "there is no store" },
      { type: "persisted", id: 3, error: "there is no store" },
    ]);
  });

  test("can be an offer that is stored before its handler runs", async () => {
    const store = vi.spyOn(offerHandlers.remoteConfig, "store").mockReturnValue({ heartbeatMs: 5 });
    onTestFinished(() => store.mockRestore());
    const { store: slow, saves } = slowStore();
    const { persistence } = persisting(slow);
    const status = { hash: Uint8Array.of(1), status: "applying", error: "" } as const;
    const offer = create(AgentRemoteConfigSchema, { configHash: Uint8Array.of(1) });
    const offered = { kind: "remoteConfig", hash: status.hash, offer } as const;
    persistence.keep(1, { what: "offer", kind: "remoteConfig", status, offered }, nothing);
    expect((await saves.next()).state).toEqual({ heartbeatMs: 5 });
    expect(store).toHaveBeenCalledWith(status, undefined, offer);
  });

  test("that comes during a save is acknowledged with the next one", async () => {
    const { store, saves } = slowStore();
    const { persistence, fed } = persisting(store);
    persistence.keep(1, renamed, nothing);
    const first = await saves.next();
    persistence.keep(2, { what: "heartbeat", requestedMs: 1_000 }, nothing);
    persistence.keep(3, { what: "heartbeat", requestedMs: 2_000 }, nothing);
    first.fail(new Error("disk full"));
    const second = await saves.next();
    expect(fed).toEqual([{ type: "persisted", id: 1, error: "disk full" }]);
    expect(second.state).toEqual({ instanceUid: uid(3), heartbeatMs: 2_000 });
    second.end();
    await persistence.settled();
    expect(fed.slice(1)).toEqual([2, 3].map((id) => ({ type: "persisted", id })));
  });

  test("can be the outcome of an offer, with what was applied", async () => {
    const { store, saves } = slowStore();
    const { persistence } = persisting(store);
    const stored = { hash: Uint8Array.of(1), files: { "": { body: Uint8Array.of(2), contentType: "text/yaml" } } };
    const failed = { hash: Uint8Array.of(3), status: "failed", error: "x" } as const;
    const kinds: OfferKind[] = [];
    const lastApplied = (kind: OfferKind): RemoteConfig => {
      kinds.push(kind);
      return fromStoredConfig(stored);
    };
    persistence.keep(1, ended({ hash: Uint8Array.of(1), status: "applied", error: "" }), lastApplied);
    const first = await saves.next();
    expect(first.state).toEqual({
      remoteConfig: { hash: Uint8Array.of(1), status: "applied", error: "" },
      lastGoodConfig: stored,
    });
    first.end();
    await persistence.settled();
    persistence.keep(2, ended(failed), lastApplied);
    expect((await saves.next()).state).toEqual({ remoteConfig: failed, lastGoodConfig: stored });
    expect(kinds).toEqual(["remoteConfig", "remoteConfig"]);
  });

  test("is saved without an applied config that its handler made invalid, which is reported", async () => {
    const { store, saves } = slowStore();
    const { persistence, errors, fed } = persisting(store);
    const spoilt = fromStoredConfig({ hash: Uint8Array.of(1), files: {} });
    Object.assign(spoilt, { files: { "": { body: 7, contentType: "text/yaml" } } });
    const status = { hash: Uint8Array.of(1), status: "applied", error: "" } as const;
    persistence.keep(1, ended(status), () => spoilt);
    const { state, end } = await saves.next();
    expect(state).toEqual({ remoteConfig: status });
    expect(errors).toMatchObject([{ message: expect.stringMatching(/^what was applied cannot be stored: /) }]);
    end();
    await persistence.settled();
    expect(fed).toEqual([{ type: "persisted", id: 1 }]);
  });

  test("is saved only if it differs from the last one", async () => {
    const saved: StoredState[] = [];
    const { persistence, fed } = persisting({
      load: () => ({ heartbeatMs: 2_000 }),
      save: (state) => void saved.push(state),
    });
    persistence.load();
    const asked = [2_000, 4_000, 4_000, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
    for (const [id, requestedMs] of asked.entries()) {
      persistence.keep(id, { what: "heartbeat", requestedMs }, nothing);
      await persistence.settled();
    }
    expect(fed).toEqual(asked.map((_, id) => ({ type: "persisted", id })));
    expect(saved).toEqual([{ heartbeatMs: 4_000 }, { heartbeatMs: Number.POSITIVE_INFINITY }]);
  });
});
