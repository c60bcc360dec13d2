import { describe, expect, onTestFinished, test, vi } from "vitest";
import {
  collectorComponents,
  fromExtensionConfig,
  OpAMPExtension,
  type OpAMPExtensionOptions,
  readExtensionConfig,
} from "../../src/extension/index.js";
import { memoryStore } from "../../src/index.js";
import { memoryTransport, OpAMPServer, virtualClock } from "../../src/testing/index.js";
import { escapes } from "../client/hosted.js";
import { ref, type Tree } from "./reading.js";

const NEW_UID = Uint8Array.from({ length: 16 }, (_, index) => 0xa0 + index);
const WS = { ws: { endpoint: "ws://127.0.0.1:4320/v1/opamp" } };
const [STATUS, EFFECTIVE_CONFIG, RESTART, HEALTH, HEARTBEAT, COMPONENTS] = [1n, 4n, 0x400n, 0x800n, 0x2000n, 0x4000n];

/** An extension on virtual time with its server; not started. */
async function extension(block: Tree = {}, { client, ...host }: OpAMPExtensionOptions = {}) {
  const server = await OpAMPServer.start();
  onTestFinished(() => server.close());
  const clock = virtualClock();
  const escaped = escapes();
  const made = new OpAMPExtension(
    { server: WS, ...block },
    {
      service: { name: "probe", version: "1.2.3" },
      ...host,
      client: { transport: memoryTransport(server), clock, ...client },
    },
  );
  onTestFinished(async () => {
    const stopped = made.stop();
    await clock.advance(60_000);
    await stopped;
    expect(escaped).toEqual([]);
  });
  return { made, server, clock, agent: server.agent(made.client.instanceUid) };
}

async function started(block?: Tree, options?: OpAMPExtensionOptions) {
  const all = await extension(block, options);
  all.made.start();
  await all.clock.advance(0);
  return all;
}

describe("the first report", () => {
  test("has the Collector's description and capabilities, and is unhealthy at first", async () => {
    const { agent, made } = await started(undefined, { detected: { "os.type": "linux" } });
    expect(agent.attributes.identifying).toEqual({
      "service.instance.id": made.client.instanceUid,
      "service.name": "probe",
      "service.version": "1.2.3",
    });
    expect(agent.attributes.nonIdentifying).toEqual({ "os.type": "linux" });
    expect(agent.health).toMatchObject({ healthy: false });
    expect(agent.capabilityMask).toBe(STATUS | HEALTH);
  });

  test.each<[string, Tree, OpAMPExtensionOptions, bigint]>([
    ["effective config", {}, { effectiveConfig: () => ({}) }, STATUS | HEALTH | EFFECTIVE_CONFIG],
    [
      "no effective config although there is one",
      { reports_effective_config: false },
      { effectiveConfig: () => ({}) },
      STATUS | HEALTH,
    ],
    ["available components", {}, { availableComponents: collectorComponents() }, STATUS | HEALTH | COMPONENTS],
    [
      "no available components although there are some",
      { reports_available_components: false },
      { availableComponents: collectorComponents() },
      STATUS | HEALTH,
    ],
    ["no health", { reports_health: false }, {}, STATUS],
    ["heartbeats", { reports_heartbeat: true }, {}, STATUS | HEALTH | HEARTBEAT],
    ["restarts", { accepts_restart_command: true }, {}, STATUS | HEALTH | RESTART],
    ["no restarts although there is a handler", {}, { restart: () => undefined }, STATUS | HEALTH],
  ])("declares %s", async (_, capabilities, options, mask) => {
    const { agent, made } = await started({ capabilities }, options);
    made.health.ready();
    expect(agent.capabilityMask).toBe(mask);
  });

  test("has the raw configuration only if configured so", async () => {
    const effectiveConfig = () => ({ "": { body: "a: 1" }, raw: { body: `a: ${ref("env:A")}` } });
    const without = await started({}, { effectiveConfig });
    expect(Object.keys(without.agent.effectiveFiles)).toEqual([""]);
    const wanted = await started({ reports_raw_config: true }, { effectiveConfig });
    expect(Object.keys(wanted.agent.effectiveFiles).sort()).toEqual(["", "raw"]);
  });

  test("takes the uid from the configuration, else from the resource, else from the store", async () => {
    const [configured, ofResource] = ["01a21eb7-1c45-75da-b551-71959b42cc7c", "02a21eb7-1c45-75da-b551-71959b42cc7c"];
    const resource = { "service.instance.id": ofResource };
    const stored = () => ({ client: { store: memoryStore({ instanceUid: NEW_UID }) } });
    const uidOf = async (block: Tree, options: OpAMPExtensionOptions) =>
      (await started(block, options)).made.client.instanceUid;
    expect(await uidOf({ instance_uid: configured }, { resource, ...stored() })).toBe(configured);
    expect(await uidOf({}, { resource, ...stored() })).toBe(ofResource);
    expect(await uidOf({}, stored())).toBe("a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf");
  });

  test("is never sent if the resource's instance id is not a uid", async () => {
    await expect(extension({}, { resource: { "service.instance.id": "pod-7" } })).rejects.toMatchObject({
      code: "ERR_OPAMP_INSTANCE_UID",
    });
  });

  test("has the attributes of the host's resource over those of the file", async () => {
    const server = await OpAMPServer.start();
    onTestFinished(() => server.close());
    const yaml = `
extensions: { opamp: { server: { ws: { endpoint: "${server.url}" } }, agent_description: { include_resource_attributes: true } } }
service: { telemetry: { resource: { service.name: in-file, team: red, zone: a } } }
mine: { anything: true }
`;
    const made = new OpAMPExtension(yaml, { ignore: ["mine"], resource: { zone: "b" }, detected: {} });
    onTestFinished(() => made.stop());
    made.start();
    const { attributes } = await server.firstAgent();
    expect(attributes.identifying["service.name"]).toBe("in-file");
    expect(attributes.nonIdentifying).toEqual({ team: "red", zone: "b" });
  });
});

describe("afterwards", () => {
  test("the health of components is reported once they are ready, as one tree", async () => {
    const { agent, made, clock } = await started();
    made.health.component("pipeline:traces", "receiver:otlp").set("StatusOK");
    await clock.advance(0);
    expect(agent.received).toHaveLength(1);
    made.health.ready();
    await clock.advance(0);
    expect(agent.health).toMatchObject({ healthy: true, status: "StatusOK" });
    expect(Object.keys(agent.health?.components?.["pipeline:traces"]?.components ?? {})).toEqual(["receiver:otlp"]);
  });

  test("the description follows a uid that the server gives", async () => {
    const { agent, clock } = await started();
    agent.assignUid(NEW_UID);
    await clock.advance(0);
    expect(agent.attributes.identifying["service.instance.id"]).toBe("a0a1a2a3-a4a5-a6a7-a8a9-aaabacadaeaf");
  });

  test("a heartbeat interval that the server offers is followed only where heartbeats are reported", async () => {
    for (const [reports_heartbeat, beats] of [
      [true, 3],
      [false, 0],
    ] as const) {
      const { agent, clock } = await started({ capabilities: { reports_heartbeat } });
      agent.offerHeartbeat(10);
      await clock.advance(0);
      const before = agent.received.length;
      await clock.advance(35_000);
      expect(agent.received.length - before).toBe(beats);
    }
  });

  test("polls come at the interval of the configuration", async () => {
    const server = await OpAMPServer.start();
    onTestFinished(() => server.close());
    const clock = virtualClock();
    const made = new OpAMPExtension(
      { server: { http: { endpoint: server.httpUrl, polling_interval: "10s" } } },
      { service: { name: "probe" }, client: { transport: memoryTransport(server, { duplex: false }), clock } },
    );
    made.start();
    await clock.advance(0);
    const agent = server.agent(made.client.instanceUid);
    await clock.advance(30_000);
    expect(agent.received).toHaveLength(4);
    const stopped = made.stop();
    await clock.advance(1_000);
    await stopped;
  });

  test("a restart command calls the host's handler, and without one never ends the process", async () => {
    const restart = vi.fn();
    const capabilities = { accepts_restart_command: true };
    const own = await started({ capabilities }, { restart });
    own.agent.restart();
    await own.clock.advance(0);
    expect(restart).toHaveBeenCalledTimes(1);
    const { agent, clock, made } = await started({ capabilities });
    const errors: string[] = [];
    made.client.on("error", ({ message }) => errors.push(message));
    agent.restart();
    await clock.advance(0);
    expect(errors).toEqual([expect.stringContaining("nobody listens for SIGHUP")]);
    expect(agent.health?.lastError).toContain("restart failed");
  });

  test("a stop reports the program as unhealthy, with agent_disconnect", async () => {
    const { agent, made, clock } = await started();
    made.health.ready();
    await clock.advance(0);
    expect(agent.health?.healthy).toBe(true);
    const stopped = made.stop();
    expect(made.stop()).toBe(stopped);
    await clock.advance(1_000);
    await stopped;
    expect(agent.lastMessage?.agentDisconnect).toBeDefined();
    expect(agent.health?.healthy).toBe(false);
    made.health.component("late").set("StatusOK");
    await clock.advance(0);
    expect(made.health.ignored).toBe(1);
  });

  test("the extension stops when it goes out of scope", async () => {
    const { made, clock } = await started();
    const disposed = made[Symbol.asyncDispose]();
    await clock.advance(1_000);
    await disposed;
    expect(made.client.phase).toBe("stopped");
  });
});

test("a program without a name is refused, with a hint", () => {
  expect(() => new OpAMPExtension({ server: WS })).toThrow(
    "service.name: is missing; give what the program is called, or service.name in service.telemetry.resource",
  );
});

test("a listener for an event that only the client has is refused", async () => {
  const { made } = await extension();
  expect(() => made.on("error" as "orphaned", () => undefined)).toThrow(
    'event: must be "orphaned", not "error"; the client\'s own events are those of `client.on`',
  );
});

describe("a parent that is gone", () => {
  test("is reported to every listener, even if others throw", async () => {
    const logged: string[] = [];
    const log = (line: string): void => void logged.push(line);
    const logger = { debug: () => undefined, info: () => undefined, warn: () => undefined, error: log };
    const { made, clock } = await extension({ ppid: 2 ** 22 + 1 }, { client: { logger } });
    const last = vi.fn();
    made.on("orphaned", () => {
      throw new Error("first");
    });
    made.on("orphaned", () => Promise.reject(new Error("second")));
    made.on("orphaned", last);
    made.start();
    await clock.advance(2_000);
    expect(last).toHaveBeenCalledTimes(1);
    expect(logged).toEqual(['a listener of "orphaned" failed: first', 'a listener of "orphaned" failed: second']);
  });

  test("is reported to the server as fatal, then to the host, once the client has stopped", async () => {
    const ended = 2 ** 22 + 1;
    const { made, agent, clock } = await extension({ ppid: ended, ppid_poll_interval: "1s" });
    const orphaned: [number, string][] = [];
    made.on("orphaned", ({ pid, message }) => orphaned.push([pid, `${message} in ${made.client.phase}`]));
    made.client.start();
    await clock.advance(0);
    made.start();
    await clock.advance(2_000);
    expect(orphaned).toEqual([[ended, `the agent was orphaned, process with pid ${ended} does not exist in stopped`]]);
    expect(agent.lastMessage?.agentDisconnect).toBeDefined();
    expect(agent.health).toMatchObject({
      healthy: false,
      status: "StatusFatalError",
      lastError: expect.stringContaining("was orphaned, process with pid"),
    });
  });

  test("is no longer looked for after a stop, and never reported while alive", async () => {
    const { made, clock } = await started({ ppid: process.ppid, ppid_poll_interval: "1s" });
    const listener = vi.fn();
    made.on("orphaned", listener).off("orphaned", listener).on("orphaned", listener);
    await clock.advance(5_000);
    expect(made.client.phase).toBe("online");
    const stopped = made.stop();
    await clock.advance(1_000);
    await stopped;
    await clock.advance(5_000);
    expect(listener).not.toHaveBeenCalled();
  });
});

describe("a configuration that was read before", () => {
  const file = { extensions: { opamp: { server: { ws: { endpoint: ref("env:ENDPOINT") } }, ppid: 0 } } };
  const config = readExtensionConfig(file, { env: { ENDPOINT: "ws://127.0.0.1:4320/v1/opamp" } });
  const host = { env: {}, service: { name: "probe" } };

  test("is not read again", async () => {
    const onWarning = vi.fn();
    const made = new OpAMPExtension(config, { ...host, onWarning });
    expect(made.client.phase).toBe("idle");
    await made.stop();
    expect(fromExtensionConfig({ ...config, instanceUid: undefined }, host).url).toBe("ws://127.0.0.1:4320/v1/opamp");
    expect(onWarning).not.toHaveBeenCalled();
  });
});
