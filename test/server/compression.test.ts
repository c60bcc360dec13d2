import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { request as httpRequest } from "node:http";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, onTestFinished, test } from "vitest";
import type { OpAMPServer } from "../../src/testing/index.js";
import { decodeServerToAgent, encodeAgentToServer } from "../../src/wire/codec.js";
import { BareSocket, full, lean, post, uid } from "./bare-peers.js";
import { dial, startServer } from "./server-fixture.js";

/** A POST whose answer is seen as it came. */
async function rawPost(server: OpAMPServer, headers: Record<string, string>, body: Uint8Array) {
  const request = httpRequest(server.httpUrl, {
    method: "POST",
    agent: false,
    headers: { "content-type": "application/x-protobuf", "content-length": body.byteLength, ...headers },
  });
  request.end(body);
  const [response] = await once(request, "response");
  return { encoding: response.headers["content-encoding"], bytes: Buffer.concat(await response.toArray()) };
}

const big = "x".repeat(100_000);

describe("over HTTP", () => {
  test.each(["gzip", "deflate, gzip;q=0.5", "*"])(
    "an answer is gzipped when the request allows %s",
    async (accepted) => {
      const server = await startServer({ compression: true });
      const { encoding, bytes } = await rawPost(server, { "accept-encoding": accepted }, encodeAgentToServer(full(1)));
      expect(encoding).toBe("gzip");
      expect(decodeServerToAgent(gunzipSync(bytes))).toMatchObject({ ok: true, message: { instanceUid: uid() } });
      expect(server.agent(uid()).link).toMatchObject({ receivesCompressed: false, sendsCompressed: true });
    },
  );

  test.each([
    [true, "br"],
    [true, "gzip;q=0"],
    [true, ""],
    [false, "gzip"],
  ])("an answer is plain with compression %s and %j", async (compression, accepted) => {
    const server = await startServer({ compression });
    const { encoding, bytes } = await rawPost(server, { "accept-encoding": accepted }, encodeAgentToServer(full(1)));
    expect(encoding).toBeUndefined();
    expect(decodeServerToAgent(bytes)).toMatchObject({ ok: true });
    expect(server.agent(uid()).link).toMatchObject({ sendsCompressed: false });
  });

  test("a gzipped request is recorded as compressed, with compression on or off", async () => {
    const server = await startServer();
    const body = gzipSync(encodeAgentToServer(full(1, { health: { status: big } })));
    expect((await post(server.httpUrl, body, { "content-encoding": "gzip" })).status).toBe(200);
    const agent = server.agent(uid());
    expect(agent.link).toMatchObject({ receivesCompressed: true });
    expect(agent.health?.status).toBe(big);
    expect(server.traffic.received).toBeLessThan(10_000);
    await post(server.httpUrl, encodeAgentToServer(lean(2)));
    expect(agent.link).toMatchObject({ receivesCompressed: false });
  });

  test("a request that inflates to the limit passes, and one byte more does not", async () => {
    const message = encodeAgentToServer(full(1, { health: { status: "x".repeat(5000) } }));
    for (const [maxMessageBytes, status] of [
      [message.byteLength, 200],
      [message.byteLength - 1, 413],
    ] as const) {
      const { httpUrl } = await startServer({ maxMessageBytes });
      expect((await post(httpUrl, gzipSync(message), { "content-encoding": "gzip" })).status).toBe(status);
    }
  });

  test("a gzip bomb is refused without being inflated", async () => {
    const server = await startServer({ maxMessageBytes: 100_000 });
    const bomb = Buffer.concat(new Array<Buffer>(500).fill(gzipSync(new Uint8Array(1_048_576))));
    const before = process.memoryUsage().arrayBuffers;
    expect((await post(server.httpUrl, bomb, { "content-encoding": "gzip" })).status).toBe(413);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(50_000_000);
    expect(server.agents.size).toBe(0);
  });

  test.each([
    ["cut off", (body: Buffer) => body.subarray(0, body.byteLength - 12)],
    ["followed by other bytes", (body: Buffer) => Buffer.concat([body, Buffer.from("and so on")])],
  ])("a gzip body that is %s is answered 400, and the server lives", async (_, change) => {
    const server = await startServer();
    const body = change(gzipSync(encodeAgentToServer(full(1))));
    expect((await post(server.httpUrl, body, { "content-encoding": "gzip" })).status).toBe(400);
    expect((await post(server.httpUrl, encodeAgentToServer(full(1)))).status).toBe(200);
  });

  test("a sender that aborts in the middle of a gzip body leaves nothing behind", async () => {
    const server = await startServer();
    const headers = { "content-type": "application/x-protobuf", "content-encoding": "gzip", "content-length": 1000 };
    const request = httpRequest(server.httpUrl, { method: "POST", headers, agent: false });
    request.on("error", () => undefined);
    request.write(gzipSync(encodeAgentToServer(full(1))).subarray(0, 20));
    await server.until(({ attempts }) => attempts.length === 1);
    request.destroy();
    await server.until(({ sockets }) => sockets.open === 0);
    expect(server.requests.total).toBe(0);
  });
});

describe("over WebSocket", () => {
  async function deflating(server: OpAMPServer): Promise<BareSocket> {
    const peer = await BareSocket.open(server.url, { perMessageDeflate: { threshold: 0 } });
    onTestFinished(() => peer.socket.terminate());
    return peer;
  }

  test("permessage-deflate is agreed on with a client that offers it, and used", async () => {
    const server = await startServer({ compression: true });
    const peer = await deflating(server);
    expect(peer.socket.extensions).toContain("permessage-deflate");
    await peer.exchange(full(1, { health: { status: big } }));
    const agent = server.agent(uid());
    expect(agent.link).toMatchObject({ receivesCompressed: true, sendsCompressed: true });
    agent.sendCustom("com.example.a", "big", Buffer.from(big));
    expect(await peer.next()).toMatchObject({ customMessage: { type: "big" } });
    expect(server.traffic.received).toBeLessThan(10_000);
    expect(server.traffic.sent).toBeLessThan(10_000);
  });

  test("permessage-deflate is not negotiated without the option or the client's offer", async () => {
    const plainServer = await startServer();
    expect((await deflating(plainServer)).socket.extensions).toBe("");
    const server = await startServer({ compression: true });
    const peer = await BareSocket.open(server.url, { perMessageDeflate: false });
    onTestFinished(() => peer.socket.terminate());
    await peer.exchange(full(1));
    expect(server.agent(uid()).link).toMatchObject({ receivesCompressed: false, sendsCompressed: false });
  });

  test("the limit applies to the inflated size of messages", async () => {
    const server = await startServer({ compression: true, maxMessageBytes: 1000 });
    const peer = await deflating(server);
    peer.send(full(1, { health: { status: big } }));
    expect(await peer.closed()).toMatchObject({ code: 1009 });
    expect(server.agents.size).toBe(0);
    expect((await dial(server)).socket.extensions).toContain("permessage-deflate");
  });
});

test("traffic that cannot be compressed arrives whole", async () => {
  const server = await startServer({ compression: true });
  const noise = randomBytes(200_000).toString("base64");
  await post(server.httpUrl, gzipSync(encodeAgentToServer(full(1, { health: { status: noise } }))), {
    "content-encoding": "gzip",
  });
  const digest = (text = ""): string => createHash("sha256").update(text).digest("hex");
  expect(digest(server.agent(uid()).health?.status)).toBe(digest(noise));
});
