import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { testCertificates } from "../../src/testing/index.js";
import { encodeAgentToServer } from "../../src/wire/codec.js";
import { BareSocket, full, lean, post, uid } from "./bare-peers.js";
import { posted, rawDial, UPGRADE } from "./raw-peers.js";
import { dial, startServer } from "./server-fixture.js";

const body = encodeAgentToServer(full(1));
const POST = String(posted(new Uint8Array())); // an empty body is not a message, which does not matter here

describe("a misbehaviour on connect", () => {
  test("stays silent once, and the next connection is normal", async () => {
    const server = await startServer();
    server.misbehave({ on: "connect", mode: "silence" });
    const silent = await rawDial(server, UPGRADE);
    const fine = await rawDial(server, UPGRADE);
    expect(String(await fine.has(12))).toMatch(/^HTTP\/1.1 101/);
    expect(silent.received()).toHaveLength(0);
    expect(server.attempts).toHaveLength(1);
    silent.socket.end();
    await server.until(({ sockets }) => sockets.open === 1);
  });

  test("stays silent in place of a TLS handshake, which does not count as failed", async () => {
    const { server: tls, ca } = await testCertificates();
    const server = await startServer({ tls });
    server.misbehave({ on: "connect", mode: "silence" });
    const socket = new WebSocket(server.url, { ca });
    socket.on("error", () => undefined);
    await server.until(({ sockets }) => sockets.open === 1);
    socket.terminate();
    await server.until(({ sockets }) => sockets.open === 0);
    expect(server.tlsFailures).toEqual([]);
    const peer = await BareSocket.open(server.url, { ca });
    await peer.exchange(full(1));
    expect(server.agent(uid()).link?.connection).toBe(2);
  });

  test.each([
    [undefined, Buffer.alloc(64, 0xff)],
    ["SSH-2.0-x\r\n", Buffer.from("SSH-2.0-x\r\n")],
  ])("sends garbage (%s)", async (bytes, expected) => {
    const server = await startServer();
    server.misbehave({ on: "connect", mode: "garbage", ...(bytes === undefined ? {} : { bytes }) });
    expect(await (await rawDial(server)).ended()).toEqual(expected);
  });

  test("hangs up and resets as often as configured", async () => {
    const server = await startServer();
    server.misbehave({ on: "connect", mode: "hang-up", times: 2 });
    server.misbehave({ on: "connect", mode: "reset" });
    for (const _ of [1, 2]) expect(await (await rawDial(server)).ended()).toHaveLength(0);
    await expect((await rawDial(server)).ended()).rejects.toMatchObject({ code: "ECONNRESET" });
    expect((await dial(server)).socket.readyState).toBe(WebSocket.OPEN);
  });
});

describe.each([
  ["an upgrade", UPGRADE],
  ["a POST", POST],
])("a misbehaviour on %s", (name, request) => {
  test("stays silent until the other side ends the connection", async () => {
    const server = await startServer();
    server.misbehave({ on: "request", mode: "silence" });
    const peer = await rawDial(server, request);
    await server.until(({ attempts }) => attempts.length === 1);
    peer.socket.end();
    expect(await peer.ended()).toHaveLength(0);
    expect(server.attempts[0]?.status).toBeUndefined();
    await server.until(({ sockets }) => sockets.open === 0);
  });

  test("sends garbage, hangs up and resets", async () => {
    const server = await startServer();
    server.misbehave({ on: "request", mode: "garbage" });
    server.misbehave({ on: "request", mode: "hang-up" });
    server.misbehave({ on: "request", mode: "reset" });
    expect(await (await rawDial(server, request)).ended()).toEqual(Buffer.alloc(64, 0xff));
    expect(await (await rawDial(server, request)).ended()).toHaveLength(0);
    await expect((await rawDial(server, request)).ended()).rejects.toMatchObject({ code: "ECONNRESET" });
  });

  test("redirects to the same URL by default, or to a given one", async () => {
    const server = await startServer();
    server.misbehave({ on: "request", mode: "redirect" });
    server.misbehave({ on: "request", mode: "redirect", to: "https://example.com/x", status: 302 });
    const scheme = name === "a POST" ? "http" : "ws";
    const circular = await rawDial(server, request.replace("/v1/opamp", "/v1/opamp?a=1"));
    const answer = String(await circular.has(100));
    expect(answer).toMatch(/^HTTP\/1.1 307/);
    expect(answer).toContain(`location: ${scheme}://test/v1/opamp?a=1\r\n`);
    const away = String(await (await rawDial(server, request)).has(100));
    expect(away).toMatch(/^HTTP\/1.1 302/);
    expect(away).toContain("location: https://example.com/x\r\n");
    expect(server.attempts.map(({ status }) => status)).toEqual([307, 302]);
  });

  test("ends with the server", async () => {
    const server = await startServer();
    server.misbehave({ on: "request", mode: "silence", times: 3 });
    for (const _ of [1, 2, 3]) await rawDial(server, request);
    await server.until(({ attempts }) => attempts.length === 3);
    await server.close();
    expect(server.sockets.open).toBe(0);
  });
});

test("a misbehaviour can be limited to one transport, and behave() cancels pending ones", async () => {
  const server = await startServer();
  server.misbehave({ on: "request", mode: "hang-up", transport: "ws", times: Number.POSITIVE_INFINITY });
  server.misbehave({ on: "connect", mode: "hang-up", times: 0 });
  expect((await post(server.httpUrl, body)).status).toBe(200);
  for (const _ of [1, 2]) await expect(BareSocket.open(server.url)).rejects.toThrow();
  server.behave();
  expect(await (await dial(server)).exchange(lean(2))).toMatchObject({ instanceUid: uid() });
  const [closed] = await once((await rawDial(server)).socket.end(), "close");
  expect(closed).toBe(false);
});
