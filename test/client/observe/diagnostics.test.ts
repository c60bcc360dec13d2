import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { create } from "@bufbuild/protobuf";
import { describe, expect, onTestFinished, test } from "vitest";
import { messageOutline } from "../../../src/diagnostics/message-outline.js";
import { AgentToServerSchema, ServerToAgentSchema } from "../../../src/gen/opamp/v1/opamp_pb.js";
import { createRedactor, type DiagnosticChannels, type SendDiagnostic } from "../../../src/index.js";
import { ended, hosted, running } from "../hosted.js";

/** What is published on a channel while the test runs. */
function published<C extends keyof DiagnosticChannels>(
  name: C,
  heard: (diagnostic: DiagnosticChannels[C]) => void = () => undefined,
): DiagnosticChannels[C][] {
  const diagnostics: DiagnosticChannels[C][] = [];
  const listen = (diagnostic: unknown): void => {
    diagnostics.push(diagnostic as DiagnosticChannels[C]);
    heard(diagnostic as DiagnosticChannels[C]);
  };
  subscribe(name, listen);
  onTestFinished(() => void unsubscribe(name, listen));
  return diagnostics;
}

const START = new Date(Date.UTC(2026, 0, 1));

describe("the send channel", () => {
  test("publishes each message with its agent, time, size and content", async () => {
    const messages: unknown[] = [];
    const sent = published("opamp-client:send", ({ message }) => messages.push(message));
    const { client, clock } = await running({
      description: { identifying: { "service.name": "guest", "db.password": "hunter2" } },
      health: { healthy: true },
      effectiveConfig: () => ({ "a.yaml": { body: "password: hunter2", contentType: "text/yaml" } }),
      requestInstanceUid: true,
    });
    await clock.advance(30_000);
    const { instanceUid } = client;
    expect(sent).toMatchObject([
      {
        instanceUid,
        time: START,
        bytes: expect.any(Number),
        sequenceNum: 1,
        has: ["agentDescription", "health", "effectiveConfig"],
        flags: ["requestInstanceUid"],
      },
      { instanceUid, time: new Date(START.getTime() + 30_000), sequenceNum: 2, has: [] },
    ]);
    expect(messages[0]).toMatchObject({
      instanceUid,
      sequenceNum: 1,
      agentDescription: { identifyingAttributes: { "service.name": "guest", "db.password": "[REDACTED]" } },
      effectiveConfig: { configMap: { configMap: { "a.yaml": { body: "[17 bytes]", contentType: "text/yaml" } } } },
    });
    expect(JSON.stringify(messages)).not.toContain("hunter2");
    expect(JSON.stringify(sent[0])).toContain('"service.name":"guest"');
  });

  test("publishes the kind of a custom message and an agent_disconnect", async () => {
    const sent = published("opamp-client:send");
    const { client, clock } = await running({}, { customCapabilities: ["com.example.a"] });
    const channel = client.customCapability("com.example.a");
    await clock.advance(0);
    void channel.send("greet", "hello");
    await clock.advance(0);
    await ended(client, clock);
    expect(sent.find(({ custom }) => custom !== undefined)).toMatchObject({
      has: ["customMessage"],
      custom: { capability: "com.example.a", type: "greet" },
      message: { customMessage: { capability: "com.example.a", type: "greet", data: "[5 bytes]" } },
    });
    expect(sent.at(-1)?.has).toEqual(["agentDisconnect"]);
  });
});

describe("the receive channel", () => {
  test("publishes offers, flags, errors and custom messages", async () => {
    const received = published("opamp-client:receive");
    const { clock, agent } = await running();
    received.length = 0;
    agent.send({ flags: 1n | 8n, command: { type: 0 } });
    agent.send({
      connectionSettings: { opamp: { heartbeatIntervalSeconds: 5n }, ownLogs: {}, otherConnections: { db: {} } },
    });
    agent.send({ errorResponse: { type: 1, errorMessage: "token=hunter2" } });
    agent.send({ customMessage: { capability: "c", type: "t", data: new Uint8Array(7) } });
    await clock.advance(0);
    expect(received.slice(0, 4)).toMatchObject([
      { malformed: false, has: ["command"], flags: ["reportFullState", "0x8"] },
      { has: ["connectionSettings.otherConnections", "connectionSettings.opamp", "connectionSettings.ownLogs"] },
      {
        has: ["errorResponse"],
        errorResponse: "badRequest",
        message: { errorResponse: { errorMessage: "token=[REDACTED]" } },
      },
      { has: ["customMessage"], custom: { capability: "c", type: "t" } },
    ]);
  });

  test("publishes bytes that are not a message", async () => {
    const received = published("opamp-client:receive");
    const { client, clock, transport } = await hosted();
    const open = transport.open.bind(transport);
    transport.open = (sink) => {
      open(sink);
      clock.after(5, () => sink.payload(new Uint8Array([255, 255])));
    };
    client.start();
    await clock.advance(10);
    expect(received.at(-1)).toMatchObject({ malformed: true, bytes: 2, has: [], flags: [], message: {} });
  });
});

test("the phase channel publishes what the phase event reports", async () => {
  const phases = published("opamp-client:phase");
  const { client, clock, transport } = await hosted();
  transport.refuse(1);
  client.start();
  await clock.advance(0);
  expect(phases).toMatchObject([
    { phase: "connecting", previous: "idle", transport: undefined, instanceUid: client.instanceUid, time: START },
    {
      phase: "waiting",
      reason: "lost",
      transport: "memory",
      retryAt: expect.any(Date),
      error: { code: "ERR_OPAMP_CONNECT" },
    },
  ]);
});

test("the failure channel publishes each error without its secrets", async () => {
  const failures = published("opamp-client:failure");
  const { clock, client, transport } = await running({ health: { healthy: true } });
  transport.send = () => {
    throw Object.assign(new Error("token=hunter2"), { name: "Odd" });
  };
  client.setHealth({ healthy: false });
  await clock.advance(0);
  expect(failures).toMatchObject([
    {
      code: "ERR_OPAMP_CONNECT",
      message: "the transport's send threw: token=[REDACTED]",
      hint: expect.any(String),
      retryable: true,
      httpStatus: undefined,
      instanceUid: client.instanceUid,
    },
  ]);
});

test("the apply channel publishes each offer with its outcome and duration", async () => {
  const applies = published("opamp-client:apply");
  const host = await hosted({
    remoteConfig: {
      apply: ({ files }) =>
        new Promise((resolve, reject) => host.clock.after(70, files["a"] === undefined ? reject : resolve)),
    },
  });
  const { client, clock, agent } = host;
  client.start();
  await clock.advance(0);
  agent.offerConfig({ a: "x" }, { hash: Uint8Array.of(0xab) });
  await clock.advance(100);
  agent.offerConfig({ b: "x" }, { hash: Uint8Array.of(0xcd) });
  await clock.advance(100);
  expect(applies).toMatchObject([
    { kind: "remoteConfig", hash: "ab", status: "applying", durationMs: undefined },
    { kind: "remoteConfig", hash: "ab", status: "applied", durationMs: 70 },
    { kind: "remoteConfig", hash: "cd", status: "applying", durationMs: undefined },
    { kind: "remoteConfig", hash: "cd", status: "failed", durationMs: 70 },
  ]);
});

describe("subscribers", () => {
  test("that change the message or throw affect nothing else", async () => {
    const thrown: unknown[] = [];
    const others = process.listeners("uncaughtException");
    process.removeAllListeners("uncaughtException");
    const note = (error: unknown): void => void thrown.push(error);
    process.on("uncaughtException", note);
    onTestFinished(() => {
      process.off("uncaughtException", note);
      for (const other of others) process.on("uncaughtException", other);
    });
    published("opamp-client:send", (diagnostic) => {
      const spoilt = diagnostic.message as Record<string, unknown>;
      for (const key of Object.keys(spoilt)) delete spoilt[key];
      throw new Error("bad subscriber");
    });
    const { client, clock, agent } = await running();
    await clock.advance(0);
    expect(client.phase).toBe("online");
    expect(agent.reported.description?.identifyingAttributes).toHaveLength(1);
    expect(thrown.map(String)).toEqual(["Error: bad subscriber"]);
  });

  test("that stop the client during a message stop it", async () => {
    let stopped: Promise<void> | undefined;
    const { client, clock } = await hosted();
    published("opamp-client:receive", () => {
      stopped ??= client.stop();
    });
    client.start();
    await clock.advance(2_000);
    await stopped;
    expect(client.phase).toBe("stopped");
  });

  test("get one decoded message however often they read it", async () => {
    const seen: [SendDiagnostic["message"], SendDiagnostic["message"]][] = [];
    published("opamp-client:send", (diagnostic) => seen.push([diagnostic.message, diagnostic.message]));
    await running();
    expect(seen[0]?.[0]).toBe(seen[0]?.[1]);
  });
});

describe("the outline of a message", () => {
  const redactor = createRedactor();

  test("hides headers, keys, credentials and contents, and shows hashes and uids", () => {
    const offer = create(ServerToAgentSchema, {
      instanceUid: new Uint8Array(16).fill(0xab),
      agentIdentification: { newInstanceUid: new Uint8Array(16).fill(1) },
      remoteConfig: {
        configHash: Uint8Array.of(1, 2),
        config: { configMap: { __proto__x: { body: new Uint8Array(9) } } },
      },
      connectionSettings: {
        hash: new Uint8Array(200),
        opamp: {
          destinationEndpoint: "wss://me:hunter2@host/?key=hunter2",
          headers: { headers: [{ key: "X-Anything", value: "hunter2" }] },
          certificate: { cert: new Uint8Array(5), privateKey: new Uint8Array(6) },
          proxy: { url: "http://me:hunter2@proxy/", connectHeaders: { headers: [{ key: "A", value: "hunter2" }] } },
        },
        otherConnections: { db: { otherSettings: { dsn: "Server=db;Pwd=hunter2", mode: "fast" } } },
      },
      errorResponse: {
        errorMessage: "x".repeat(5_000),
        Details: { case: "retryInfo", value: { retryAfterNanoseconds: 5n } },
      },
    });
    const outline = messageOutline(offer, redactor);
    expect(outline).toMatchObject({
      instanceUid: "abababab-abab-abab-abab-abababababab",
      agentIdentification: { newInstanceUid: "01010101-0101-0101-0101-010101010101" },
      remoteConfig: { configHash: "0102", config: { configMap: { __proto__x: { body: "[9 bytes]" } } } },
      connectionSettings: {
        hash: "[200 bytes]",
        opamp: {
          destinationEndpoint: "wss://[REDACTED]@host/?key=[REDACTED]",
          headers: { "X-Anything": "[REDACTED]" },
          certificate: { cert: "[5 bytes]", privateKey: "[6 bytes]" },
          proxy: { url: "http://[REDACTED]@proxy/", connectHeaders: { A: "[REDACTED]" } },
        },
        otherConnections: { db: { otherSettings: { dsn: "[REDACTED]", mode: "[REDACTED]" } } },
      },
      errorResponse: { Details: { retryInfo: { retryAfterNanoseconds: 5 } } },
    });
    expect(JSON.stringify(outline)).not.toContain("hunter2");
    expect(JSON.stringify(outline).length).toBeLessThan(3_000);
  });

  test("shows attributes of every kind as they were given", () => {
    const value = (any: object) => ({ value: any });
    const report = create(AgentToServerSchema, {
      sequenceNum: 2n ** 60n,
      agentDescription: {
        identifyingAttributes: [
          { key: "text", value: value({ case: "stringValue", value: "a" }) },
          { key: "int", value: value({ case: "intValue", value: -5n }) },
          { key: "flag", value: value({ case: "boolValue", value: false }) },
          { key: "bytes", value: value({ case: "bytesValue", value: new Uint8Array(3) }) },
          {
            key: "list",
            value: value({ case: "arrayValue", value: { values: [value({ case: "doubleValue", value: 0.5 })] } }),
          },
          {
            key: "record",
            value: value({
              case: "kvlistValue",
              value: { values: [{ key: "token", value: value({ case: "stringValue", value: "hunter2" }) }] },
            }),
          },
          { key: "nothing" },
        ] as never,
      },
    });
    expect(messageOutline(report, redactor)).toEqual({
      sequenceNum: "1152921504606846976",
      agentDescription: {
        identifyingAttributes: {
          text: "a",
          int: -5,
          flag: false,
          bytes: "[3 bytes]",
          list: [0.5],
          record: { token: "[REDACTED]" },
          nothing: undefined,
        },
      },
    });
  });
});
