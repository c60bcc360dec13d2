import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import {
  OpAMPConnectionSettingsSchema,
  RemoteConfigStatuses,
  ServerErrorResponseType,
} from "../../src/gen/opamp/v1/opamp_pb.js";
import type { OpAMPServer, ServerAgent } from "../../src/testing/index.js";
import { carried, exchange, full, lean, UID_TEXT, uid } from "./bare-peers.js";
import { dial, startServer } from "./server-fixture.js";

const { ServerErrorResponseType_Unavailable: UNAVAILABLE } = ServerErrorResponseType;
const { RemoteConfigStatuses_APPLYING: APPLYING, RemoteConfigStatuses_APPLIED: APPLIED } = RemoteConfigStatuses;

/** An agent that has reported, over one transport: each `next` is a push there, or the answer to a poll. */
async function reported(transport: "ws" | "http") {
  const server = await startServer();
  const agent = server.agent(uid());
  let sequenceNum = 1;
  if (transport === "ws") {
    const peer = await dial(server);
    await peer.exchange(full(1));
    return { server, agent, next: () => peer.next() };
  }
  await exchange(server.httpUrl, full(1));
  const next = () => {
    sequenceNum += 1;
    return exchange(server.httpUrl, lean(sequenceNum));
  };
  return { server, agent, next };
}

describe.each(["ws", "http"] as const)("over %s", (transport) => {
  const rows: [string, (agent: ServerAgent, server: OpAMPServer) => void, object][] = [
    ["a request for the full state", (agent) => agent.requestFullState(), { flags: 1n }],
    ["a request for the components", (agent) => agent.requestComponents(), { flags: 2n }],
    ["a restart", (agent) => agent.restart(), { command: { type: 0 } }],
    [
      "a custom message",
      (agent) => agent.sendCustom("com.example.a", "ping", Uint8Array.of(1, 2)),
      { customMessage: { capability: "com.example.a", type: "ping", data: Uint8Array.of(1, 2) } },
    ],
    [
      "a new uid",
      (agent) => agent.assignUid(uid(2)),
      { instanceUid: uid(1), agentIdentification: { newInstanceUid: uid(2) } },
    ],
    [
      "any fields",
      (agent) => agent.send({ packagesAvailable: { allPackagesHash: Uint8Array.of(1) } }),
      { instanceUid: uid(1), packagesAvailable: { allPackagesHash: Uint8Array.of(1) } },
    ],
    [
      "fields with a foreign uid",
      (agent) => agent.send({ instanceUid: uid(7), flags: 1n }),
      { instanceUid: uid(7), flags: 1n },
    ],
  ];
  test.each(rows)("%s arrives", async (_, command, expected) => {
    const { agent, server, next } = await reported(transport);
    command(agent, server);
    expect(await next()).toMatchObject(expected);
  });

  test("a heartbeat interval comes alone", async () => {
    const { agent, next } = await reported(transport);
    const hash = agent.offerHeartbeat(10);
    const alone = create(OpAMPConnectionSettingsSchema, { heartbeatIntervalSeconds: 10n });
    expect((await next()).connectionSettings).toMatchObject({ hash, opamp: alone });
    expect(agent.offerHeartbeat(10n)).toEqual(hash);
    expect(agent.offerHeartbeat(20)).not.toEqual(hash);
    expect(() => agent.offerHeartbeat(1.5)).toThrow(expect.objectContaining({ code: "ERR_OPAMP_OPTION" }));
  });

  test("a message that cannot be encoded is refused at once and blocks nothing", async () => {
    const { agent, next } = await reported(transport);
    expect(() => agent.send({ flags: -1n })).toThrow();
    expect(() => agent.respondWithError(UNAVAILABLE, "", -1n)).toThrow();
    agent.requestFullState();
    expect(await next()).toMatchObject({ flags: 1n });
  });

  test("custom messages keep their order", async () => {
    const { agent, next } = await reported(transport);
    for (const type of ["1", "2", "3"]) agent.sendCustom("com.example.a", type);
    const types = [await next(), await next(), await next()].map(({ customMessage }) => customMessage?.type);
    expect(types).toEqual(["1", "2", "3"]);
  });
});

test("messages sent before the agent connected go with and after the first answer", async () => {
  const server = await startServer();
  const agent = server.agent(uid());
  agent.sendCustom("com.example.a", "1");
  agent.requestComponents();
  agent.sendCustom("com.example.a", "2");
  agent.restart();
  const peer = await dial(server);
  expect(await peer.exchange(full(1))).toMatchObject({ flags: 2n, customMessage: { type: "1" }, capabilities: 0x7fn });
  expect(await peer.next()).toMatchObject({ customMessage: { type: "2" } });
  expect(await peer.next()).toMatchObject({ command: {} });
});

describe("a configuration on offer", () => {
  const files = { "a.yaml": { body: "k: v", contentType: "text/yaml" }, "": Uint8Array.of(0, 255) };

  test("is pushed at once and is in every answer until its hash comes back", async () => {
    const server = await startServer();
    const peer = await dial(server);
    await peer.exchange(full(1));
    const agent = server.agent(uid());
    const hash = agent.offerConfig(files);
    const offered = { configHash: hash };
    expect(await peer.next()).toMatchObject({ remoteConfig: offered });
    expect((await peer.exchange(lean(2))).remoteConfig?.config?.configMap).toMatchObject({
      "a.yaml": { body: new TextEncoder().encode("k: v"), contentType: "text/yaml" },
      "": { body: Uint8Array.of(0, 255), contentType: "" },
    });
    const other = { lastRemoteConfigHash: Uint8Array.of(1), status: APPLIED };
    expect(await peer.exchange(lean(3, { remoteConfigStatus: other }))).toMatchObject({ remoteConfig: offered });
    const applying = { lastRemoteConfigHash: hash, status: APPLYING };
    expect((await peer.exchange(lean(4, { remoteConfigStatus: applying }))).remoteConfig).toBeUndefined();
    expect(agent.hasApplied()).toBe(false);
    const applied = { lastRemoteConfigHash: hash, status: APPLIED };
    expect((await peer.exchange(lean(5, { remoteConfigStatus: applied }))).remoteConfig).toBeUndefined();
    expect(agent.hasApplied()).toBe(true);
    expect(agent.hasApplied(Uint8Array.of(1))).toBe(false);
    expect((await peer.exchange(lean(6))).remoteConfig).toBeUndefined();
  });

  test("is offered again to an agent that starts over without it", async () => {
    const server = await startServer();
    const { httpUrl } = server;
    const hash = server.agent(uid()).offerConfig(files);
    const remoteConfigStatus = { lastRemoteConfigHash: hash, status: APPLIED };
    expect((await exchange(httpUrl, full(1, { remoteConfigStatus }))).remoteConfig).toBeUndefined();
    expect((await exchange(httpUrl, lean(2))).remoteConfig).toBeUndefined();
    expect((await exchange(httpUrl, full(1))).remoteConfig?.configHash).toEqual(hash);
  });

  test("waits for a poll over HTTP and can be withdrawn", async () => {
    const { agent, next } = await reported("http");
    const hash = agent.offerConfig(files);
    expect((await next()).remoteConfig?.configHash).toEqual(hash);
    expect((await next()).remoteConfig?.configHash).toEqual(hash);
    agent.withdrawConfig();
    expect((await next()).remoteConfig).toBeUndefined();
  });

  test("has the given hash, or one that distinguishes different contents", async () => {
    const { agent } = await reported("http");
    const hash = Uint8Array.of(0, 255);
    expect(agent.offerConfig(files, { hash })).toBe(hash);
    const hashes = [{ ab: "c" }, { a: "bc" }, { a: "b", c: "" }, { a: { body: "bc", contentType: "x" } }, { a: "bc" }];
    const texts = hashes.map((config) => Buffer.from(agent.offerConfig(config)).toString("hex"));
    expect(new Set(texts).size).toBe(4);
    expect(texts[1]).toBe(texts[4]);
    expect(texts[0]).toHaveLength(64);
  });
});

describe("an error", () => {
  test("is the whole next answer, with its delay", async () => {
    const server = await startServer();
    const peer = await dial(server);
    const agent = server.agent(uid());
    agent.respondWithError(UNAVAILABLE, "busy", 1_500_000_000n);
    agent.respondWithError(UNAVAILABLE);
    const first = await peer.exchange(lean(1));
    expect(carried(first)).toEqual(["instanceUid", "errorResponse"]);
    expect(first.errorResponse).toMatchObject({ type: UNAVAILABLE, errorMessage: "busy" });
    expect(first.errorResponse?.Details).toMatchObject({ value: { retryAfterNanoseconds: 1_500_000_000n } });
    const second = await peer.exchange(lean(2));
    expect(second.errorResponse?.Details.case).toBeUndefined();
    expect(carried(await peer.exchange(lean(3)))).toEqual(["instanceUid", "flags", "capabilities"]);
  });
});

describe("an assigned uid", () => {
  test("leads to the same agent as the old one, and counts as its uid once it is used", async () => {
    const server = await startServer();
    const peer = await dial(server);
    await peer.exchange(full(1));
    const agent = server.agent(uid());
    agent.assignUid(uid(2));
    await peer.next();
    expect(server.agent(uid(2))).toBe(agent);
    expect(agent.uidText).toBe(UID_TEXT);
    expect(await peer.exchange(lean(2))).toMatchObject({ instanceUid: uid(1) });
    expect(await peer.exchange(lean(3, { instanceUid: uid(2) }))).toMatchObject({ instanceUid: uid(2), flags: 0n });
    expect(agent.uid).toEqual(uid(2));
    expect(server.agent(uid(1))).toBe(agent);
    expect([...server.agents]).toEqual([[agent.uidText, agent]]);
    expect(agent.gaps).toBe(0);
  });

  test("must have 16 bytes and be free", async () => {
    const { agent, server } = await reported("http");
    const refused = expect.objectContaining({ code: "ERR_OPAMP_INSTANCE_UID" });
    server.agent(uid(3));
    expect(() => agent.assignUid(uid(3))).toThrow(refused);
    expect(() => agent.assignUid(new Uint8Array(15))).toThrow(refused);
    expect(() => server.agent("no uid")).toThrow(refused);
    expect(server.agent(UID_TEXT.toUpperCase())).toBe(agent);
    expect(server.agent(UID_TEXT.replaceAll("-", ""))).toBe(agent);
  });
});

describe("beyond the protocol", () => {
  test("bytes and text are sent over the WebSocket exactly as given", async () => {
    const server = await startServer();
    const peer = await dial(server);
    await peer.exchange(full(1));
    const agent = server.agent(uid());
    agent.sendRaw(Uint8Array.of(0x80, 1, 2));
    agent.sendText("hello");
    expect(await peer.raw()).toEqual({ data: Buffer.of(0x80, 1, 2), isBinary: true });
    expect(await peer.raw()).toEqual({ data: Buffer.from("hello"), isBinary: false });
  });

  test("bytes and text are refused without a WebSocket", async () => {
    const { agent } = await reported("http");
    const closed = expect.objectContaining({ code: "ERR_OPAMP_CLOSED" });
    expect(() => agent.sendRaw(Uint8Array.of(0))).toThrow(closed);
    expect(() => agent.sendText("")).toThrow(closed);
  });

  test("a connection can be closed with a code and reason", async () => {
    const server = await startServer();
    const peer = await dial(server);
    await peer.exchange(full(1));
    const agent = server.agent(uid());
    agent.close(4001, "go away");
    expect(agent.connected).toBe(false);
    expect(await peer.closed()).toEqual({ code: 4001, reason: "go away" });
    await server.until(({ sockets }) => sockets.open === 0);
  });

  test("a connection can be cut without a handshake, and those of other agents stay", async () => {
    const server = await startServer();
    const [mine, other] = [await dial(server), await dial(server)];
    await mine.exchange(full(1));
    await other.exchange(full(1, { instanceUid: uid(2) }));
    server.agent(uid()).drop();
    expect(server.agent(uid()).connected).toBe(false);
    expect(await mine.closed()).toMatchObject({ code: 1006 });
    expect(server.agent(uid(2)).connected).toBe(true);
  });
});
