import { describe, expect, test } from "vitest";
import type { TelemetrySettings } from "../../../../src/index.js";
import { noting, taking } from "../../other-connections/taking.js";
import { moved, NEW, OLD, offer, offers, servers } from "../moved.js";

const WAYS = [
  ["over WebSocket", true],
  ["over HTTP", false],
] as const;

describe("settings that the host forgets", () => {
  test("in the moment in which their server has answered leave a connection with the one of the options", async () => {
    const agent = await moved();
    agent.client.on("phase", ({ phase }) => {
      if (phase === "online" && agent.client.connection?.state === "verifying") agent.client.forgetConnectionSettings();
    });
    await offer(agent, { destinationEndpoint: NEW });
    await agent.clock.advance(200_000);
    expect(agent.states).toContain("verifying");
    expect(agent.client.phase).toBe("online");
    expect(agent.client.connection).toMatchObject({ endpoint: OLD, source: "options", state: undefined });
    expect([agent.dialled.at(-1), agent.errors]).toEqual(["old", []]);
  });

  test("in the moment in which they are rolled back are not told to be rolled back", async () => {
    const agent = await moved();
    agent.servers.new.misbehave({ mode: "silence", times: 1_000 });
    agent.client.on("phase", ({ reason }) => {
      if (reason === "rolledBack" && agent.states.at(-1) !== undefined) agent.client.forgetConnectionSettings();
    });
    await offer(agent, { destinationEndpoint: NEW });
    await agent.clock.advance(100_000);
    expect(agent.states).toEqual(["candidate", "verifying", undefined]);
    expect(agent.client.connection?.state).toBe(undefined);
  });

  test.each(WAYS)("are left %s also where their server offers them again at once", async (_name, duplex) => {
    let offered = 0;
    const both = await servers({
      new: {
        onMessage(_agent, { connectionSettingsStatus: status }) {
          if (status?.status !== 0) return {};
          offered += 1;
          const hash = Uint8Array.of(100 + offered);
          return { connectionSettings: { hash, opamp: { destinationEndpoint: NEW } } };
        },
      },
    });
    const agent = await moved({ servers: both, duplex });
    await offer(agent, { destinationEndpoint: NEW });
    await agent.clock.advance(40_000);
    expect(agent.client.connection).toMatchObject({ endpoint: NEW, state: "accepted" });
    agent.client.forgetConnectionSettings();
    await agent.clock.advance(100_000);
    expect(agent.client.connection).toMatchObject({ endpoint: OLD, source: "options" });
    expect(offered).toBe(1);
  });

  test("are none where none were accepted: a pause that the server asked for holds", async () => {
    let isBusy = false;
    const retryInfo = { case: "retryInfo" as const, value: { retryAfterNanoseconds: 3_600_000_000_000n } };
    const onMessage = () => (isBusy ? { errorResponse: { type: 2, Details: retryInfo } } : {});
    const agent = await moved({ servers: await servers({ old: { onMessage } }) });
    isBusy = true;
    agent.client.setHealth({ healthy: true, status: "well" });
    await agent.clock.advance(120_000);
    for (let times = 0; times < 3; times++) {
      agent.client.forgetConnectionSettings();
      await agent.clock.advance(5_000);
    }
    expect([agent.client.phase, agent.dialled]).toEqual(["waiting", ["old"]]);
  });

  test("while a handler runs do not have two of them run at once", async () => {
    let running = 0;
    let most = 0;
    const ends: (() => void)[] = [];
    const { handler, calls } = noting<TelemetrySettings>(async () => {
      running += 1;
      most = Math.max(most, running);
      await new Promise<void>((resolve) => ends.push(resolve));
      running -= 1;
    });
    const agent = await taking({ ownMetrics: handler, opamp: true });
    const to = { destinationEndpoint: "https://metrics.example.com/v1" };
    await offers(agent, { ownMetrics: to });
    agent.client.forgetConnectionSettings();
    await agent.clock.advance(1_000);
    await offers(agent, { ownMetrics: to });
    expect(calls.length).toBe(1);
    expect(String(calls[0]?.context.signal.reason)).toContain("aborted: superseded");
    ends[0]?.();
    await agent.clock.advance(1_000);
    expect([calls.length, most]).toEqual([2, 1]);
  });
});

test.each(WAYS)("what a server says that was refused has no effect %s while it is left", async (_name, duplex) => {
  const both = await servers({
    new: {
      onMessage(_agent, { agentDisconnect }) {
        if (agentDisconnect === undefined) return { errorResponse: { type: 1, errorMessage: "no" } };
        const body = new TextEncoder().encode("evil");
        return { remoteConfig: { configHash: Uint8Array.of(6), config: { configMap: { "": { body } } } } };
      },
    },
  });
  const given: unknown[] = [];
  const remoteConfig = { apply: (config: unknown) => void given.push(config) };
  const agent = await moved({ servers: both, duplex, options: { remoteConfig } });
  await offer(agent, { destinationEndpoint: NEW });
  await agent.clock.advance(40_000);
  expect(agent.states).toEqual(["candidate", "verifying", "rolledBack"]);
  expect(given).toEqual([]);
});
