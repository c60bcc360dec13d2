import { describe, expect, test } from "vitest";
import { componentHealth } from "../../../src/extension/health/component-health.js";
import { type Health, OpAMPClient, type OpAMPError } from "../../../src/index.js";
import { virtualClock } from "../../../src/testing/index.js";
import { refusal } from "../../client/refusal.js";
import { verifies } from "../../conformance/verifies.js";

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A health and what it reports, on virtual time. */
function reporting() {
  const clock = virtualClock();
  const reports: Health[] = [];
  const errors: OpAMPError[] = [];
  const health = componentHealth((report) => reports.push(report), { clock, onError: (error) => errors.push(error) });
  return { clock, reports, errors, health };
}

const ok = { healthy: true, status: "StatusOK", statusTime: expect.anything() };
const starting = { healthy: false, status: "StatusStarting", statusTime: expect.anything() };

describe("before ready()", () => {
  test("an agent is unhealthy", async () => {
    const { reports } = reporting();
    await turn();
    expect(reports).toEqual([{ healthy: false }]);
  });

  test("only starting components are reported, so that the health does not flap", async () => {
    const { reports, health } = reporting();
    const [otlp, debug] = [health.component("p", "otlp"), health.component("p", "debug")];
    for (const component of [otlp, debug]) {
      component.set("StatusStarting");
      component.set("StatusOK");
      await turn();
    }
    expect(reports.map(({ status }) => status)).toEqual(["StatusStarting", "StatusStarting"]);
    expect(reports.at(-1)).toEqual({
      ...starting,
      components: { p: { ...starting, components: { otlp: starting, debug: starting } } },
    });
    health.ready();
    await turn();
    expect(reports).toHaveLength(3);
    expect(reports.at(-1)).toEqual({ ...ok, components: { p: { ...ok, components: { otlp: ok, debug: ok } } } });
  });

  test("the latest status of a component is kept, even if it starts again", async () => {
    const { reports, health } = reporting();
    const component = health.component("a");
    component.set("StatusOK");
    component.set("StatusPermanentError", { error: "no" });
    health.component("b").set("StatusOK");
    health.component("b").set("StatusStarting");
    health.component("gone", "x").set("StatusFatalError");
    health.component("gone").remove();
    health.ready();
    await turn();
    expect(Object.entries(reports.at(-1)?.components ?? {}).map(([name, { status }]) => [name, status])).toEqual([
      ["b", "StatusStarting"],
      ["a", "StatusPermanentError"],
    ]);
  });
});

describe("an agent that is ready", () => {
  test("is healthy without components", async () => {
    const { reports, health } = reporting();
    health.ready();
    await turn();
    expect(reports).toEqual([{ healthy: true }]);
  });

  test("is healthy without component statuses, and keeps its health if they become StatusNone", async () => {
    const { reports, health } = reporting();
    health.component("a").set("StatusNone");
    health.ready();
    await turn();
    health.component("a").set("StatusRecoverableError", { error: "e" });
    await turn();
    health.component("a").set("StatusNone");
    await turn();
    expect(reports.map(({ healthy, status }) => [healthy, status])).toEqual([
      [true, undefined],
      [false, "StatusRecoverableError"],
    ]);
    health.component("a").remove();
    await turn();
    expect(reports.at(-1)).toEqual({ healthy: true });
  });

  verifies(
    ["HEALTH-01", "HEALTH-03", "HEALTH-04"],
    "shows the failure of a component at every level above it",
    async () => {
      const { reports, health } = reporting();
      health.ready();
      const pipeline = health.component("pipeline:traces");
      pipeline.component("receiver:otlp").set("StatusOK");
      pipeline.component("exporter:debug").set("StatusPermanentError", {
        error: new Error("disk full"),
        attributes: { path: "/var", tries: 3 },
        time: new Date(5),
      });
      health.component("extensions").component("extension:opamp").set("StatusOK");
      await turn();
      const failed = {
        healthy: false,
        status: "StatusPermanentError",
        lastError: "disk full",
        attributes: { path: "/var", tries: 3 },
        statusTime: 5_000_000n,
      };
      expect(reports).toEqual([
        {
          ...failed,
          components: {
            "pipeline:traces": { ...failed, components: { "receiver:otlp": ok, "exporter:debug": failed } },
            extensions: { ...ok, components: { "extension:opamp": ok } },
          },
        },
      ]);
    },
  );

  test("combines its own status with its components', as does a component with others in it", async () => {
    const { reports, health } = reporting();
    health.ready();
    health.component("a").set("StatusRecoverableError", { error: "own" });
    health.component("a", "b").set("StatusOK");
    health.set("StatusOK");
    await turn();
    const error = { healthy: false, status: "StatusRecoverableError", lastError: "own", statusTime: expect.anything() };
    expect(reports).toEqual([{ ...error, components: { a: { ...error, components: { b: ok } } } }]);
    health.remove();
    await turn();
    expect(reports.at(-1)).toEqual({ healthy: true });
  });

  test("is unhealthy after notReady(), until a component sets its status", async () => {
    const { reports, health } = reporting();
    health.component("a").set("StatusOK");
    health.ready();
    await turn();
    health.notReady();
    health.component("b").remove();
    await turn();
    expect(reports.at(-1)).toEqual({ healthy: false });
    health.component("a").set("StatusStopping");
    await turn();
    expect(reports.at(-1)).toMatchObject({ status: "StatusStopping" });
    health.notReady();
    health.ready();
    await turn();
    expect(reports.map(({ healthy, status }) => [healthy, status])).toEqual([
      [true, "StatusOK"],
      [false, undefined],
      [false, "StatusStopping"],
    ]);
  });
});

describe("a report", () => {
  test("is sent once for all changes in a turn", async () => {
    const { reports, health } = reporting();
    health.ready();
    for (let index = 0; index < 1_000; index += 1) health.component(`c${index % 10}`).set("StatusOK");
    expect(reports).toEqual([]);
    await turn();
    expect(reports).toHaveLength(1);
    expect(Object.keys(reports[0]?.components ?? {})).toHaveLength(10);
  });

  verifies("STATUS-05", "is not sent if only times differ", async () => {
    const { clock, reports, health } = reporting();
    health.ready();
    health.component("a").set("StatusOK");
    await clock.advance(1_000);
    health.component("a").set("StatusOK");
    await clock.advance(1_000);
    expect(reports).toHaveLength(1);
    health.component("a").set("StatusOK", { attributes: { load: 1 } });
    await clock.advance(0);
    expect(reports).toHaveLength(2);
    expect(reports[1]?.statusTime).toBe(BigInt(clock.wallNow()) * 1_000_000n);
  });

  test("that fails is reported as an error, affects nothing else, and is sent with the next change", async () => {
    const errors: OpAMPError[] = [];
    const reports: Health[] = [];
    let fails = true;
    const health = componentHealth(
      (report) => {
        if (fails) throw new Error("stopped");
        reports.push(report);
      },
      { onError: (error) => errors.push(error) },
    );
    health.ready();
    await turn();
    expect(errors).toMatchObject([{ code: "ERR_OPAMP_HANDLER", message: "the health was not reported: stopped" }]);
    fails = false;
    health.ready();
    await turn();
    expect(reports).toEqual([{ healthy: true }]);
  });

  test("is sent at once for pending changes on stop, and later changes are counted as ignored", async () => {
    const { reports, health } = reporting();
    health.ready();
    health.component("a").set("StatusStopped");
    health.stop();
    health.stop();
    expect(reports.map(({ status }) => status)).toEqual(["StatusStopped"]);
    health.component("a").set("StatusOK");
    health.component("a").remove();
    health.ready();
    health.notReady();
    await turn();
    expect(reports).toHaveLength(1);
    expect(health.ignored).toBe(4);
  });

  test("is sent to a client until that has stopped", async () => {
    const clock = virtualClock();
    const client = new OpAMPClient({
      url: "ws://127.0.0.1:1",
      description: { identifying: { "service.name": "a" } },
      clock,
    });
    const errors: OpAMPError[] = [];
    const health = componentHealth((all) => client.setHealth(all), { clock, onError: (error) => errors.push(error) });
    health.component("a").set("StatusStarting");
    await clock.advance(0);
    expect(client.capabilityMask & 0x800n).toBe(0x800n);
    await client.stop();
    health.component("a").set("StatusOK");
    health.ready();
    await clock.advance(0);
    expect(errors).toMatchObject([{ cause: { code: "ERR_OPAMP_STOPPED" } }]);
  });
});

describe("what cannot be reported is refused at once:", () => {
  const { health } = reporting();
  for (const [what, call, text] of [
    // @ts-expect-error no such word
    ["an unknown status", () => health.component("a").set("StatusGreat"), 'status: must be one of "StatusNone"'],
    // @ts-expect-error no word
    ["no status", () => health.component("a").set(), "status: must be one of"],
    ["a component without a name", () => health.component("a", ""), "component: must be a name"],
    ["too many levels", () => health.component("a", ...new Array<string>(40).fill("b")), "component: nests over 32"],
    // @ts-expect-error no such detail
    ["an unknown detail", () => health.component("a").set("StatusOK", { err: "x" }), "details.err: is not an option"],
    // @ts-expect-error a number of what
    ["a time as a number", () => health.component("a").set("StatusOK", { time: 5 }), "details.time: must be a Date"],
    [
      "an invalid time",
      () => health.component("a").set("StatusOK", { time: new Date(Number.NaN) }),
      "details.time: is an invalid Date",
    ],
    [
      "a time before 1970",
      () => health.component("a").set("StatusOK", { time: new Date(-1) }),
      "details.time: must lie",
    ],
    [
      "an invalid attribute",
      // @ts-expect-error a function is not an attribute
      () => health.component("a").set("StatusOK", { attributes: { f: () => 1 } }),
      'details.attributes["f"]',
    ],
    // @ts-expect-error nobody to report to
    ["a missing report function", () => componentHealth(), "componentHealth.report: must be a function"],
  ] as const) {
    test(what, () => {
      const error = refusal(call);
      expect(error.code).toBe("ERR_OPAMP_OPTION");
      expect(error.message).toContain(text);
    });
  }
});
