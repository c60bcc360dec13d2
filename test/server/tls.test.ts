import { once } from "node:events";
import { request as httpsRequest } from "node:https";
import { connect } from "node:net";
import { connect as connectTls } from "node:tls";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { OpAMPServer, type TestCertificates, testCertificates } from "../../src/testing/index.js";
import { decodeServerToAgent, encodeAgentToServer } from "../../src/wire/codec.js";
import { BareSocket, full, lean, uid } from "./bare-peers.js";
import { startServer } from "./server-fixture.js";

let kit: TestCertificates;
beforeAll(async () => {
  kit = await testCertificates({ client: { commonName: "agent seven" } });
});

async function secureDial(server: OpAMPServer, options: object = {}): Promise<BareSocket> {
  const peer = await BareSocket.open(server.url, { ca: kit.ca, ...options });
  onTestFinished(() => peer.socket.terminate());
  return peer;
}

async function securePost(server: OpAMPServer, body: Uint8Array, options: object = {}) {
  const headers = { "content-type": "application/x-protobuf", "content-length": body.byteLength };
  const request = httpsRequest(server.httpUrl, { method: "POST", ca: kit.ca, headers, agent: false, ...options });
  request.end(body);
  const [response] = await once(request, "response");
  const answer = decodeServerToAgent(Buffer.concat(await response.toArray()));
  return { status: response.statusCode, answer };
}

describe("with tls", () => {
  test("the URLs use secure schemes, and both transports work on the one port", async () => {
    const server = await startServer({ tls: kit.server });
    expect(server.url).toBe(`wss://127.0.0.1:${server.port}/v1/opamp`);
    expect(server.httpUrl).toBe(`https://127.0.0.1:${server.port}/v1/opamp`);
    const peer = await secureDial(server);
    expect(await peer.exchange(full(1))).toMatchObject({ capabilities: 0x7fn });
    const { status, answer } = await securePost(server, encodeAgentToServer(lean(2)));
    expect([status, answer.ok]).toEqual([200, true]);
    expect(server.agent(uid()).link?.endpoint).toBe(server.httpUrl);
    expect(server.sockets.total).toBe(2);
    expect(server.log.map(({ connection }) => connection)).toEqual([1, 1, 2, 2]);
    expect(server.traffic.received).toBeGreaterThan(0);
  });

  test("an agent's link has protocol, cipher, name and the client's certificate", async () => {
    const server = await startServer({ tls: { ...kit.server, ca: kit.ca, requestClientCert: "require" } });
    const { cert, key } = kit.client;
    const peer = await secureDial(server, { cert, key, servername: "localhost", maxVersion: "TLSv1.2" });
    await peer.exchange(full(1));
    const agent = server.agent(uid());
    expect(agent.link).toMatchObject({
      transport: "ws",
      connection: 1,
      tls: {
        protocol: "TLSv1.2",
        cipher: expect.stringMatching(/^TLS_/),
        serverName: "localhost",
        clientCertificate: {
          subject: "CN=agent seven",
          trusted: true,
          fingerprint256: expect.stringMatching(/^(..:){31}..$/),
        },
      },
    });
    await securePost(server, encodeAgentToServer(lean(2)), { cert, key });
    expect(agent.link).toMatchObject({ transport: "http", tls: { protocol: "TLSv1.3", serverName: undefined } });
  });

  test("a certificate that is requested but not required can be missing or of an unknown authority", async () => {
    const server = await startServer({ tls: { ...kit.server, ca: kit.ca, requestClientCert: true } });
    await (await secureDial(server)).exchange(full(1));
    expect(server.agent(uid()).link?.tls?.clientCertificate).toBeUndefined();
    const { cert, key } = await kit.issue({ usage: "client", selfSigned: true });
    await (await secureDial(server, { cert, key })).exchange(lean(2));
    expect(server.agent(uid()).link?.tls?.clientCertificate).toMatchObject({ trusted: false });
  });

  test("a missing or foreign certificate ends the handshake if one is required, and is recorded", async () => {
    const server = await startServer({ tls: { ...kit.server, ca: kit.ca, requestClientCert: "require" } });
    await expect(secureDial(server, { maxVersion: "TLSv1.2" })).rejects.toThrow();
    await server.until(({ tlsFailures }) => tlsFailures.length === 1);
    const { cert, key } = await kit.issue({ usage: "client", selfSigned: true });
    await expect(secureDial(server, { cert, key })).rejects.toThrow();
    await server.until(({ tlsFailures }) => tlsFailures.length === 2);
    const [missing, foreign] = server.tlsFailures;
    expect(missing).toMatchObject({ connection: 1, error: { code: "ERR_OPAMP_TLS" } });
    expect(missing?.error.message).toMatch(/did not return a certificate/);
    expect(foreign?.connection).toBe(2);
    expect(foreign?.error.message).toMatch(/client certificate refused: DEPTH_ZERO_SELF_SIGNED_CERT/);
    await server.until(({ sockets }) => sockets.open === 0);
    expect(server.connections.total).toBe(0);
  });

  test("a client that does not trust the server, and one without TLS, are recorded", async () => {
    const server = await startServer({ tls: kit.server });
    await expect(BareSocket.open(server.url)).rejects.toThrow(/certificate/);
    await server.until(({ tlsFailures }) => tlsFailures.length === 1);
    const plain = connect(server.port, "127.0.0.1");
    plain.on("error", () => undefined);
    plain.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    await server.until(({ tlsFailures }) => tlsFailures.length === 2);
    expect(server.tlsFailures[1]?.error.message).toMatch(/http request/i);
    await server.until(({ sockets }) => sockets.open === 0);
  });

  test("failures are limited to the number of messages that are kept", async () => {
    const server = await startServer({ tls: kit.server, keepMessages: 1 });
    for (let connection = 1; connection <= 3; connection += 1) {
      await expect(BareSocket.open(server.url)).rejects.toThrow(/certificate/);
      await server.until(({ tlsFailures }) => tlsFailures.at(-1)?.connection === connection);
    }
    expect(server.tlsFailures).toHaveLength(1);
  });

  test("a client that hangs up during its handshake is recorded", async () => {
    const server = await startServer({ tls: kit.server });
    await secureDial(server);
    const shaking = connect(server.port, "127.0.0.1");
    await server.until(({ sockets }) => sockets.open === 2);
    shaking.destroy();
    await server.until(({ tlsFailures }) => tlsFailures.length === 1);
    expect(server.tlsFailures[0]?.connection).toBe(2);
  });

  test("versions and ciphers can be narrowed", async () => {
    const server = await startServer({
      tls: {
        ...kit.server,
        maxVersion: "TLSv1.2",
        ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-GCM-SHA256",
      },
    });
    await (await secureDial(server)).exchange(full(1));
    expect(server.agent(uid()).link?.tls).toMatchObject({
      protocol: "TLSv1.2",
      cipher: expect.stringMatching(/^TLS_ECDHE_(EC)?D?R?SA_WITH_AES_128_GCM_SHA256$/),
    });
    await expect(secureDial(server, { minVersion: "TLSv1.3" })).rejects.toThrow();
  });

  test("another certificate is shown from the next handshake on", async () => {
    const server = await startServer({ tls: kit.server });
    const first = await secureDial(server);
    const other = await testCertificates();
    server.setTls(other.server);
    await expect(secureDial(server)).rejects.toThrow(/certificate/);
    await secureDial(server, { ca: other.ca });
    await first.exchange(full(1));
  });

  test("client certificates are wanted from the next handshake on, and then no more", async () => {
    const server = await startServer({ tls: kit.server });
    server.setTls({ ...kit.server, ca: kit.ca, requestClientCert: "require" });
    const without = await secureDial(server, { maxVersion: "TLSv1.2" }).catch((refusal) => refusal);
    expect(without).toBeInstanceOf(Error);
    await (await secureDial(server, kit.client)).exchange(full(1));
    expect(server.agent(uid()).link?.tls?.clientCertificate).toMatchObject({ trusted: true });
    server.setTls(kit.server);
    await secureDial(server);
  });

  test("drop and close cut open connections and pending handshakes without recording a failure", async () => {
    const server = await startServer({ tls: kit.server });
    const peer = await secureDial(server);
    await peer.exchange(full(1));
    const shaking = connect(server.port, "127.0.0.1");
    await server.until(({ sockets }) => sockets.open === 2);
    server.drop();
    expect(server.connections.open).toBe(0);
    expect(await peer.closed()).toMatchObject({ code: 1006 });
    await once(shaking, "close");
    await server.until(({ sockets }) => sockets.open === 0);
    expect(server.tlsFailures).toEqual([]);
    const second = await secureDial(server);
    await second.exchange(lean(2));
    await server.close();
    expect(server.sockets.open).toBe(0);
    expect(await second.closed()).toMatchObject({ code: 1006 });
  });

  test("a reset reaches the client although it happens below TLS", async () => {
    const server = await startServer({ tls: kit.server });
    server.misbehave({ on: "request", mode: "reset" });
    const socket = connectTls({ port: server.port, host: "127.0.0.1", ca: kit.ca });
    await once(socket, "secureConnect");
    socket.write("POST /v1/opamp HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n");
    const [error] = await once(socket, "error").catch((thrown) => [thrown]);
    expect(error).toMatchObject({ code: "ECONNRESET" });
  });
});

test("what is not a certificate, or TLS on a server without it, is refused with a hint", async () => {
  const bad = { code: "ERR_OPAMP_OPTION", message: expect.stringMatching(/^tls: /) };
  await expect(OpAMPServer.start({ tls: { cert: "x", key: "y" } })).rejects.toMatchObject(bad);
  const plain = await startServer();
  expect(() => plain.setTls(kit.server)).toThrow(expect.objectContaining(bad));
  const secure = await startServer({ tls: kit.server });
  expect(() => secure.setTls({ cert: "x", key: "y" })).toThrow(expect.objectContaining(bad));
});

test("a link without TLS has no TLS details", async () => {
  const server = await startServer();
  expect(server.agent(uid()).link).toBeUndefined();
  await (await BareSocket.open(server.url)).exchange(full(1));
  expect(server.agent(uid()).link).toEqual({
    transport: "ws",
    connection: 1,
    endpoint: server.url,
    tls: undefined,
    receivesCompressed: false,
    sendsCompressed: false,
  });
});
