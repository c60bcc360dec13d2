import { describe, expect, test } from "vitest";
import { remoteConfig } from "../../../src/core/offers/remote-config.js";
import { type Answer, acknowledges, type Harness, online, partsOf, polling, type Script } from "../harness.js";
import { configStatus, effectiveConfig, hash, health } from "../values.js";

const CAN: Script = { can: ["acceptsRemoteConfig", "reportsRemoteConfig"], answers: acknowledges };
const config = { offers: [{ ...remoteConfig, storedFirst: true }] };

function offer(first: number): Answer {
  return { remoteConfig: { config: { configMap: {} }, configHash: hash(first) } };
}

function statuses(harness: Harness): readonly unknown[] {
  return harness.sent.flatMap(({ remoteConfigStatus }) => remoteConfigStatus ?? []);
}

describe.each([
  ["on a duplex link", { ...CAN, config }],
  ["over HTTP", polling({ ...CAN, config })],
] as const)("an offer that has to be stored first %s", (_name, script: Script) => {
  test("is reported applying at once, and its handler runs once it is stored", () => {
    const harness = online(script);
    harness.receive(offer(1));
    expect(statuses(harness)).toEqual([configStatus(1, "applying")]);
    expect(harness.persisting).toMatchObject([
      {
        what: "offer",
        status: configStatus(1, "applying"),
        offered: { hash: hash(1), offer: { configHash: hash(1) } },
      },
    ]);
    expect(harness.all("apply")).toEqual([]);
    harness.persisted();
    expect(harness.all("apply")).toMatchObject([{ output: { id: 1, hash: hash(1) } }]);
    harness.feed({ type: "handled", kind: "remoteConfig", id: 1 });
    expect(statuses(harness)).toEqual([configStatus(1, "applying"), configStatus(1)]);
    expect(harness.persisting.slice(1)).toEqual([{ what: "offer", kind: "remoteConfig", status: configStatus(1) }]);
  });

  test("is reported failed when it could not be stored, and its handler does not run", () => {
    const harness = online(script);
    harness.receive(offer(1));
    harness.persisted("disk full");
    const failed = configStatus(1, "failed", "the offer could not be stored: disk full");
    expect(statuses(harness)).toEqual([configStatus(1, "applying"), failed]);
    expect(harness.all("offer").at(-1)?.output.status).toEqual(failed);
    harness.receive(offer(1));
    expect([harness.all("apply"), statuses(harness).length]).toEqual([[], 2]);
  });

  test("is replaced by a newer one while the store is slow", () => {
    const harness = online(script);
    harness.receive(offer(1));
    harness.receive(offer(2));
    for (const { output } of harness.all("persist")) harness.feed({ type: "persisted", id: output.id });
    expect(harness.all("apply")).toMatchObject([{ output: { id: 1, hash: hash(2) } }]);
    expect(harness.all("abort")).toEqual([]);
  });

  test("holds up nothing else, however long the store takes", () => {
    const harness = online({ ...script, can: [...(script.can ?? []), "acceptsRestartCommand"] });
    harness.receive(offer(1));
    harness.clear();
    harness.advance(30_000);
    harness.feed({ type: "set", parts: { health: health(false) } });
    harness.receive({ flags: 1n });
    harness.receive({ command: {} });
    harness.lose();
    harness.advanceUntil("online");
    expect(harness.sent.map(partsOf)).toEqual([
      [],
      ["health"],
      ["agentDescription", "health", "remoteConfigStatus"],
      [],
    ]);
    expect(harness.all("restart")).toHaveLength(1);
    expect(harness.all("apply")).toEqual([]);
    harness.feed({ type: "persisted", id: 1 });
    expect(harness.all("apply")).toHaveLength(1);
  });

  test("is reported with the effective config if it cannot be stored", () => {
    const harness = online({
      ...script,
      can: [...(script.can ?? []), "reportsEffectiveConfig"],
      effectiveConfig: () => effectiveConfig("one"),
    });
    harness.receive(offer(1));
    const fetched = harness.all("fetchEffectiveConfig").length;
    harness.persisted("disk full");
    expect(harness.all("fetchEffectiveConfig")).toHaveLength(fetched + 1);
  });
});
