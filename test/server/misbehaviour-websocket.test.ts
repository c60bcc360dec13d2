import { once } from "node:events";
import { describe, expect, onTestFinished, test } from "vitest";
import type { AgentEnd, AgentMisbehaviour, MessageMisbehaviour, OpAMPServer } from "../../src/testing/index.js";
import { encodeAgentToServer } from "../../src/wire/codec.js";
import { BareSocket, carried, exchange, full, lean, uid } from "./bare-peers.js";
import { rawDial, UPGRADE } from "./raw-peers.js";
import { dial, startServer } from "./server-fixture.js";

const NOBODY = new Uint8Array(16).fill(0xee);

/** A server that misbehaves once, and a peer that has sent its first message. */
async function misbehaving(misbehaviour: AgentMisbehaviour) {
  const server = await startServer();
  server.misbehave(misbehaviour);
  const peer = await dial(server);
  peer.send(full(1));
  return { server, peer };
}

/** What the server sends after the handshake, byte for byte, for a message that it answers badly. */
async function rawAnswer(server: OpAMPServer, bytes: number): Promise<Buffer> {
  const peer = await rawDial(server, UPGRADE);
  while (!peer.received().includes("\r\n\r\n")) await once(peer.socket, "data");
  const head = peer.received().indexOf("\r\n\r\n") + 4;
  const payload = Buffer.concat([Uint8Array.of(0), encodeAgentToServer(full(1))]);
  // Masked with zeros, which changes nothing.
  peer.socket.write(Buffer.concat([Uint8Array.of(0x82, 0x80 | payload.byteLength, 0, 0, 0, 0), payload]));
  return (await peer.has(head + bytes)).subarray(head);
}

describe("the answer", () => {
  test("never comes, though the message was taken in", async () => {
    const { server, peer } = await misbehaving({ mode: "silence" });
    await server.agent(uid()).until(({ sequenceNum }) => sequenceNum === 1n);
    expect(await peer.exchange(lean(2))).toMatchObject({ capabilities: 0x7fn });
    expect(server.agent(uid()).sent).toHaveLength(1);
  });

  test("is a payload that nobody can read", async () => {
    const { peer } = await misbehaving({ mode: "garbage" });
    expect((await peer.raw()).data).toEqual(Buffer.from([0, ...new Uint8Array(64).fill(0xff)]));
    expect(carried(await peer.exchange(lean(2)))).toContain("instanceUid");
  });

  test("is for an agent that does not exist, or for another one", async () => {
    const { server, peer } = await misbehaving({ mode: "wrong-uid" });
    expect(await peer.next()).toMatchObject({ instanceUid: NOBODY });
    server.misbehave({ mode: "wrong-uid", uid: uid(9) });
    expect(await peer.exchange(lean(2))).toMatchObject({ instanceUid: uid(9) });
  });

  test("asks for the full state for ever, until the server behaves again", async () => {
    const { server, peer } = await misbehaving({ mode: "full-state", times: Number.POSITIVE_INFINITY });
    expect(await peer.next()).toMatchObject({ flags: 1n });
    for (const sequenceNum of [2, 3, 4]) expect((await peer.exchange(full(sequenceNum))).flags).toBe(1n);
    server.behave();
    expect((await peer.exchange(full(5))).flags).toBe(0n);
  });

  test.each([1000, 70_000, 300])("has exactly %i bytes, header included, and reads the same", async (bytes) => {
    const { server, peer } = await misbehaving({ mode: "oversize", bytes });
    const { data } = await peer.raw();
    expect(data.byteLength).toBe(bytes);
    server.agent(uid()).misbehave({ mode: "oversize", bytes });
    expect(await peer.exchange(lean(2))).toMatchObject({ instanceUid: uid() });
  });

  test("is a text message", async () => {
    const { server, peer } = await misbehaving({ mode: "text" });
    expect(await peer.raw()).toEqual({ data: Buffer.from("hello"), isBinary: false });
    server.misbehave({ mode: "text", text: "{}" });
    peer.send(lean(2));
    expect(await peer.raw()).toEqual({ data: Buffer.from("{}"), isBinary: false });
  });

  test("comes in fragments, and whole in the end", async () => {
    const server = await startServer();
    server.misbehave({ mode: "fragments" });
    const frames = await rawAnswer(server, 3 * 3);
    expect([...frames.subarray(0, 9)]).toEqual([0x02, 1, 0, 0x00, 1, expect.any(Number), 0x00, 1, expect.any(Number)]);
    server.misbehave({ mode: "fragments", bytes: 7 });
    expect(await (await dial(server)).exchange(lean(2))).toMatchObject({ instanceUid: uid() });
  });

  test("comes a thousand times, or as often as said with what was said", async () => {
    const { server, peer } = await misbehaving({ mode: "flood" });
    for (let count = 0; count < 1000; count++) expect(carried(await peer.next())).toContain("capabilities");
    server.misbehave({ mode: "flood", messages: 2, fields: { customMessage: { type: "x" } } });
    peer.send(lean(2));
    for (const _ of [1, 2]) expect(await peer.next()).toMatchObject({ customMessage: { type: "x" } });
    expect((await peer.exchange(lean(3))).customMessage).toBeUndefined();
  });

  test("is no frame", async () => {
    const { peer } = await misbehaving({ mode: "bad-frame" });
    const [error] = await once(peer.socket, "error");
    expect(error).toMatchObject({ code: expect.stringMatching(/^WS_ERR_/) });
  });
});

describe("instead of an answer the connection", () => {
  test.each([1000, 1001, 1011, 1012, 1013, 4000])("is closed with %i", async (code) => {
    const { server, peer } = await misbehaving({ mode: "close", code, reason: "why not" });
    expect(await peer.closed()).toEqual({ code, reason: "why not" });
    await server.until(({ connections }) => connections.open === 0);
  });

  test.each([1004, 1006, 1015, 999])("is closed with %i, which nobody may send", async (code) => {
    const server = await startServer();
    server.misbehave({ mode: "close", code });
    const peer = await dial(server);
    const errors: unknown[] = [];
    peer.socket.on("error", (error) => errors.push(error));
    const closed = new Promise((resolve) => peer.socket.once("close", resolve));
    peer.send(full(1));
    expect(await closed).toBe(1006);
    expect(errors).toHaveLength(code === 1006 ? 0 : 1);
    await server.until(({ sockets }) => sockets.open === 0);
  });

  test("is closed with a frame of the code as it stands, or without any", async () => {
    const server = await startServer();
    server.misbehave({ mode: "close", code: 1015 });
    server.misbehave({ mode: "close", code: 1005 });
    expect([...(await rawAnswer(server, 4))]).toEqual([0x88, 2, 0x03, 0xf7]);
    expect([...(await rawAnswer(server, 2))]).toEqual([0x88, 0]);
  });

  test.each(["hang-up", "half-close"] as const)("ends without a Close frame: %s", async (mode) => {
    const { server, peer } = await misbehaving({ mode });
    expect(await peer.closed()).toMatchObject({ code: 1006 });
    await server.until(({ sockets }) => sockets.open === 0);
  });

  test("is reset", async () => {
    const server = await startServer();
    server.misbehave({ mode: "reset" });
    await expect(rawAnswer(server, 1)).rejects.toMatchObject({ code: "ECONNRESET" });
  });
});

describe("a bomb", () => {
  const bytes = 50_000_000;

  test("is small on the wire, and waits for a connection that would inflate it", async () => {
    const server = await startServer({ compression: true });
    server.misbehave({ mode: "bomb", bytes });
    const plain = await BareSocket.open(server.url, { perMessageDeflate: false });
    onTestFinished(() => plain.socket.terminate());
    expect(await plain.exchange(full(1))).toMatchObject({ instanceUid: uid() });
    const peer = await BareSocket.open(server.url, { perMessageDeflate: true, maxPayload: bytes });
    onTestFinished(() => peer.socket.terminate());
    peer.send(lean(2));
    const { data } = await peer.raw();
    expect(data.byteLength).toBe(bytes);
    expect(server.traffic.sent).toBeLessThan(100_000);
    expect(await peer.exchange(lean(3))).toMatchObject({ instanceUid: uid() });
  });

  test("is a message that a receiver with a limit refuses", async () => {
    const server = await startServer({ compression: true });
    server.misbehave({ mode: "bomb", bytes });
    const peer = await BareSocket.open(server.url, { perMessageDeflate: true, maxPayload: bytes - 1 });
    onTestFinished(() => peer.socket.terminate());
    peer.send(full(1));
    const [error] = await once(peer.socket, "error");
    expect(error).toMatchObject({ code: "WS_ERR_UNSUPPORTED_MESSAGE_LENGTH" });
  });
});

test("one agent is treated badly, and others are not", async () => {
  const server = await startServer();
  server.agent(uid(2)).misbehave({ mode: "text", times: 2 });
  const peer = await dial(server);
  expect(await peer.exchange(full(1))).toMatchObject({ instanceUid: uid() });
  for (const sequenceNum of [1, 2]) {
    peer.send(full(sequenceNum, { instanceUid: uid(2) }));
    expect((await peer.raw()).isBinary).toBe(false);
  }
  expect(await peer.exchange(full(3, { instanceUid: uid(2) }))).toMatchObject({ instanceUid: uid(2) });
  server.agent(uid(2)).misbehave({ mode: "silence" });
  server.behave();
  expect(await peer.exchange(full(4, { instanceUid: uid(2) }))).toMatchObject({ instanceUid: uid(2) });
});

test("what only HTTP can carry waits for HTTP, and hooks are asked all the same", async () => {
  const seen: bigint[] = [];
  const server = await startServer({ onMessage: (_, { sequenceNum }) => void seen.push(sequenceNum) });
  server.misbehave({ mode: "wrong-type" });
  server.misbehave({ mode: "silence", transport: "ws" });
  const peer = await dial(server);
  peer.send(full(1));
  expect(carried(await peer.exchange(lean(2)))).toContain("instanceUid");
  await expect(exchange(server.httpUrl, lean(3))).rejects.toThrow();
  expect(seen).toEqual([1n, 2n, 3n]);
});

describe("without a socket", () => {
  const heardBy = (server: OpAMPServer) => {
    const heard: [string, unknown?][] = [];
    const end: AgentEnd = {
      payload: ({ byteLength }) => heard.push(["payload", byteLength]),
      malformed: () => heard.push(["malformed"]),
      refused: () => heard.push(["refused"]),
      closed: (code) => heard.push(["closed", code]),
      cut: () => heard.push(["cut"]),
    };
    const link = server.attach("ws", end);
    return { heard, send: () => link?.payload(encodeAgentToServer(full(1))) };
  };
  const rows: [MessageMisbehaviour, [string, unknown?][]][] = [
    [{ mode: "silence" }, []],
    [{ mode: "text" }, [["malformed"]]],
    [{ mode: "garbage" }, [["payload", 64]]],
    [{ mode: "reset" }, [["cut"]]],
    [{ mode: "hang-up" }, [["cut"]]],
    [{ mode: "close", code: 1013 }, [["closed", 1013]]],
    [
      { mode: "flood", messages: 2 },
      [
        ["payload", 20],
        ["payload", 20],
      ],
    ],
  ];
  test.each(rows)("%o works as far as there is something to spoil", async (misbehaviour, expected) => {
    const server = await startServer();
    server.misbehave(misbehaviour);
    const { heard, send } = heardBy(server);
    send();
    expect(heard).toEqual(expected);
  });

  test("what needs one waits for one", async () => {
    const server = await startServer();
    server.misbehave({ mode: "bad-frame" });
    const { heard, send } = heardBy(server);
    send();
    expect(heard).toEqual([["payload", 20]]);
    const peer = await dial(server);
    peer.send(lean(2));
    await once(peer.socket, "error");
  });
});
