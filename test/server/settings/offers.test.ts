import { describe, expect, test } from "vitest";
import { ConnectionSettingsStatuses } from "../../../src/gen/opamp/v1/opamp_pb.js";
import type { OfferedSettings } from "../../../src/testing/index.js";
import { rejectionOf } from "../../testing/rejection.js";
import { BareSocket, carried, exchange, full, lean, uid } from "../bare-peers.js";
import { dial, startServer } from "../server-fixture.js";

const {
  ConnectionSettingsStatuses_UNSET: UNSET,
  ConnectionSettingsStatuses_APPLYING: APPLYING,
  ConnectionSettingsStatuses_APPLIED: APPLIED,
  ConnectionSettingsStatuses_FAILED: FAILED,
} = ConnectionSettingsStatuses;
const PEM = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
const KEY = "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n";
const bytes = (text: string) => new TextEncoder().encode(text);
const MOVE = { opamp: { endpoint: "ws://127.0.0.1:4321/v1/opamp" } } satisfies OfferedSettings;

/** An agent that has reported, over one transport. */
async function reported(transport: "ws" | "http") {
  const server = await startServer();
  const agent = server.agent(uid());
  const peer = transport === "ws" ? await dial(server) : undefined;
  const say = (message: Parameters<typeof exchange>[1]) =>
    peer === undefined ? exchange(server.httpUrl, message) : peer.exchange(message);
  await say(full(1));
  /** Takes in what came unasked. */
  const pushed = () => peer?.next();
  return { server, agent, peer, say, pushed };
}

function status(sequenceNum: number, value: number, lastConnectionSettingsHash: Uint8Array, errorMessage = "") {
  return lean(sequenceNum, { connectionSettingsStatus: { status: value, lastConnectionSettingsHash, errorMessage } });
}

/** What an agent says that has been moved by another server. */
const APPLIED_ELSEWHERE = { connectionSettingsStatus: { status: APPLIED, lastConnectionSettingsHash: bytes("other") } };

const FORGOT = { connectionSettingsStatus: { status: UNSET } };

/** The agent goes to try what it was offered. */
async function leave(say: (message: ReturnType<typeof lean>) => Promise<unknown>, hash: Uint8Array): Promise<void> {
  await say(status(2, APPLYING, hash));
  await say(lean(3, { agentDisconnect: {} }));
}

test("an offer has all that is given, and nothing else is set", async () => {
  const { agent, peer } = await reported("ws");
  const connection = {
    endpoint: "https://metrics.example.com/v1/metrics",
    headers: { authorization: "Bearer x", accept: ["a", "b"] },
    certificate: { cert: PEM, key: bytes(KEY), ca: PEM },
    tls: { ca: PEM, minVersion: "1.3", cipherSuites: ["TLS_AES_128_GCM_SHA256"], includeSystemCa: true },
    proxy: { url: "http://proxy.example.com:3128", headers: { "proxy-authorization": "Basic x" } },
  };
  const hash = agent.offerSettings({
    opamp: { ...connection, heartbeatSeconds: 10 },
    ownMetrics: connection,
    ownTraces: { endpoint: "http://traces.example.com" },
    ownLogs: { endpoint: "https://logs.example.com" },
    other: { x: { endpoint: "anything", settings: { a: "b" } } },
  });
  const { connectionSettings } = (await peer?.next()) ?? {};
  const sent = {
    destinationEndpoint: connection.endpoint,
    headers: {
      headers: [
        { key: "authorization", value: "Bearer x" },
        { key: "accept", value: "a" },
        { key: "accept", value: "b" },
      ],
    },
    certificate: { cert: bytes(PEM), privateKey: bytes(KEY), caCert: bytes(PEM) },
    tls: {
      caPemContents: PEM,
      includeSystemCaCertsPool: true,
      insecureSkipVerify: false,
      minVersion: "1.3",
      maxVersion: "",
      cipherSuites: ["TLS_AES_128_GCM_SHA256"],
    },
    proxy: {
      url: "http://proxy.example.com:3128",
      connectHeaders: { headers: [{ key: "proxy-authorization", value: "Basic x" }] },
    },
  };
  expect(connectionSettings).toMatchObject({
    hash,
    opamp: { ...sent, heartbeatIntervalSeconds: 10n },
    ownMetrics: sent,
    otherConnections: { x: { destinationEndpoint: "anything", otherSettings: { a: "b" } } },
  });
  expect(hash).toHaveLength(32);
  expect(connectionSettings?.ownTraces?.tls).toBe(undefined);
  expect(connectionSettings?.otherConnections["x"]?.certificate).toBe(undefined);
});

describe.each(["ws", "http"] as const)("over %s", (transport) => {
  test("an offer is repeated until its hash comes back, also by an agent that put its settings aside", async () => {
    const { agent, peer, say } = await reported(transport);
    const hash = agent.offerSettings(MOVE);
    if (peer !== undefined) expect((await peer.next()).connectionSettings?.hash).toEqual(hash);
    expect((await say(lean(2))).connectionSettings?.hash).toEqual(hash);
    expect(agent.connectionSettings).toBe(undefined);
    expect(carried(await say(status(3, APPLYING, hash)))).not.toContain("connectionSettings");
    expect(agent.connectionSettings).toEqual({ status: "applying", hash, error: "" });
    await say(status(4, FAILED, hash, "401"));
    expect(agent.connectionSettings).toEqual({ status: "failed", hash, error: "401" });
    expect((await say(status(5, UNSET, new Uint8Array()))).connectionSettings?.hash).toEqual(hash);
    agent.withdrawSettings();
    expect(carried(await say(lean(6)))).not.toContain("connectionSettings");
  });

  test("an endpoint is not offered again to an agent that left for it and has other settings, or none", async () => {
    const { agent, say, pushed } = await reported(transport);
    const hash = agent.offerSettings(MOVE);
    await pushed();
    await leave(say, hash);
    expect(carried(await say(full(4, APPLIED_ELSEWHERE)))).not.toContain("connectionSettings");
    expect(carried(await say(status(5, UNSET, new Uint8Array())))).not.toContain("connectionSettings");
    expect(agent.offerSettings(MOVE)).toEqual(hash);
    await pushed();
    expect((await say(lean(6))).connectionSettings?.hash).toEqual(hash);
  });

  test("an endpoint is offered again to an agent that lost it on its way, and to one that came back with FAILED and forgot", async () => {
    const { agent, say, pushed } = await reported(transport);
    const hash = agent.offerSettings(MOVE);
    await pushed();
    await leave(say, hash);
    expect((await say(full(1))).connectionSettings?.hash).toEqual(hash);
    await leave(say, hash);
    expect((await say(full(1, FORGOT))).connectionSettings?.hash).toEqual(hash);
    await leave(say, hash);
    expect(carried(await say(status(4, FAILED, hash)))).not.toContain("connectionSettings");
    expect((await say(status(5, UNSET, new Uint8Array()))).connectionSettings?.hash).toEqual(hash);
  });

  test("other settings stand while an agent is away", async () => {
    const { agent, say, pushed } = await reported(transport);
    const hash = agent.offerSettings({ opamp: { headers: { a: "b" } }, ownLogs: { endpoint: "http://a" } });
    await pushed();
    await leave(say, hash);
    expect((await say(full(4, APPLIED_ELSEWHERE))).connectionSettings?.hash).toEqual(hash);
  });

  test("what became of an offer is told from what became of another", async () => {
    const { agent, say, pushed } = await reported(transport);
    expect([agent.hasAppliedSettings(), agent.hasFailedSettings()]).toEqual([false, false]);
    const first = agent.offerSettings(MOVE);
    await pushed();
    await say(status(2, APPLIED, first));
    expect([agent.hasAppliedSettings(), agent.hasFailedSettings()]).toEqual([true, false]);
    const second = agent.offerSettings({ opamp: { headers: { a: "b" } } });
    await pushed();
    expect([agent.hasAppliedSettings(), agent.hasAppliedSettings(first)]).toEqual([false, true]);
    await say(status(3, FAILED, second));
    expect([agent.hasFailedSettings(), agent.hasFailedSettings(first)]).toEqual([true, false]);
    const interval = agent.offerHeartbeat(5);
    await pushed();
    await say(status(4, APPLIED, interval));
    if (transport === "http") await say(lean(5));
    expect([agent.hasAppliedSettings(), agent.hasAppliedSettings(interval)]).toEqual([true, true]);
    expect(() => agent.hasAppliedSettings("h" as never)).toThrow("hash: must be a Uint8Array, not string");
  });

  test("a heartbeat interval takes the place of what is on offer", async () => {
    const { agent, peer, say } = await reported(transport);
    agent.offerSettings(MOVE);
    await peer?.next();
    const hash = agent.offerHeartbeat(5);
    if (peer !== undefined) expect((await peer.next()).connectionSettings?.hash).toEqual(hash);
    else expect((await say(lean(2))).connectionSettings?.hash).toEqual(hash);
    expect(carried(await say(lean(3)))).not.toContain("connectionSettings");
  });
});

test("the hash tells one offer from another, unless it is given", async () => {
  const agent = (await startServer()).agent(uid());
  const hash = agent.offerSettings(MOVE);
  expect(agent.offerSettings(MOVE)).toEqual(hash);
  expect(agent.offerSettings({ opamp: { ...MOVE.opamp, headers: {} } })).not.toEqual(hash);
  expect(agent.offerSettings({ ...MOVE, hash: bytes("h") })).toEqual(bytes("h"));
});

test.each<[unknown, string]>([
  ["ws://a", "settings: must be an object, not string"],
  [{}, "settings: must have opamp, ownMetrics, ownTraces, ownLogs or other, or it offers nothing"],
  [{ hash: "x", ...MOVE }, "settings.hash: must be a Uint8Array, not string"],
  [{ opAMP: {} }, "settings.opAMP: is not an option. Did you mean opamp?"],
  [{ opamp: { url: "ws://a" } }, "settings.opamp.url: is not an option"],
  [{ opamp: { endpoint: "" } }, "settings.opamp.endpoint: must be a URL that begins with ws://, wss://, http://"],
  [{ opamp: { endpoint: "ftp://a" } }, "settings.opamp.endpoint: must be a URL that begins with"],
  [{ ownLogs: { endpoint: "ws://a" } }, "settings.ownLogs.endpoint: must be a URL that begins with http://, https://"],
  [{ opamp: { headers: { a: 5 } } }, 'settings.opamp.headers["a"]: must be a string, not number'],
  [{ opamp: { certificate: PEM } }, "settings.opamp.certificate: must be an object, not string"],
  [{ opamp: { certificate: { key: KEY } } }, "settings.opamp.certificate.cert: is required"],
  [{ opamp: { certificate: { cert: "./a.pem" } } }, "settings.opamp.certificate.cert: must be PEM text"],
  [{ opamp: { tls: { ca: bytes(PEM) } } }, "settings.opamp.tls.ca: must be a string, not Uint8Array"],
  [{ opamp: { tls: { insecure: true } } }, "settings.opamp.tls.insecure: is not an option"],
  [{ opamp: { proxy: {} } }, "settings.opamp.proxy.url: is required"],
  [{ opamp: { heartbeatSeconds: 1.5 } }, "settings.opamp.heartbeatSeconds: must be a whole number of seconds"],
  [{ opamp: { settings: {} } }, "settings.opamp.settings: is not an option"],
  [{ other: { x: { settings: { a: 1 } } } }, 'settings.other["x"].settings["a"]: must be a string, not number'],
])("what cannot be meant is refused: %o", async (settings, message) => {
  const agent = (await startServer()).agent(uid());
  expect(() => agent.offerSettings(settings as OfferedSettings)).toThrow(message);
});

test("a refusal says how to send what an agent must refuse", async () => {
  const agent = (await startServer()).agent(uid());
  const hint = expect.stringContaining("agent.send({ connectionSettings })");
  const offer = () => agent.offerSettings({ opamp: { endpoint: "ftp://a" } });
  expect(offer).toThrow(expect.objectContaining({ code: "ERR_OPAMP_OPTION", hint }));
});

describe("a wait that fails", () => {
  const told = async (agent: ReturnType<Awaited<ReturnType<typeof startServer>>["agent"]>) =>
    (await rejectionOf(agent.until(() => false, { timeoutMs: 1 }))).message;

  test("says what is on offer, where it leads, and which option takes it", async () => {
    const { server, agent } = await reported("http");
    agent.offerSettings({
      opamp: { endpoint: "ws://a.example.com/v1/opamp?token=s3cret" },
      ownLogs: { endpoint: "http://a" },
      other: { x: { endpoint: "b" } },
    });
    const text = await told(agent);
    expect(text).toMatch(
      /connection settings: [0-9a-f]{8} on offer, not sent yet \(to "ws:\/\/a.example.com\/v1\/opamp"\), nothing reported/,
    );
    for (const option of ["opamp", "ownLogs", "other"]) expect(text).toContain(`(no \`connectionSettings.${option}\``);
    expect(text).toContain(`server on port ${server.port}`);
    expect(text).not.toMatch(/s3cret|ownMetrics/);
  });

  test("says on another server what was reported there", async () => {
    const server = await startServer();
    const peer = await BareSocket.open(server.url);
    await peer.exchange(full(1));
    await peer.exchange(status(2, FAILED, bytes("h"), "no\nway"));
    const text = await told(server.agent(uid()));
    expect(text).toContain('connection settings: none on offer, reported failed 68, error "no\\\\nway"');
    expect(text).toContain("nothing was offered here: for what another server offered, give its hash, as in");
    expect(text).toContain(`server on port ${server.port}: 1 attempt: 101`);
    peer.socket.terminate();
  });

  test("says that the agent has left for what it was offered", async () => {
    const { agent, say } = await reported("http");
    await leave(say, agent.offerSettings(MOVE));
    expect(await told(agent)).toMatch(
      /: [0-9a-f]{8} on offer until the agent left for them \(to "ws:.*, reported applying/,
    );
  });

  test("says what an agent may wait for that is still applying, while it is there", async () => {
    const { agent, say } = await reported("http");
    const hash = agent.offerSettings({ opamp: { headers: { a: "b" } } });
    await say(status(2, APPLYING, hash));
    expect(await told(agent)).toMatch(/still applying: a handler or `validate`.*`maxPerHour`.*`settings-wait`/);
    await say(lean(3, { agentDisconnect: {} }));
    expect(await told(agent)).not.toContain("still applying");
  });

  test("says that an agent has put its settings aside", async () => {
    const { agent, say } = await reported("http");
    agent.offerSettings(MOVE);
    await say(lean(2, FORGOT));
    expect(await told(agent)).toMatch(/connection settings: [0-9a-f]{8} on offer \(to .*\), reported unset$/m);
  });

  test("says what was sent by hand", async () => {
    const { agent, peer } = await reported("ws");
    agent.send({ connectionSettings: { hash: bytes("h"), opamp: { destinationEndpoint: "ftp://x" } } });
    await peer?.next();
    expect(await told(agent)).toContain('connection settings: 68 sent once (to "ftp://x"), nothing reported on it');
  });
});
