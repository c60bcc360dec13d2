import { describe, expect, test } from "vitest";
import { verifies } from "../../conformance/verifies.js";
import { type Answer, acknowledges, type Harness, online, type Script } from "../harness.js";
import { hash, health } from "../values.js";

function offer(seconds: bigint): Answer {
  return { connectionSettings: { hash: hash(1), opamp: { heartbeatIntervalSeconds: seconds } } };
}

/** Links of these kinds, one after the other. */
function changing(kinds: readonly ("duplex" | "polling")[], script: Script = {}): Script {
  let dials = 0;
  return { answers: acknowledges, ...script, duplex: () => kinds[dials++] === "duplex" };
}

/** The link ends, and the next one comes up. */
function change(harness: Harness): void {
  harness.lose();
  harness.advanceUntil("online");
  harness.clear();
}

function gapsWithin(harness: Harness, ms: number): readonly number[] {
  const { now } = harness;
  harness.advance(ms);
  return harness.sentAt.map((at) => at - now);
}

describe("an agent whose transport changes between duplex and polling", () => {
  verifies(["HTTP-03", "HB-03"], "polls at its own interval although the server had turned heartbeats off", () => {
    const harness = online(changing(["duplex", "polling", "duplex"]));
    harness.receive(offer(0n));
    expect(gapsWithin(harness, 600_000)).toEqual([]);
    change(harness);
    expect(gapsWithin(harness, 90_000)).toEqual([30_000, 60_000, 90_000]);
    change(harness);
    expect(gapsWithin(harness, 600_000)).toEqual([]);
  });

  test("reports the interval that applies each time it changes", () => {
    const harness = online(changing(["duplex", "polling", "duplex"]));
    harness.receive(offer(0n));
    for (let links = 0; links < 2; links++) {
      harness.lose();
      harness.advanceUntil("online");
    }
    const told = harness.all("heartbeatInterval").map(({ output }) => output.intervalMs);
    expect(told).toEqual([Number.POSITIVE_INFINITY, 30_000, Number.POSITIVE_INFINITY]);
  });

  verifies("HB-04", "polls at the interval that the server asked for while on the other kind", () => {
    const harness = online(changing(["duplex", "polling"]));
    harness.receive(offer(2n));
    change(harness);
    expect(gapsWithin(harness, 6_000)).toEqual([2_000, 4_000, 6_000]);
  });

  verifies("HB-04", "polls at least once a day, and uses a longer interval only on a duplex connection", () => {
    const harness = online(changing(["polling", "duplex", "polling"]));
    harness.receive(offer(10n * 86_400n));
    change(harness);
    expect(gapsWithin(harness, 10 * 86_400_000)).toEqual([10 * 86_400_000]);
    change(harness);
    expect(gapsWithin(harness, 2 * 86_400_000)).toEqual([86_400_000, 2 * 86_400_000]);
  });

  verifies("HB-01", "that declares no heartbeats polls over HTTP, and is silent on a duplex connection", () => {
    const config = { capabilities: 0x801n };
    const harness = online(changing(["duplex", "polling", "duplex"], { config }));
    expect(gapsWithin(harness, 600_000)).toEqual([]);
    change(harness);
    expect(gapsWithin(harness, 60_000)).toEqual([30_000, 60_000]);
    change(harness);
    expect(gapsWithin(harness, 600_000)).toEqual([]);
  });

  verifies("HTTP-05", "has one message in flight when polling, and any number on a duplex connection", () => {
    for (const [kind, sent] of [
      ["duplex", 3],
      ["polling", 1],
    ] as const) {
      const harness = online(changing(["polling", kind]));
      harness.lose();
      harness.advanceUntil("online");
      harness.clear();
      const answering = harness.core;
      let left = 0;
      for (const status of ["a", "b", "c"]) {
        answering.step({ type: "set", parts: { health: health(false, status) } }, harness.now);
        left += answering.step({ type: "tick" }, harness.now).filter(({ type }) => type === "send").length;
      }
      expect([kind, left]).toEqual([kind, sent]);
    }
  });

  test("sends pings on a duplex connection only", () => {
    const silent: Script = { pongs: () => false, answers: () => undefined };
    const harness = online(changing(["polling", "duplex"], { ...silent, answers: acknowledges }));
    harness.advance(600_000);
    expect(harness.all("ping")).toEqual([]);
    const other = online(changing(["duplex", "polling"], silent));
    other.advance(45_000);
    expect(other.all("ping")).toHaveLength(1);
  });

  test("treats a missing answer to the first report as the current kind requires", () => {
    const silent: Script = { answers: () => undefined };
    const harness = online(changing(["duplex", "polling", "duplex"], silent));
    harness.lose();
    harness.advanceUntil("reporting");
    harness.advance(30_000);
    expect(harness.all("phase").at(-1)?.output).toMatchObject({ phase: "waiting", reason: "timeout" });
    harness.advanceUntil("online");
    expect(harness.all("phase").at(-1)?.output).toMatchObject({ reason: "silent", answered: false });
  });
});
