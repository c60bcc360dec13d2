import { describe, expect, test } from "vitest";
import { type ConfigFiles, memoryStore, type RemoteConfig } from "../../../src/index.js";
import { virtualClock } from "../../../src/testing/virtual-clock.js";
import { verifies } from "../../conformance/verifies.js";
import { configMap, deferred, isBare, messages, startClient, startMock, until, untilMessages } from "./mock-server.js";

const APPLIED = 1;
const APPLYING = 2;
const FAILED = 3;
// The mock makes it a number where the schema has a bigint.
const FULL_STATE = 1;

describe("reporting to Elastic's mock server", () => {
  verifies(
    ["HTTP-01", "HTTP-06", "HTTP-08", "STATUS-01", "STATUS-02", "UID-01"],
    "the first POST is a complete report under the uid that the header names",
    async () => {
      const mock = await startMock();
      const { client } = startClient(mock.endpoint, {
        health: { healthy: true, status: "StatusOK" },
        effectiveConfig: () => ({ "": { body: "k: v" } }),
        heartbeat: { intervalMs: 3_600_000 },
      });
      await client.connected({ timeoutMs: 5_000 });
      const [first] = mock.testGetRequests();
      expect(first?.req).toMatchObject({
        method: "POST",
        headers: { "content-type": "application/x-protobuf", "opamp-instance-uid": client.instanceUid },
      });
      expect(first?.a2s).toMatchObject({
        sequenceNum: 1n,
        capabilities: client.capabilityMask,
        health: { healthy: true, status: "StatusOK" },
        effectiveConfig: { configMap: { configMap: { "": { body: Buffer.from("k: v") } } } },
      });
      const uid = first?.a2s?.instanceUid ?? new Uint8Array();
      expect(Buffer.from(uid).toString("hex")).toBe(client.instanceUid.replaceAll("-", ""));
      const agent = mock.getActiveAgent(uid);
      expect(agent?.getIdentifyingAttributes()).toEqual({ "service.name": "agent" });
      expect(agent?.getNonIdentifyingAttributes()).toEqual({ "os.type": "linux", cores: 4n });
    },
  );

  verifies(
    ["HTTP-03", "SEQ-01", "CAP-01", "STATUS-05", "HB-05"],
    "polls have nothing but instance uid, sequence number and capabilities",
    async () => {
      const mock = await startMock();
      const { client, errors } = startClient(mock.endpoint);
      const [, ...polls] = await untilMessages(mock, 6);
      expect(polls.filter((poll) => !isBare(poll))).toEqual([]);
      expect(messages(mock).map(({ sequenceNum }) => sequenceNum)).toEqual(messages(mock).map((_, i) => BigInt(i + 1)));
      expect(polls.every(({ capabilities }) => capabilities === client.capabilityMask)).toBe(true);
      expect(client.serverCapabilityMask).toBe(0x3n);
      expect(errors).toEqual([]);
    },
  );

  verifies(
    ["HTTP-02", "STATUS-04", "HEALTH-03"],
    "a change of health is reported at once, whole and alone",
    async () => {
      const mock = await startMock();
      const { client } = startClient(mock.endpoint, {
        health: { healthy: true, status: "StatusOK" },
        heartbeat: { intervalMs: 3_600_000 },
      });
      await client.connected({ timeoutMs: 5_000 });
      client.setHealth({ healthy: false, status: "StatusFatalError", lastError: "no disk left" });
      const [, changed] = await untilMessages(mock, 2);
      expect(changed).toMatchObject({
        health: { healthy: false, status: "StatusFatalError", lastError: "no disk left" },
      });
      expect(changed?.agentDescription).toBeUndefined();
    },
  );

  verifies(["STATUS-07", "MSG-02"], "a server that forgot the agent gets everything once, and then polls", async () => {
    const mock = await startMock();
    const { client } = startClient(mock.endpoint, { health: { healthy: true } });
    await untilMessages(mock, 2);
    await mock.close();
    const again = await startMock({ port: Number(new URL(mock.endpoint).port) });
    const received = await untilMessages(again, 6);
    expect(again.testGetRequests()[0]?.s2a?.flags).toEqual(FULL_STATE);
    expect(isBare(received[0] ?? expect.fail("nothing came"))).toBe(true);
    expect(received[1]).toMatchObject({ agentDescription: {}, health: { healthy: true } });
    expect(received.slice(2).filter((message) => !isBare(message))).toEqual([]);
    expect(client.phase).toBe("online");
  });

  verifies(["CLOSE-01", "CLOSE-04"], "a stop sends agent_disconnect in the last POST", async () => {
    const mock = await startMock();
    const { client } = startClient(mock.endpoint);
    await untilMessages(mock, 3);
    await client.stop();
    const goodbyes = messages(mock).map(({ agentDisconnect }) => agentDisconnect !== undefined);
    expect(goodbyes.filter((goodbye) => goodbye)).toHaveLength(1);
    expect(goodbyes.at(-1)).toBe(true);
  });
});

describe("remote config from Elastic's mock server", () => {
  /** An agent with one file, which an offer replaces unless it says so; each apply waits for its gate. */
  async function offered(files: Record<string, string>, gate: Promise<unknown> = Promise.resolve()) {
    const mock = await startMock({ agentConfigMap: configMap(files) });
    const applied: RemoteConfig[] = [];
    let current: ConfigFiles = { elastic: { body: "{}" } };
    const { client, errors } = startClient(mock.endpoint, {
      effectiveConfig: () => current,
      remoteConfig: {
        async apply(config) {
          applied.push(config);
          await gate;
          if (config.files["elastic"]?.text() === "broken") throw new Error("elastic: not JSON");
          current = config.files;
        },
      },
    });
    const statuses = () => messages(mock).flatMap(({ remoteConfigStatus }) => remoteConfigStatus ?? []);
    const untilStatus = (status: number, after = 0) => {
      return until(() => statuses().find((told, index) => told.status === status && index >= after));
    };
    const hash = () => mock.testGetRequests().findLast(({ s2a }) => s2a?.remoteConfig)?.s2a?.remoteConfig?.configHash;
    return { mock, client, errors, applied, statuses, untilStatus, hash };
  }

  verifies(
    ["CFG-05", "CFG-06"],
    "an offer is APPLYING while the handler runs and APPLIED after it, under the hash offered",
    async () => {
      const gate = deferred();
      const { untilStatus, statuses, applied, hash } = await offered(
        { elastic: '{"logging_level":"debug"}' },
        gate.promise,
      );
      const applying = await untilStatus(APPLYING);
      expect(applying).toMatchObject({ lastRemoteConfigHash: hash(), errorMessage: "" });
      gate.resolve();
      expect(await untilStatus(APPLIED)).toMatchObject({ lastRemoteConfigHash: hash(), errorMessage: "" });
      expect(
        statuses()
          .map(({ status }) => status)
          .filter((status) => status === FAILED),
      ).toEqual([]);
      expect(applied).toHaveLength(1);
      expect(applied[0]?.files["elastic"]?.json()).toEqual({ logging_level: "debug" });
      expect(applied[0]?.files["elastic"]?.contentType).toBe("application/json");
    },
  );

  verifies(
    ["MSG-01", "CFG-04"],
    "the offer that comes with every answer until its status arrives is applied once",
    async () => {
      const { mock, untilStatus, applied } = await offered({ elastic: "{}" });
      await untilStatus(APPLIED);
      await untilMessages(mock, messages(mock).length + 3);
      expect(applied).toHaveLength(1);
      expect(mock.testGetRequests().at(-1)?.s2a?.remoteConfig).toBeUndefined();
    },
  );

  verifies(
    ["STATUS-02"],
    "a first report is full for the mock, offered or not, and is never requested again",
    async () => {
      const mock = await startMock();
      startClient(mock.endpoint, { remoteConfig: { apply: () => undefined } });
      const [first, ...polls] = await untilMessages(mock, 4);
      expect(first).toMatchObject({ agentDescription: {}, remoteConfigStatus: { status: 0, errorMessage: "" } });
      expect(first?.remoteConfigStatus?.lastRemoteConfigHash).toHaveLength(0);
      expect(polls.filter((poll) => !isBare(poll))).toEqual([]);
      expect(mock.testGetRequests().map(({ s2a }) => s2a?.flags)).not.toContain(FULL_STATE);
    },
  );

  test("a config changed through the mock's own API is applied in its turn", async () => {
    const { mock, untilStatus, statuses, applied, hash } = await offered({ elastic: '{"a":1}' });
    const first = await untilStatus(APPLIED);
    const before = statuses().length;
    const response = await fetch(new URL("/api/agentConfigMap", mock.endpoint), {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ elastic: { body: '{"a":2}' }, "": { body: "unnamed", contentType: "text/plain" } }),
    });
    expect(response.status).toBe(204);
    const second = await untilStatus(APPLIED, before);
    expect(second.lastRemoteConfigHash).toEqual(hash());
    expect(second.lastRemoteConfigHash).not.toEqual(first.lastRemoteConfigHash);
    expect(applied.map(({ files }) => files["elastic"]?.json())).toEqual([{ a: 1 }, { a: 2 }]);
    expect(applied[1]?.files[""]?.text()).toBe("unnamed");
  });

  verifies(
    ["CFG-06"],
    "an offer that fails is FAILED with the reason, is left alone, and a better one is applied",
    async () => {
      const { mock, client, errors, untilStatus, applied, hash } = await offered({ elastic: "broken" });
      expect(await untilStatus(FAILED)).toMatchObject({
        lastRemoteConfigHash: hash(),
        errorMessage: "elastic: not JSON",
      });
      await untilMessages(mock, messages(mock).length + 3);
      expect(applied).toHaveLength(1);
      expect(errors.map(({ code }) => code)).toEqual(["ERR_OPAMP_HANDLER"]);
      mock.setAgentConfigMap(configMap({ elastic: '{"b":1}' }));
      expect(await untilStatus(APPLIED)).toMatchObject({ lastRemoteConfigHash: hash() });
      expect(client.phase).toBe("online");
    },
  );

  test("a restarted agent reports what it applied, and is not given it again", async () => {
    const store = memoryStore();
    const mock = await startMock({ agentConfigMap: configMap({ elastic: "{}" }) });
    let applied = 0;
    const remoteConfig = {
      apply() {
        applied += 1;
      },
    };
    const { client } = startClient(mock.endpoint, { store, remoteConfig });
    await until(() => messages(mock).find(({ remoteConfigStatus }) => remoteConfigStatus?.status === APPLIED));
    await client.stop();
    const before = mock.testGetRequests().length;
    const { client: next } = startClient(mock.endpoint, { store, remoteConfig });
    await untilMessages(mock, before + 3);
    const after = mock.testGetRequests().slice(before);
    expect(next.instanceUid).toBe(client.instanceUid);
    expect(after[0]?.a2s).toMatchObject({ agentDescription: {}, remoteConfigStatus: { status: APPLIED } });
    expect(after.filter(({ s2a }) => s2a?.remoteConfig !== undefined)).toEqual([]);
    expect(applied).toBe(1);
  });

  verifies(["CAP-08"], "the effective config is no longer sent once the mock does not accept it", async () => {
    const { mock, untilStatus } = await offered({ elastic: '{"a":1}' });
    await untilStatus(APPLIED);
    await untilMessages(mock, messages(mock).length + 1);
    const [first, ...others] = messages(mock);
    expect(first?.effectiveConfig).toBeDefined();
    expect(others.filter(({ effectiveConfig }) => effectiveConfig !== undefined)).toEqual([]);
  });
});

describe("Elastic's mock server at its worst", () => {
  verifies(
    ["RETRY-01", "MSG-03"],
    "UNKNOWN to everything: refused reports are not repeated, and changes and polls continue",
    async () => {
      const mock = await startMock({ badMode: "server_error_response_unknown" });
      const { client, errors, serverErrors } = startClient(mock.endpoint, { health: { healthy: true } });
      await untilMessages(mock, 4);
      client.setHealth({ healthy: false, lastError: "disk" });
      await until(() => messages(mock).find(({ health }) => health?.healthy === false));
      await untilMessages(mock, messages(mock).length + 3);
      const told = messages(mock).filter((message) => !isBare(message));
      expect(told).toHaveLength(2);
      expect(told[0]).toMatchObject({ agentDescription: {}, health: { healthy: true } });
      expect(told[1]).toMatchObject({ health: { healthy: false } });
      expect(told[1]?.agentDescription).toBeUndefined();
      const refusals = serverErrors.filter(({ dropped }) => dropped.length > 0);
      expect(refusals).toEqual([
        { type: "unknown", message: "some unknown error", dropped: ["agentDescription", "health"] },
        { type: "unknown", message: "some unknown error", dropped: ["health"] },
      ]);
      expect(errors).toEqual([]);
      expect(client.phase).toBe("online");
    },
  );

  verifies(
    ["THR-02", "THR-05", "RETRY-02", "HTTP-04"],
    "UNAVAILABLE for 42 s: nothing is sent before, then the whole report, then polls as before",
    async () => {
      const clock = virtualClock();
      const mock = await startMock({ badMode: "server_error_response_unavailable" });
      const port = Number(new URL(mock.endpoint).port);
      const waits: number[] = [];
      const { client, serverErrors } = startClient(mock.endpoint, { clock, heartbeat: {} });
      client.on("phase", ({ retryAt }) => waits.push(...(retryAt ? [retryAt.getTime() - clock.wallNow()] : [])));
      const waitMs = await until(() => waits[0]);
      expect(serverErrors).toEqual([{ type: "unavailable", message: "some reason", dropped: [] }]);
      expect(waitMs).toBeGreaterThanOrEqual(42_000);
      expect(waitMs).toBeLessThanOrEqual(3.2 * 42_000);
      client.setHealth({ healthy: true });
      await clock.advance(waitMs - 1);
      expect(client.phase).toBe("waiting");
      await mock.close();
      const well = await startMock({ port });
      await clock.advance(1);
      await client.connected({ timeoutMs: 5_000 });
      expect(messages(mock)).toHaveLength(1);
      expect(messages(well)[0]).toMatchObject({ agentDescription: {}, health: { healthy: true } });
      await clock.advance(29_999);
      // A round trip of our own: whatever the client had sent before would have arrived by then.
      await fetch(new URL("/elsewhere", well.endpoint));
      expect(messages(well)).toHaveLength(1);
      await clock.advance(1);
      expect(isBare((await untilMessages(well, 2))[1] ?? expect.fail("no poll"))).toBe(true);
      // While there still is a server: nothing bounds the goodbye but the clock that stands still.
      await client.stop();
    },
  );

  test("a missing path is a typed error and is retried until it exists", async () => {
    const mock = await startMock();
    const { client, errors } = startClient(mock.endpoint.replace("/v1/opamp", "/v2/opamp"));
    await until(() => mock.testGetRequests()[2]);
    await until(() => errors[2]);
    expect(errors[0]).toMatchObject({ code: "ERR_OPAMP_HTTP_STATUS", httpStatus: 404, retryable: true });
    await expect(client.connected({ timeoutMs: 30 })).rejects.toMatchObject({
      code: "ERR_OPAMP_TIMEOUT",
      cause: { code: "ERR_OPAMP_HTTP_STATUS", httpStatus: 404 },
    });
  });

  test("a refused WebSocket upgrade is a typed error, and tried again", async () => {
    const mock = await startMock();
    const { client, errors } = startClient(mock.endpoint.replace("http:", "ws:"));
    await until(() => errors[2]);
    expect(errors[0]).toMatchObject({ code: "ERR_OPAMP_HTTP_STATUS", httpStatus: 501 });
    expect(mock.testGetRequests().filter(({ req }) => req.method !== "GET")).toEqual([]);
    expect(["connecting", "waiting"]).toContain(client.phase);
  });

  test("a 500 to every report makes the client repeat it under a new number", async () => {
    const mock = await startMock();
    // The mock fails on a uid of 16 bytes that are no UUID of a known version.
    const { errors } = startClient(mock.endpoint, { instanceUid: new Uint8Array(16).fill(0xff, 0, 9) });
    const [first, second, third] = await untilMessages(mock, 3);
    await until(() => errors[2]);
    expect(errors[0]).toMatchObject({ code: "ERR_OPAMP_HTTP_STATUS", httpStatus: 500 });
    for (const message of [first, second, third]) expect(message?.agentDescription).toBeDefined();
    expect([first, second, third].map((message) => message?.sequenceNum)).toEqual([1n, 2n, 3n]);
  });

  verifies(["RETRY-03"], "changes during an outage are merged, and the latest are sent when it ends", async () => {
    const mock = await startMock();
    const port = Number(new URL(mock.endpoint).port);
    const { client, errors } = startClient(mock.endpoint, { health: { healthy: true } });
    await untilMessages(mock, 2);
    await mock.close();
    await until(() => errors.find(({ code }) => code === "ERR_OPAMP_CONNECT"));
    for (let number = 1; number <= 1_000; number++) client.setHealth({ healthy: false, status: `attempt ${number}` });
    const back = await startMock({ port });
    const [first] = await untilMessages(back, 1);
    expect(first).toMatchObject({ health: { healthy: false, status: "attempt 1000" } });
    expect(first?.agentDescription).toBeUndefined();
  });
});
