import { describe, expect, test } from "vitest";
import type { OtherSettings, TelemetrySettings } from "../../../src/index.js";
import { verifies } from "../../conformance/verifies.js";
import { known, moved, NEW, offers } from "../connection-settings/moved.js";
import { headers } from "../connection-settings/offers.js";
import { noting, taking } from "./taking.js";

const [APPLIED, APPLYING, FAILED] = [1, 2, 3];
const TO = (host: string) => ({ destinationEndpoint: `https://${host}.example.com/v1` });

/** Fails as long as it is told to. */
function failing<Settings>(isFailing = true) {
  const told = { isFailing };
  const noted = noting<Settings>(() => {
    if (told.isFailing) throw new Error("no such exporter");
  });
  return { ...noted, told };
}

describe("an offer for several connections", () => {
  verifies(["CONN-02", "OWN-03"], "keeps what succeeded, and names what failed", async () => {
    const metrics = failing<TelemetrySettings>();
    const [traces, other] = [noting<TelemetrySettings>(), noting<OtherSettings>()];
    const agent = await taking({ ownMetrics: metrics.handler, ownTraces: traces.handler, other: other.handler });
    await offers(agent, {
      ownMetrics: TO("metrics"),
      ownTraces: TO("traces"),
      otherConnections: { a: TO("a"), b: { tls: { insecureSkipVerify: true } } },
    });
    expect([traces.calls.length, other.calls.length]).toEqual([1, 1]);
    const [status, hash, text] = known(agent.servers.old, agent) ?? [];
    expect([status, hash]).toEqual([FAILED, 1]);
    expect(text).toMatch(
      /^own_metrics: no such exporter; other_connections\["b"\]: tls\.insecure_skip_verify would have/,
    );
    expect(agent.errors).toEqual(["ERR_OPAMP_HANDLER connectionSettings.ownMetrics.apply failed: no such exporter"]);
  });

  test("does again only what failed when it is retried, and does not move the connection", async () => {
    const metrics = failing<TelemetrySettings>();
    const other = noting<OtherSettings>();
    const opamp = { endpoints: ["*.example.com"] };
    const agent = await moved({ settings: { opamp, ownMetrics: metrics.handler, other: other.handler } });
    const offer = { opamp: { destinationEndpoint: NEW }, ownMetrics: TO("metrics"), otherConnections: { a: TO("a") } };
    await offers(agent, offer);
    await agent.clock.advance(3_000);
    expect(known(agent.servers.new, agent)).toEqual([FAILED, 1, "own_metrics: no such exporter"]);
    metrics.told.isFailing = false;
    agent.client.retryConnectionSettings();
    await agent.clock.advance(3_000);
    expect(known(agent.servers.new, agent)).toEqual([APPLIED, 1, ""]);
    expect([agent.dialled, metrics.calls.length, other.calls.length]).toEqual([["old", "new"], 2, 1]);
  });

  test("has the others applied although the agent's own connection fails, after that", async () => {
    const seen: string[] = [];
    const metrics = noting<TelemetrySettings>(() => seen.push(`metrics ${agent.states.at(-1)}`));
    const agent = await moved({ settings: { opamp: { endpoints: ["*.example.com"] }, ownMetrics: metrics.handler } });
    await agent.servers.new.close();
    await offers(agent, { opamp: { destinationEndpoint: NEW }, ownMetrics: TO("metrics") });
    expect(seen).toEqual([]);
    await agent.clock.advance(70_000);
    expect(seen).toEqual(["metrics rolledBack"]);
    expect(known(agent.servers.old, agent)).toEqual([FAILED, 1, expect.stringMatching(/^opamp: not proved within/)]);
  });

  test("runs in one order, whatever the order in which it was written", async () => {
    const order: string[] = [];
    const noted = (name: string) => noting<unknown>(() => order.push(name)).handler;
    const agent = await taking({
      other: noted("other"),
      ownLogs: noted("logs"),
      ownTraces: noted("traces"),
      ownMetrics: noted("metrics"),
    });
    await offers(agent, { otherConnections: { a: {} }, ownLogs: TO("l"), ownTraces: TO("t"), ownMetrics: TO("m") });
    expect(order).toEqual(["metrics", "traces", "logs", "other"]);
  });

  test("is told of in a text that is bounded, however much failed", async () => {
    const { handler } = noting<OtherSettings>(() => {
      throw new Error("x".repeat(5_000));
    });
    const agent = await taking({ other: handler });
    const named = Object.fromEntries(Array.from({ length: 60 }, (_, index) => [`n${index}`, {}]));
    await offers(agent, { otherConnections: named });
    const text = String(known(agent.servers.old, agent)?.[2]);
    expect(text.length).toBeLessThan(4_200);
    for (const name of Object.keys(named)) expect(text).toContain(`other_connections["${name}"]: x`);
  });
});

describe("a handler of connection settings", () => {
  test.each([
    ["rejects", () => Promise.reject(new Error("no"))],
    ["returns false", () => false],
  ])("refuses settings where its validate %s, and is not asked to apply them", async (_how, validate) => {
    const { handler, calls } = noting<TelemetrySettings>();
    const agent = await taking({ ownMetrics: Object.assign(handler, { validate }) });
    await offers(agent, { ownMetrics: TO("metrics") });
    expect(calls).toEqual([]);
    expect(known(agent.servers.old, agent)).toEqual([
      FAILED,
      1,
      expect.stringMatching(/^own_metrics: (no|returned false)/),
    ]);
    expect(agent.errors[0]).toMatch(/connectionSettings\.ownMetrics\.validate failed/);
  });

  verifies("CONN-02", "may refuse http for its telemetry", async () => {
    const { handler } = noting<TelemetrySettings>();
    const validate = ({ endpoint }: TelemetrySettings) => {
      if (!endpoint.startsWith("https:")) throw new Error("only https");
    };
    const agent = await taking({ ownMetrics: Object.assign(handler, { validate }) });
    await offers(agent, { ownMetrics: { destinationEndpoint: "http://h/v1" } });
    expect(known(agent.servers.old, agent)).toEqual([FAILED, 1, "own_metrics: only https"]);
  });

  test("has its share of timeouts.applyMs, is aborted then, and holds up nobody", async () => {
    const signals: AbortSignal[] = [];
    const metrics = noting<TelemetrySettings>(({ context }) => {
      signals.push(context.signal);
      return new Promise(() => undefined);
    });
    const traces = noting<TelemetrySettings>();
    const settings = { ownMetrics: metrics.handler, ownTraces: traces.handler };
    const agent = await taking(settings, { options: { timeouts: { applyMs: 60_000, abortMs: 1_000 } } });
    await offers(agent, { ownMetrics: TO("metrics"), ownTraces: TO("traces") });
    await agent.clock.advance(29_000);
    expect([signals[0]?.aborted, traces.calls.length]).toEqual([false, 0]);
    await agent.clock.advance(3_000);
    expect([signals[0]?.aborted, traces.calls.length]).toEqual([true, 1]);
    const text = "own_metrics: it did not end within 29950 ms";
    expect(known(agent.servers.old, agent)).toEqual([FAILED, 1, text]);
  });

  verifies("CONN-02", "is named where it hangs, beside those that failed before, and its host is told", async () => {
    const metrics = failing<TelemetrySettings>();
    const { handler } = noting<TelemetrySettings>(() => new Promise(() => undefined));
    const agent = await taking(
      { ownMetrics: metrics.handler, ownTraces: handler },
      { options: { timeouts: { applyMs: 300 } } },
    );
    await offers(agent, { ownMetrics: TO("metrics"), ownTraces: TO("traces") });
    const text = "own_metrics: no such exporter; own_traces: it did not end within 294 ms";
    expect(known(agent.servers.old, agent)).toEqual([FAILED, 1, text]);
    expect(agent.errors).toEqual([
      "ERR_OPAMP_HANDLER connectionSettings.ownMetrics.apply failed: no such exporter",
      "ERR_OPAMP_HANDLER connectionSettings.ownTraces.apply failed: it did not end within 294 ms",
    ]);
  });

  test("is aborted by a newer offer, which waits for its end and is the only one reported", async () => {
    let end: () => void = () => undefined;
    const { handler, calls } = noting<TelemetrySettings>(({ settings, context }) => {
      if (!settings.endpoint.includes("slow")) return;
      return new Promise<void>((resolve) => {
        context.signal.addEventListener("abort", () => {
          end = resolve;
        });
      });
    });
    const agent = await taking({ ownMetrics: handler });
    await offers(agent, { ownMetrics: TO("one") });
    await offers(agent, { ownMetrics: TO("slow") }, 2);
    expect(known(agent.servers.old, agent)).toEqual([APPLYING, 2, ""]);
    await offers(agent, { ownMetrics: TO("one") }, 3);
    expect(calls).toHaveLength(2);
    end();
    await agent.clock.advance(1_000);
    // What was in force may not be any more, after a call that was cut off.
    expect(calls.map(({ settings, context }) => [settings.endpoint, context.reason])).toEqual([
      ["https://one.example.com/v1", "offer"],
      ["https://slow.example.com/v1", "offer"],
      ["https://one.example.com/v1", "offer"],
    ]);
    expect(known(agent.servers.old, agent)).toEqual([APPLIED, 3, ""]);
    const stopped = agent.client.stop();
    await agent.clock.advance(2_000);
    await stopped;
    // The signal of a call that has ended may have become that of an exporter.
    expect(calls.map(({ context }) => context.signal.aborted)).toEqual([false, true, false]);
  });

  test("is given what was in force once more after a call that failed, with the next offer for another", async () => {
    const metrics = failing<TelemetrySettings>(false);
    const traces = noting<TelemetrySettings>();
    const agent = await taking({ ownMetrics: metrics.handler, ownTraces: traces.handler });
    await offers(agent, { ownMetrics: TO("one") });
    metrics.told.isFailing = true;
    await offers(agent, { ownMetrics: TO("two") }, 2);
    metrics.told.isFailing = false;
    await offers(agent, { ownTraces: TO("traces") }, 3);
    const { settings, context } = metrics.calls.at(-1) ?? {};
    expect([settings?.endpoint, context?.reason, context?.previous]).toEqual([
      "https://one.example.com/v1",
      "retry",
      undefined,
    ]);
    expect(known(agent.servers.old, agent)).toEqual([APPLIED, 3, ""]);
  });

  test("shows no secret that it was given, wherever its errors go", async () => {
    const { handler } = noting<TelemetrySettings>(({ settings }) => {
      throw new Error(`401 with ${settings.headers["x-key"]} and ${settings.headers["authorization"]?.split(" ")[1]}`);
    });
    const agent = await taking({ ownMetrics: handler });
    const given = headers(["x-key", "hunter2-hunter2"], ["authorization", "Custom opensesame"]);
    await offers(agent, { ownMetrics: { ...TO("metrics"), headers: given } });
    const told = JSON.stringify([known(agent.servers.old, agent), agent.errors, agent.statuses]);
    expect(told).toContain("401 with [REDACTED] and [REDACTED]");
    expect(told).not.toMatch(/hunter2|opensesame/);
  });

  test("leaves settings for other connections in force when the agent's own are forgotten", async () => {
    const { handler, calls } = noting<TelemetrySettings>();
    const agent = await taking({ ownMetrics: handler });
    await offers(agent, { ownMetrics: TO("metrics") });
    agent.client.forgetConnectionSettings();
    await agent.clock.advance(500);
    expect(known(agent.servers.old, agent)).toEqual([0, undefined, ""]);
    await offers(agent, { ownMetrics: TO("metrics") });
    expect(known(agent.servers.old, agent)).toEqual([APPLIED, 1, ""]);
    expect(calls).toHaveLength(1);
  });
});
