import { expect, test } from "vitest";
import type { MessageMisbehaviour, OpAMPServer } from "../../src/testing/index.js";
import { decodeServerToAgent, encodeAgentToServer } from "../../src/wire/codec.js";
import { exchange, full, lean, post, uid } from "./bare-peers.js";
import { posted, type RawPeer, rawDial } from "./raw-peers.js";
import { startServer } from "./server-fixture.js";

const body = encodeAgentToServer(full(1));

async function misbehaving(misbehaviour: MessageMisbehaviour): Promise<OpAMPServer> {
  const server = await startServer();
  server.misbehave(misbehaviour);
  return server;
}

/** POSTs over a bare TCP connection, to see the answer's bytes. */
async function rawPost(server: OpAMPServer): Promise<RawPeer> {
  const peer = await rawDial(server);
  peer.socket.write(posted(body));
  return peer;
}

test("silence records the message but never answers", async () => {
  const server = await misbehaving({ mode: "silence" });
  const peer = await rawPost(server);
  const agent = await server.agent(uid()).until(({ requests }) => requests.open === 1);
  expect(agent.sequenceNum).toBe(1n);
  peer.socket.destroy();
  await agent.until(({ requests }) => requests.open === 0);
  expect(await exchange(server.httpUrl, lean(2))).toMatchObject({ instanceUid: uid() });
});

test("garbage answers with a payload that cannot be decoded", async () => {
  const server = await misbehaving({ mode: "garbage", bytes: Uint8Array.of(255, 255) });
  const answer = await post(server.httpUrl, body);
  expect([answer.status, Buffer.from(await answer.arrayBuffer())]).toEqual([200, Buffer.from([255, 255])]);
});

test.each([500, 70_000])("oversize answers with exactly %i bytes that decode to the same message", async (bytes) => {
  const server = await misbehaving({ mode: "oversize", bytes });
  const answer = Buffer.from(await (await post(server.httpUrl, body)).arrayBuffer());
  expect(answer.byteLength).toBe(bytes);
  expect(decodeServerToAgent(answer)).toMatchObject({ ok: true, message: { instanceUid: uid() } });
});

test("hang-up ends the connection without an answer", async () => {
  const server = await misbehaving({ mode: "hang-up" });
  const peer = await rawPost(server);
  expect(await peer.ended()).toHaveLength(0);
  peer.socket.end();
  await server.until(({ sockets }) => sockets.open === 0);
});

test("reset resets the connection", async () => {
  const peer = await rawPost(await misbehaving({ mode: "reset" }));
  await expect(peer.ended()).rejects.toMatchObject({ code: "ECONNRESET" });
});

test("close, which only a WebSocket can do, waits for one", async () => {
  const server = await misbehaving({ mode: "close", code: 1011 });
  expect(await exchange(server.httpUrl, full(1))).toMatchObject({ instanceUid: uid() });
});
