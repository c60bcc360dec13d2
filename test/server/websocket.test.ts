import { describe, expect, test } from "vitest";
import { ServerErrorResponseType } from "../../src/gen/opamp/v1/opamp_pb.js";
import { encodeAgentToServer, frame } from "../../src/wire/codec.js";
import { BareSocket, carried, full, lean, UID_TEXT, uid } from "./bare-peers.js";
import { dial, startServer } from "./server-fixture.js";

const BAD_REQUEST = ServerErrorResponseType.ServerErrorResponseType_BadRequest;

describe("answers", () => {
  test("every message is answered once, with the bare uid when there is nothing to say", async () => {
    const server = await startServer();
    const peer = await dial(server);
    await peer.exchange(full(1));
    for (const sequenceNum of [2, 3, 4]) peer.send(lean(sequenceNum));
    for (const _ of [2, 3, 4]) {
      const answer = await peer.next();
      expect(carried(answer)).toEqual(["instanceUid"]);
      expect(answer.instanceUid).toEqual(uid());
    }
    expect(server.agent(uid()).sent).toHaveLength(4);
  });

  test("capabilities come in the first answer on each connection", async () => {
    const server = await startServer({ customCapabilities: ["com.example.a"] });
    for (const sequenceNum of [1, 3]) {
      const peer = await dial(server);
      const first = await peer.exchange(full(sequenceNum));
      expect(first.capabilities).toBe(0x7fn);
      expect(first.customCapabilities?.capabilities).toEqual(["com.example.a"]);
      expect(carried(await peer.exchange(lean(sequenceNum + 1)))).toEqual(["instanceUid"]);
      peer.socket.terminate();
    }
  });

  test("the announced capabilities are the configured ones", async () => {
    const peer = await dial(await startServer({ capabilities: 1n }));
    const answer = await peer.exchange(full(1));
    expect(carried(answer)).toEqual(["instanceUid", "capabilities"]);
    expect(answer.capabilities).toBe(1n);
  });

  test("several agents share a connection and each gets its own answers", async () => {
    const server = await startServer();
    const peer = await dial(server);
    for (const index of [1, 2]) {
      const answer = await peer.exchange(full(1, { instanceUid: uid(index) }));
      expect(answer).toMatchObject({ instanceUid: uid(index), capabilities: 0x7fn });
    }
    server.agent(uid(2)).sendCustom("com.example.a", "ping");
    expect(await peer.next()).toMatchObject({ instanceUid: uid(2), customMessage: { type: "ping" } });
    expect(server.agents.size).toBe(2);
    expect(server.connections).toEqual({ open: 1, total: 1, maxOpenPerAgent: 1 });
  });
});

describe("the full state is asked for", () => {
  test("when the first report is lean, and not again while the numbers are consecutive", async () => {
    const peer = await dial(await startServer());
    expect((await peer.exchange(lean(8))).flags).toBe(1n);
    expect((await peer.exchange(full(9))).flags).toBe(0n);
    expect((await peer.exchange(lean(10))).flags).toBe(0n);
  });

  test("when a number was skipped, unless the message is full", async () => {
    const server = await startServer();
    const peer = await dial(server);
    await peer.exchange(full(1));
    expect((await peer.exchange(lean(3))).flags).toBe(1n);
    expect((await peer.exchange(full(9))).flags).toBe(0n);
    expect(server.agent(uid()).gaps).toBe(2);
  });

  test("after the server forgot the agent", async () => {
    const server = await startServer();
    const peer = await dial(server);
    await peer.exchange(full(1));
    server.agent(uid()).forget();
    expect((await peer.exchange(lean(2))).flags).toBe(1n);
    expect(server.agent(uid()).gaps).toBe(0);
  });

  test("again on the next connection if the first request was not answered", async () => {
    const server = await startServer();
    const first = await dial(server);
    first.send(lean(1));
    await server.agent(uid()).until(({ sequenceNum }) => sequenceNum === 1n);
    first.socket.terminate();
    const second = await dial(server);
    expect((await second.exchange(lean(2))).flags).toBe(1n);
    expect((await second.exchange(lean(3))).flags).toBe(0n);
  });
});

describe("what is not a message", () => {
  const rows = [
    ["broken protobuf", Buffer.from([0, 0x0a, 0x10]), true],
    ["a header that is not zero", Buffer.concat([Buffer.of(1), encodeAgentToServer(full(1))]), true],
    ["no header", Buffer.alloc(0), true],
    ["a uid of 15 bytes", Buffer.from(frame(encodeAgentToServer({ instanceUid: new Uint8Array(15) }))), true],
    ["a text message", Buffer.from(frame(encodeAgentToServer(full(1)))), false],
  ] as const;
  test.each(rows)("%s is answered BAD_REQUEST and the connection stays", async (_, bytes, binary) => {
    const server = await startServer();
    const peer = await dial(server);
    peer.socket.send(bytes, { binary });
    const answer = await peer.next();
    expect(answer.errorResponse).toMatchObject({ type: BAD_REQUEST, errorMessage: expect.stringMatching(/./) });
    expect(server.malformed).toMatchObject([
      { transport: "ws", connection: 1, error: { code: "ERR_OPAMP_MALFORMED" } },
    ]);
    expect(server.agents.size).toBe(0);
    expect((await peer.exchange(full(1))).instanceUid).toEqual(uid());
  });

  test("it is answered to the agent if the connection has just one", async () => {
    const server = await startServer();
    const peer = await dial(server);
    await peer.exchange(full(1));
    peer.socket.send("hello");
    expect(await peer.next()).toMatchObject({ instanceUid: uid(), errorResponse: { type: BAD_REQUEST } });
    expect(server.agent(uid()).sent).toHaveLength(2);
  });

  test("a message over the limit closes the connection with 1009", async () => {
    const server = await startServer({ maxMessageBytes: 100 });
    const peer = await dial(server);
    peer.socket.send(new Uint8Array(101));
    expect(await peer.closed()).toMatchObject({ code: 1009 });
    expect(server.malformed).toHaveLength(1);
  });
});

test("the record shows the parts as plain values too", async () => {
  const server = await startServer();
  const peer = await dial(server);
  const { kvlist, list } = {
    kvlist: { values: [{ key: "a", value: { value: { case: "boolValue" as const, value: true } } }] },
    list: { values: [{ value: { case: "intValue" as const, value: 2n ** 62n } }] },
  };
  await peer.exchange(
    full(1, {
      agentDescription: {
        identifyingAttributes: [
          { key: "service.name", value: { value: { case: "stringValue", value: "x" } } },
          { key: "empty", value: {} },
        ],
        nonIdentifyingAttributes: [
          { key: "port", value: { value: { case: "intValue", value: 4320n } } },
          { key: "nested", value: { value: { case: "kvlistValue", value: kvlist } } },
          { key: "list", value: { value: { case: "arrayValue", value: list } } },
        ],
      },
      effectiveConfig: {
        configMap: { configMap: { "a.yaml": { body: Buffer.from("k: v"), contentType: "text/yaml" } } },
      },
    }),
  );
  const agent = server.agent(UID_TEXT);
  expect(agent.attributes).toEqual({
    identifying: { "service.name": "x" },
    nonIdentifying: { port: 4320, nested: { a: true }, list: [2n ** 62n] },
  });
  expect(agent.effectiveFiles["a.yaml"]).toMatchObject({
    body: new TextEncoder().encode("k: v"),
    contentType: "text/yaml",
  });
  expect(agent.effectiveFiles["a.yaml"]?.text()).toBe("k: v");
});

test("the log has every message of both directions in order, and each agent its part", async () => {
  const server = await startServer();
  const peers = [await dial(server), await dial(server)];
  for (const [at, peer] of peers.entries()) await peer.exchange(full(1, { instanceUid: uid(at + 1) }));
  const common = { transport: "ws" };
  expect(server.log).toMatchObject([
    { at: 0, direction: "in", connection: 1, uid: UID_TEXT, message: { sequenceNum: 1n }, ...common },
    { at: 1, direction: "out", connection: 1, uid: UID_TEXT, message: { instanceUid: uid(1) }, ...common },
    { at: 2, direction: "in", connection: 2, message: { instanceUid: uid(2) }, ...common },
    { at: 3, direction: "out", connection: 2, message: { capabilities: 0x7fn }, ...common },
  ]);
  expect(server.agent(uid(2)).messages).toEqual(server.log.slice(2));
  expect(server.agent(uid(2)).received).toHaveLength(1);
  expect(server.agent(uid(2)).lastMessage).toBe(server.log[2]?.message);
});

test("a bounded log keeps the newest messages", async () => {
  const server = await startServer({ keepMessages: 2 });
  const peer = await dial(server);
  for (const sequenceNum of [1, 2, 3]) await peer.exchange(full(sequenceNum));
  expect(server.log.map(({ at }) => at)).toEqual([3, 4, 5]);
});

test("malformed inputs are limited to the number of messages that are kept", async () => {
  const server = await startServer({ keepMessages: 2 });
  const peer = await dial(server);
  for (let count = 0; count < 9; count += 1) {
    peer.socket.send("text");
    await peer.next();
  }
  expect(server.malformed.length).toBeLessThanOrEqual(4);
  expect(server.malformed.length).toBeGreaterThanOrEqual(2);
});

test("a second connection of the same agent is counted until it ends", async () => {
  const server = await startServer();
  const first = await dial(server);
  await first.exchange(full(1));
  const second = await BareSocket.open(server.url);
  await second.exchange(lean(2));
  const agent = server.agent(uid());
  expect(agent.connections).toEqual({ open: 2, total: 2, maxOpen: 2 });
  agent.sendCustom("com.example.a", "newest");
  expect(await second.next()).toMatchObject({ customMessage: { type: "newest" } });
  second.socket.close();
  await agent.until(({ connections }) => connections.open === 1);
  expect(agent.connected).toBe(true);
  first.socket.terminate();
  await agent.until(({ connected }) => !connected);
  expect(server.connections).toEqual({ open: 0, total: 2, maxOpenPerAgent: 2 });
});
