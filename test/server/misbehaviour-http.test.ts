import { once } from "node:events";
import { createGunzip, gunzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { type MessageMisbehaviour, type OpAMPServer, virtualClock } from "../../src/testing/index.js";
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

function parts(answer: Buffer): { head: string; body: Buffer } {
  const end = answer.indexOf("\r\n\r\n");
  return { head: answer.toString("latin1", 0, end).toLowerCase(), body: answer.subarray(end + 4) };
}

async function headed(peer: RawPeer): Promise<{ head: string; body: Buffer }> {
  while (!peer.received().includes("\r\n\r\n")) await once(peer.socket, "data");
  return parts(peer.received());
}

test("no answer, though the message was taken in, until the other side gives up", async () => {
  const server = await misbehaving({ mode: "silence" });
  const peer = await rawPost(server);
  const agent = await server.agent(uid()).until(({ requests }) => requests.open === 1);
  expect(agent.sequenceNum).toBe(1n);
  peer.socket.destroy();
  await agent.until(({ requests }) => requests.open === 0);
  expect(await exchange(server.httpUrl, lean(2))).toMatchObject({ instanceUid: uid() });
});

test("a payload that nobody can read", async () => {
  const server = await misbehaving({ mode: "garbage", bytes: Uint8Array.of(255, 255) });
  const answer = await post(server.httpUrl, body);
  expect([answer.status, Buffer.from(await answer.arrayBuffer())]).toEqual([200, Buffer.from([255, 255])]);
});

test("another agent's answer, and the full state", async () => {
  const server = await misbehaving({ mode: "wrong-uid", uid: uid(7) });
  expect(await exchange(server.httpUrl, full(1))).toMatchObject({ instanceUid: uid(7) });
  server.misbehave({ mode: "full-state" });
  expect(await exchange(server.httpUrl, full(2))).toMatchObject({ flags: 1n, instanceUid: uid() });
});

test.each([500, 70_000])("an answer of exactly %i bytes that reads the same", async (bytes) => {
  const server = await misbehaving({ mode: "oversize", bytes });
  const answer = Buffer.from(await (await post(server.httpUrl, body)).arrayBuffer());
  expect(answer.byteLength).toBe(bytes);
  expect(decodeServerToAgent(answer)).toMatchObject({ ok: true, message: { instanceUid: uid() } });
});

test("another media type, HTML unless told otherwise", async () => {
  const server = await misbehaving({ mode: "wrong-type" });
  const page = await post(server.httpUrl, body);
  expect([page.status, page.headers.get("content-type")]).toEqual([200, "text/html"]);
  expect(await page.text()).toMatch(/^<!doctype html>/);
  server.misbehave({ mode: "wrong-type", contentType: "application/json", body: "{}" });
  const json = await post(server.httpUrl, body);
  expect([json.headers.get("content-type"), await json.text()]).toEqual(["application/json", "{}"]);
});

describe("a slow body", () => {
  test("comes in drips, on the server's clock", async () => {
    const clock = virtualClock();
    const server = await startServer({ clock });
    server.misbehave({ mode: "drip", everyMs: 1_000, bytes: 9 });
    const answer = post(server.httpUrl, body);
    const response = await answer;
    expect(response.headers.get("content-length")).toBe("20");
    const whole = response.arrayBuffer();
    for (const pending of [1, 1, 1, 0]) {
      expect(clock.pending).toBe(pending);
      await clock.advance(1_000);
    }
    expect(decodeServerToAgent(new Uint8Array(await whole))).toMatchObject({ ok: true });
  });

  test("ends with the server, and with a client that gives up", async () => {
    const clock = virtualClock();
    const server = await startServer({ clock });
    server.misbehave({ mode: "drip", everyMs: 1_000, times: 2 });
    const [first, second] = [await rawPost(server), await rawPost(server)];
    await Promise.all([headed(first), headed(second)]);
    first.socket.destroy();
    await server.until(({ sockets }) => sockets.open === 1);
    await clock.advance(1_000);
    expect(clock.pending).toBe(1);
    await server.close();
    expect(clock.pending).toBe(0);
  });
});

test("half of a body, and then the end", async () => {
  const peer = await rawPost(await misbehaving({ mode: "truncated" }));
  const { head, body: half } = parts(await peer.ended());
  expect(head).toContain("content-length: 20");
  expect(half).toHaveLength(10);
});

test("half of a body, and then nothing", async () => {
  const server = await misbehaving({ mode: "stuck-body" });
  const peer = await rawPost(server);
  const { head, body: half } = parts(await peer.has((await headed(peer)).head.length + 4 + 10));
  expect(head).toContain("content-length: 20");
  expect(half).toHaveLength(10);
  expect(server.requests.open).toBe(1);
  peer.socket.end();
  await server.until(({ sockets }) => sockets.open === 0);
});

test("a body without an end, no faster than it is taken", async () => {
  const server = await misbehaving({ mode: "endless-body" });
  const peer = await rawPost(server);
  await peer.has(2_000_000);
  peer.socket.pause();
  expect(parts(peer.received()).head).toContain("transfer-encoding: chunked");
  peer.socket.destroy();
  await server.until(({ sockets }) => sockets.open === 0);
});

test("half of a gzip body, and one that is none", async () => {
  const server = await misbehaving({ mode: "truncated-gzip" });
  const truncated = parts(await (await headedAndEnded(server)).ended());
  expect(truncated.head).toContain("content-encoding: gzip");
  expect(truncated.head).toContain(`content-length: ${truncated.body.byteLength}`);
  expect(() => gunzipSync(truncated.body)).toThrow(/unexpected end/);
  server.misbehave({ mode: "false-gzip" });
  const plain = parts(await (await headedAndEnded(server)).ended());
  expect(plain.head).toContain("content-encoding: gzip");
  expect(decodeServerToAgent(plain.body)).toMatchObject({ ok: true });
});

/** POSTs and ends this side, so that the server ends its own once it has answered. */
async function headedAndEnded(server: OpAMPServer): Promise<RawPeer> {
  const peer = await rawPost(server);
  await headed(peer);
  peer.socket.end();
  return peer;
}

test("a bomb is small on the wire, inflates to what was said and reads the same", async () => {
  const bytes = 20_000_000;
  const server = await misbehaving({ mode: "bomb", bytes });
  const response = await post(server.httpUrl, body, { "accept-encoding": "identity" });
  const gunzip = createGunzip();
  expect(response.headers.get("content-encoding")).toBe("gzip");
  const inflated = Buffer.from(await response.arrayBuffer());
  gunzip.destroy();
  expect(inflated.byteLength).toBe(bytes);
  expect(decodeServerToAgent(inflated)).toMatchObject({ ok: true, message: { instanceUid: uid() } });
  expect(server.traffic.sent).toBeLessThan(100_000);
});

test.each(["hang-up", "half-close"] as const)("no answer but the end: %s", async (mode) => {
  const server = await misbehaving({ mode });
  const peer = await rawPost(server);
  expect(await peer.ended()).toHaveLength(0);
  peer.socket.end();
  await server.until(({ sockets }) => sockets.open === 0);
});

test("a reset", async () => {
  const peer = await rawPost(await misbehaving({ mode: "reset" }));
  await expect(peer.ended()).rejects.toMatchObject({ code: "ECONNRESET" });
});

test("what only a WebSocket can carry waits for one", async () => {
  const server = await misbehaving({ mode: "fragments" });
  expect(await exchange(server.httpUrl, full(1))).toMatchObject({ instanceUid: uid() });
});
