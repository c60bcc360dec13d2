import { describe, expect, test } from "vitest";
import { OpAMPClient, type OpAMPSettingsPolicy, type TelemetrySettings } from "../../../src/index.js";
import { noting } from "../other-connections/taking.js";
import { known, moved, NEW, offer, offers } from "./moved.js";

const [APPLIED, FAILED] = [1, 3];

describe("connectionSettings.opamp.validate", () => {
  test.each([
    ["at once", false],
    ["later", Promise.resolve(false)],
  ])("refuses an offer by returning false %s", async (_when, answer) => {
    const agent = await moved({ policy: { validate: () => answer } });
    await offer(agent, { destinationEndpoint: NEW });
    const text = "returned false: throw an Error with the reason instead";
    expect(known(agent.servers.old, agent)).toEqual([FAILED, 1, text]);
    expect([agent.dialled, agent.states]).toEqual([["old"], ["candidate", "rejected"]]);
    expect(agent.errors).toEqual([`ERR_OPAMP_HANDLER connectionSettings.opamp.validate failed: ${text}`]);
  });

  test.each<[string, OpAMPSettingsPolicy]>([
    ["at once", { validate: ({ endpoint }) => endpoint.startsWith("wss://") }],
    ["later", { validate: async ({ endpoint }) => endpoint.startsWith("wss://") }],
    [
      "later in some cases",
      {
        async validate({ endpoint }) {
          await undefined;
          if (endpoint.startsWith("wss://")) return;
          return false;
        },
      },
    ],
  ])("lets an offer pass that it does not refuse, %s", async (_when, policy) => {
    const agent = await moved({ policy });
    await offer(agent, { destinationEndpoint: NEW });
    expect(agent.states.at(-1)).toBe("accepted");
  });

  test("has its share of timeouts.applyMs, is aborted and named then, and holds up no other handler", async () => {
    const signals: AbortSignal[] = [];
    const metrics = noting<TelemetrySettings>();
    const validate: OpAMPSettingsPolicy["validate"] = (_proposed, { signal }) => {
      signals.push(signal);
      return new Promise(() => undefined);
    };
    const opamp = { endpoints: ["*.example.com"], validate };
    const options = { timeouts: { applyMs: 300 } };
    const agent = await moved({ settings: { opamp, ownMetrics: metrics.handler }, options });
    await offer(agent, { destinationEndpoint: NEW });
    expect(known(agent.servers.old, agent)).toEqual([FAILED, 1, "it did not end within 294 ms"]);
    expect([agent.dialled, agent.states]).toEqual([["old"], ["candidate", "rejected"]]);
    expect(agent.errors).toEqual([
      "ERR_OPAMP_HANDLER connectionSettings.opamp.validate failed: it did not end within 294 ms",
    ]);
    const ownMetrics = { destinationEndpoint: "https://metrics.example.com/v1" };
    agent.servers.old.agent(agent.client.instanceUid).send({
      connectionSettings: { hash: Uint8Array.of(2), opamp: { destinationEndpoint: NEW }, ownMetrics },
    });
    await agent.clock.advance(200);
    expect(known(agent.servers.old, agent)).toEqual([FAILED, 2, "opamp: it did not end within 147 ms"]);
    expect([metrics.calls.length, signals.map(({ aborted }) => aborted)]).toEqual([1, [true, true]]);
  });

  test("leaves an offer untried where a newer one comes meanwhile", async () => {
    let isSlow = true;
    const validate = () => (isSlow ? new Promise<void>(() => undefined) : undefined);
    const agent = await moved({ policy: { validate } });
    await offer(agent, { destinationEndpoint: NEW });
    isSlow = false;
    await offer(agent, { destinationEndpoint: NEW }, 2);
    await agent.clock.advance(2_000);
    expect(agent.states).toEqual(["candidate", "rejected", "candidate", "verifying", "accepted"]);
    expect(known(agent.servers.new, agent)).toEqual([APPLIED, 2, ""]);
  });
});

test("an endless timeouts.applyMs gives a look at an offer, and a handler, as long as they like", async () => {
  const waits: (() => void)[] = [];
  const wait = () => new Promise<void>((resolve) => waits.push(resolve));
  const metrics = noting<TelemetrySettings>(wait);
  const opamp = { endpoints: ["*.example.com"], validate: wait };
  const agent = await moved({
    settings: { opamp, ownMetrics: metrics.handler },
    options: { timeouts: { applyMs: Number.POSITIVE_INFINITY } },
  });
  const ownMetrics = { destinationEndpoint: "https://metrics.example.com/v1" };
  await offers(agent, { opamp: { destinationEndpoint: NEW }, ownMetrics });
  await agent.clock.advance(600_000);
  waits.shift()?.();
  await agent.clock.advance(600_000);
  waits.shift()?.();
  await agent.clock.advance(500);
  expect(agent.statuses).toEqual(["applying", "applied"]);
});

test("every validate may be written as a condition", () => {
  const isSafe = ({ endpoint }: { readonly endpoint: string }) => endpoint.startsWith("https://");
  const handler = { validate: isSafe, apply: () => undefined };
  const client = new OpAMPClient({
    url: "wss://opamp.example.com",
    description: { identifying: { "service.name": "guest" } },
    remoteConfig: { validate: async ({ files }) => "agent.yaml" in files, apply: () => undefined },
    connectionSettings: { opamp: { validate: isSafe }, ownMetrics: handler, other: handler },
  });
  expect(client.capabilities).toContain("acceptsOtherConnectionSettings");
});
