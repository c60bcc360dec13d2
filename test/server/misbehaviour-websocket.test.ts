import { once } from "node:events";
import { describe, expect, test } from "vitest";
import type { AgentEnd, AgentMisbehaviour, MessageMisbehaviour, OpAMPServer } from "../../src/testing/index.js";
import { encodeAgentToServer } from "../../src/wire/codec.js";
import { carried, exchange, full, lean, uid } from "./bare-peers.js";
import { rawDial, UPGRADE } from "./raw-peers.js";
import { dial, startServer } from "./server-fixture.js";

/** The usual garbage, with the header of a WebSocket message. */
const UNREADABLE = Buffer.from([0, ...new Uint8Array(64).fill(0xff)]);

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
  test("never comes, although the message was recorded", async () => {
    const { server, peer } = await misbehaving({ mode: "silence" });
    await server.agent(uid()).until(({ sequenceNum }) => sequenceNum === 1n);
    expect(await peer.exchange(lean(2))).toMatchObject({ capabilities: 0x7fn });
    expect(server.agent(uid()).sent).toHaveLength(1);
  });

  test("is a payload that cannot be decoded", async () => {
    const { peer } = await misbehaving({ mode: "garbage" });
    expect((await peer.raw()).data).toEqual(UNREADABLE);
    expect(carried(await peer.exchange(lean(2)))).toContain("instanceUid");
  });

  test("is garbage for ever, until the server is told to behave", async () => {
    const { server, peer } = await misbehaving({ mode: "garbage", times: Number.POSITIVE_INFINITY });
    expect((await peer.raw()).data).toEqual(UNREADABLE);
    for (const sequenceNum of [2, 3, 4]) {
      peer.send(full(sequenceNum));
      expect((await peer.raw()).data).toEqual(UNREADABLE);
    }
    server.behave();
    expect(await peer.exchange(full(5))).toMatchObject({ instanceUid: uid() });
  });

  test.each([1000, 70_000, 300])(
    "has exactly %i bytes, header included, and decodes to the same message",
    async (bytes) => {
      const { server, peer } = await misbehaving({ mode: "oversize", bytes });
      const { data } = await peer.raw();
      expect(data.byteLength).toBe(bytes);
      server.agent(uid()).misbehave({ mode: "oversize", bytes });
      expect(await peer.exchange(lean(2))).toMatchObject({ instanceUid: uid() });
    },
  );
});

describe("instead of an answer the connection", () => {
  test.each([1000, 1001, 1011, 1012, 1013, 4000])("is closed with %i", async (code) => {
    const { server, peer } = await misbehaving({ mode: "close", code, reason: "why not" });
    expect(await peer.closed()).toEqual({ code, reason: "why not" });
    await server.until(({ connections }) => connections.open === 0);
  });

  test.each([1004, 1006, 1015, 999])("is closed with %i, which must not be sent", async (code) => {
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

  test("is closed with a frame that has the raw code, or none", async () => {
    const server = await startServer();
    server.misbehave({ mode: "close", code: 1015 });
    server.misbehave({ mode: "close", code: 1005 });
    expect([...(await rawAnswer(server, 4))]).toEqual([0x88, 2, 0x03, 0xf7]);
    expect([...(await rawAnswer(server, 2))]).toEqual([0x88, 0]);
  });

  test("ends without a Close frame", async () => {
    const { server, peer } = await misbehaving({ mode: "hang-up" });
    expect(await peer.closed()).toMatchObject({ code: 1006 });
    await server.until(({ sockets }) => sockets.open === 0);
  });

  test("is reset", async () => {
    const server = await startServer();
    server.misbehave({ mode: "reset" });
    await expect(rawAnswer(server, 1)).rejects.toMatchObject({ code: "ECONNRESET" });
  });
});

test("a misbehaviour towards one agent does not affect others", async () => {
  const server = await startServer();
  server.agent(uid(2)).misbehave({ mode: "garbage", times: 2 });
  const peer = await dial(server);
  expect(await peer.exchange(full(1))).toMatchObject({ instanceUid: uid() });
  for (const sequenceNum of [1, 2]) {
    peer.send(full(sequenceNum, { instanceUid: uid(2) }));
    expect((await peer.raw()).data).toEqual(UNREADABLE);
  }
  expect(await peer.exchange(full(3, { instanceUid: uid(2) }))).toMatchObject({ instanceUid: uid(2) });
  server.agent(uid(2)).misbehave({ mode: "silence" });
  server.behave();
  expect(await peer.exchange(full(4, { instanceUid: uid(2) }))).toMatchObject({ instanceUid: uid(2) });
});

test("a misbehaviour for one transport waits for it, and hooks are still called", async () => {
  const seen: bigint[] = [];
  const server = await startServer({ onMessage: (_, { sequenceNum }) => void seen.push(sequenceNum) });
  server.misbehave({ mode: "garbage", transport: "http" });
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
    [{ mode: "garbage" }, [["payload", 64]]],
    [{ mode: "reset" }, [["cut"]]],
    [{ mode: "hang-up" }, [["cut"]]],
    [{ mode: "close", code: 1013 }, [["closed", 1013]]],
  ];
  test.each(rows)("%o works as far as it applies", async (misbehaviour, expected) => {
    const server = await startServer();
    server.misbehave(misbehaviour);
    const { heard, send } = heardBy(server);
    send();
    expect(heard).toEqual(expected);
  });
});
