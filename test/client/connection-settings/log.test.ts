import { describe, expect, test } from "vitest";
import { agentLog } from "../../../src/cli/agent-log.js";
import { lastingStore } from "../../store/store-fixture.js";
import { type Moved, moved, NEW, OLD, offer } from "./moved.js";
import { headers, type OfferInit } from "./offers.js";

const SECRET = "s3cret-t0ken";
const HEADERS = headers(["authorization", `Bearer ${SECRET}`]);

/** An agent whose log is that of `opamp agent` as JSON, and what has been written about its connection since. */
async function logged(given: Parameters<typeof moved>[0] = {}) {
  const lines: Record<string, unknown>[] = [];
  const logger = agentLog({ format: "json", level: "info", write: (line) => lines.push(JSON.parse(line)) });
  const agent = await moved({ ...given, options: { logger, ...given.options } });
  const told = () => lines.splice(0).map(({ level, message }) => `${level} ${message}`);
  return { agent, lines, told };
}

/** Offers settings by the server that the agent has been moved to. */
async function offerAgain({ servers, client, clock }: Moved, opamp: OfferInit, first: number): Promise<void> {
  servers.new.agent(client.instanceUid).send({ connectionSettings: { hash: Uint8Array.of(first), opamp } });
  await clock.advance(500);
}

describe("the log of an agent tells of", () => {
  test("a move, each step of it, and where the agent is now", async () => {
    const { agent, lines, told } = await logged();
    await offer(agent, { destinationEndpoint: `${NEW}?token=${SECRET}`, headers: HEADERS });
    expect(JSON.stringify(lines)).not.toContain(SECRET);
    const connected = lines.filter(({ message }) => /^Connected/.test(String(message)));
    expect(connected.map(({ endpoint }) => endpoint)).toEqual([OLD, NEW]);
    const [inForce] = lines.filter(({ message }) => String(message).includes("in force"));
    expect(inForce).toMatchObject({ level: "info", endpoint: NEW, instance_uid: agent.client.instanceUid });
    expect(told()).toEqual([
      "info Connected to the OpAMP server over memory",
      "info Connection settings 01 applying",
      `info Trying the offered connection settings: ${NEW}`,
      "info Disconnected to try the offered connection settings, will connect again at once.",
      "info Connected to the OpAMP server over memory",
      `info The offered connection settings are in force: ${NEW}`,
      "info Connection settings 01 applied",
    ]);
  });

  test("a roll-back, with where the agent is again and why", async () => {
    const { agent, lines, told } = await logged();
    await offer(agent, { destinationEndpoint: NEW });
    agent.servers.old.misbehave({ mode: "silence", times: 1_000 });
    told();
    await offerAgain(agent, { destinationEndpoint: "wss://old.example.com/v1/opamp" }, 2);
    await agent.clock.advance(70_000);
    const text = `Rolled back to ${NEW}`;
    expect(lines.find(({ message }) => message === text)).toMatchObject({ level: "warn", endpoint: NEW });
    const all = told();
    expect(all.slice(all.indexOf(`warn ${text}`) + 1)).toEqual([
      expect.stringMatching(/^warn Connection settings 02 failed: not proved within 60000 ms: /),
      expect.stringMatching(/^info Gave up the offered connection settings, will connect again/),
      expect.stringMatching(/^info Connected to the OpAMP server over memory, after/),
    ]);
  });

  test("a server that is gone after a roll-back, though the one on trial failed in the same way", async () => {
    const { agent, lines, told } = await logged({ policy: { endpoints: ["*.example.com"], verifyMs: 3_000 } });
    await agent.servers.new.close();
    await offer(agent, { destinationEndpoint: NEW });
    await agent.servers.old.close();
    await agent.clock.advance(20_000);
    const failed = lines.filter(({ message }) => /^Connection failed/.test(String(message)));
    expect(failed.map(({ endpoint }) => endpoint)).toEqual([NEW, OLD]);
    const kinds = ["Trying", "Connection failed", "Rolled back"];
    const all = told().flatMap((text) => kinds.find((kind) => text.includes(kind)) ?? []);
    expect(all).toEqual(["Trying", "Connection failed", "Rolled back", "Connection failed"]);
  });

  test("settings that are forgotten, and of none that were given up", async () => {
    const { agent, told } = await logged();
    await offer(agent, { destinationEndpoint: NEW });
    told();
    agent.client.forgetConnectionSettings();
    await agent.clock.advance(2_000);
    expect(told().slice(0, 2)).toEqual([
      expect.stringMatching(/^info Disconnected, will connect again/),
      expect.stringMatching(/^info Connected to the OpAMP server over memory/),
    ]);
  });

  test("a refusal, with the key that would allow it, and of no roll-back", async () => {
    const { agent, told } = await logged();
    await offer(agent, { destinationEndpoint: "wss://elsewhere.example.org/" });
    expect(told().slice(2)).toEqual([
      expect.stringMatching(/^warn Connection settings 01 failed: .*name its host in connection_settings\.endpoints/),
    ]);
  });

  test("offers that come too often, once", async () => {
    const { agent, lines } = await logged({ policy: { maxPerHour: 1 } });
    await offer(agent, { destinationEndpoint: NEW });
    for (const index of [2, 3, 4]) await offerAgain(agent, { headers: headers(["a", String(index)]) }, index);
    const about = lines.filter(({ code }) => code === "settings-wait");
    expect(about).toMatchObject([
      { level: "warn", message: expect.stringMatching(/wait for 60 min \(.*connection_settings\.max_per_hour\)$/) },
    ]);
    expect(lines.map(({ message }) => String(message)).filter((text) => text.startsWith("Rolled back"))).toEqual([]);
  });

  test("settings that are put aside since the file was changed", async () => {
    const store = lastingStore();
    const { agent } = await logged({ store });
    await offer(agent, { destinationEndpoint: NEW });
    const stopped = agent.client.stop();
    await agent.clock.advance(5_000);
    await stopped;
    const settings = { opamp: { endpoints: ["*.example.com"] }, settingsEpoch: "2" };
    const { told, lines } = await logged({ store, servers: agent.servers, settings });
    expect(new Set(lines.map(({ instance_uid: uid }) => uid))).toEqual(new Set([agent.client.instanceUid]));
    expect(told()[0]).toBe(
      "warn the connection settings that the server offered are put aside: the file changed since they were offered: connection_settings.epoch (nothing has to be done: the file counts, and the server may offer its settings again)",
    );
  });
});
