import type { Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { testCertificates } from "../../../src/testing/certificates.js";
import { CLOSE_NOW, OVERDUE } from "../../../src/transport/transport.js";
import { verifies } from "../../conformance/verifies.js";
import { bodyOf, freePort, startHttp, startTcp, startWebSocket } from "../raw-servers.js";
import { connect, type Dialled, dial } from "../recorder.js";

const POST_ANSWER = "HTTP/1.1 200 OK\r\nContent-Type: application/x-protobuf\r\nContent-Length: 1\r\n\r\n\u0007";

/** A server that answers POSTs, and does to an upgrade what it is told. */
async function startPath(onUpgrade: (socket: Socket) => void) {
  const requests: string[] = [];
  const server = await startTcp((socket, bytes) => {
    const [method = ""] = bytes.toString("latin1").split(" ");
    requests.push(method);
    // Never two at a time (DUP-01): what the upgrade came on is gone before the POST.
    if (method === "POST") expect(server.sockets.filter((other) => other.readyState === "open")).toHaveLength(1);
    if (method === "GET") onUpgrade(socket);
    else socket.write(POST_ANSWER);
  });
  return { ...server, requests };
}

async function expectPolling({ transport, ear }: Dialled): Promise<void> {
  expect([transport.name, transport.duplex]).toEqual(["http", false]);
  transport.send(Uint8Array.of(1));
  expect(await ear.payload()).toEqual([7]);
  expect(ear.dials.all).toEqual(["dialing", "dialed"]);
}

test.each(["ws", "http"])("%s URLs use WebSocket where it gets through", async (scheme) => {
  const server = await startWebSocket();
  const { transport, ear } = await connect(`${scheme}://${server.host}/v1/opamp?a=b`, { auto: true });
  const { socket, request } = await server.accepted.next();
  expect([transport.name, transport.duplex, request.url]).toEqual(["websocket", true, "/v1/opamp?a=b"]);
  socket.send(Uint8Array.of(0, 7));
  expect(await ear.payload()).toEqual([7]);
  transport.ping();
  await ear.next("pong");
});

test.each(["wss", "https"])("%s URLs use it with TLS, and so does HTTP in its place", async (scheme) => {
  const { ca, server: tls } = await testCertificates();
  const through = await startWebSocket({ tls });
  const both = await connect(`${scheme}://${through.host}`, { auto: true, tls: { ca } });
  expect(both.transport.name).toBe("websocket");
  const blocked = await startHttp((request, response) => {
    if (request.method === "GET") response.writeHead(400).end();
    else response.writeHead(200, { "content-type": "application/x-protobuf" }).end(Uint8Array.of(7));
  }, tls);
  await expectPolling(await connect(`${scheme}://${blocked.host}`, { auto: true, tls: { ca } }));
});

describe("HTTP takes over within the same dial", () => {
  const failures: Readonly<Record<string, (socket: Socket) => void>> = {
    "when the upgrade is answered like a plain request": (socket) =>
      socket.end("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    "when it is a bad request": (socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"),
    "when it is forbidden": (socket) => socket.end("HTTP/1.1 403 Forbidden\r\n\r\n"),
    "when it is not found": (socket) => socket.end("HTTP/1.1 404 Not Found\r\n\r\n"),
    "when another protocol is asked for": (socket) => socket.end("HTTP/1.1 426 Upgrade Required\r\n\r\n"),
    "when a gateway fails at it": (socket) => socket.end("HTTP/1.1 502 Bad Gateway\r\n\r\n"),
    "when the handshake is garbled": (socket) =>
      socket.end("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"),
    "when the answer is not HTTP": (socket) => socket.end("what?\r\n\r\n"),
    "when the connection is closed instead": (socket) => socket.end(),
    "when the connection is reset": (socket) => socket.resetAndDestroy(),
  };
  for (const [what, onUpgrade] of Object.entries(failures)) {
    verifies("DUP-01", `${what}, over one connection at a time`, async () => {
      const path = await startPath(onUpgrade);
      const dialled = await connect(`ws://${path.host}/`, { auto: true });
      await expectPolling(dialled);
      expect(dialled.ear.heard).toEqual(["opened", "payload"]);
      expect(path.requests).toEqual(["GET", "POST"]);
    });
  }
});

describe("a failure that HTTP would have too is reported without a fallback", () => {
  for (const [status, code] of [
    [401, "ERR_OPAMP_UNAUTHORIZED"],
    [413, "ERR_OPAMP_TOO_LARGE"],
    [429, "ERR_OPAMP_THROTTLED"],
    [503, "ERR_OPAMP_THROTTLED"],
    [307, "ERR_OPAMP_HTTP_STATUS"],
  ] as const) {
    test(`${status} to the upgrade`, async () => {
      const methods: string[] = [];
      const server = await startHttp((request, response) => {
        methods.push(request.method ?? "");
        response.writeHead(status, { location: "ftp://nowhere/", "retry-after": "2" }).end();
      });
      const { transport, ear } = dial(`ws://${server.host}/`, { auto: true });
      expect((await ear.lost()).error).toMatchObject({ code, httpStatus: status });
      expect([transport.name, methods]).toEqual(["websocket", ["GET"]]);
    });
  }

  test("a port where nothing listens", async () => {
    const { transport, ear } = dial(`ws://127.0.0.1:${await freePort()}/`, { auto: true });
    expect(await ear.lost()).toMatchObject({ fate: "unsent", error: { code: "ERR_OPAMP_CONNECT" } });
    expect(transport.name).toBe("websocket");
  });

  test("TLS that fails", async () => {
    const { server: tls } = await testCertificates();
    const server = await startWebSocket({ tls });
    const { ear } = dial(`wss://${server.host}/`, { auto: true });
    expect(await ear.lost()).toMatchObject({ fate: "unsent", error: { code: "ERR_OPAMP_TLS" } });
  });

  test("a client certificate that turns out to be missing after the connection is made", async () => {
    const { ca, server: tls } = await testCertificates();
    const server = await startWebSocket({ tls: { ...tls, ca, requestCert: true } });
    const { ear } = dial(`wss://${server.host}/`, { auto: true, tls: { ca } });
    expect((await ear.lost()).error.code).toBe("ERR_OPAMP_TLS");
    expect(server.sockets).toHaveLength(1);
  });

  test("headers that cannot be resolved", async () => {
    const server = await startTcp();
    const { ear } = dial(`ws://${server.host}/`, { auto: true, headers: () => Promise.reject(new Error("no")) });
    expect((await ear.lost()).error.code).toBe("ERR_OPAMP_HEADERS");
    expect(server.sockets).toEqual([]);
  });

  test("a proxy that refuses the tunnel", async () => {
    const proxy = await startTcp((socket) => socket.end("HTTP/1.1 403 Forbidden\r\n\r\n"));
    const { ear } = dial("ws://opamp.invalid/", { auto: true, proxy: { url: `http://${proxy.host}` } });
    expect((await ear.lost()).error.code).toBe("ERR_OPAMP_PROXY");
    expect(proxy.sockets).toHaveLength(1);
  });
});

describe("an upgrade without an answer", () => {
  test("makes the next dial start with HTTP, if it timed out", async () => {
    const path = await startPath(() => {});
    const dialled = dial(`ws://${path.host}/`, { auto: true, now: () => 0 });
    const { transport, ear } = dialled;
    await path.heard.next();
    transport.close(CLOSE_NOW, OVERDUE);
    expect((await ear.lost()).error.message).toMatch(
      /did not answer the upgrade to WebSocket within timeouts\.connectMs$/,
    );
    transport.open(ear.sink);
    await ear.next("opened");
    await expectPolling(dialled);
    expect(path.requests).toEqual(["GET", "POST"]);
  });

  test("has no effect on the next dial, if it was cut earlier", async () => {
    const path = await startPath(() => {});
    const { transport, ear } = dial(`ws://${path.host}/`, { auto: true, now: () => 0 });
    await path.heard.next();
    transport.close(CLOSE_NOW, "never mind");
    await ear.lost();
    transport.open(ear.sink);
    await path.heard.next();
    expect(path.requests).toEqual(["GET", "GET"]);
  });
});

test("a message is sent bare in a POST, and framed again once the transport is a WebSocket", async () => {
  const bodies: number[][] = [];
  let blocked = true;
  const server = await startWebSocket({
    refuse: () => (blocked ? { status: 400 } : undefined),
    onRequest: async (request, response) => {
      bodies.push([...(await bodyOf(request))]);
      response.end();
    },
  });
  const { transport, ear } = await connect(`ws://${server.host}`, { auto: true, now: () => (blocked ? 0 : 600_000) });
  transport.send(Uint8Array.of(5));
  await ear.payload();
  expect(bodies).toEqual([[5]]);
  blocked = false;
  transport.send(Uint8Array.of(6));
  await ear.lost();
  transport.open(ear.sink);
  await ear.next("opened");
  const { socket } = await server.accepted.next();
  const received = new Promise<Buffer>((resolve) => socket.once("message", resolve));
  transport.send(Uint8Array.of(6));
  expect([...(await received)]).toEqual([0, 6]);
  expect(bodies).toHaveLength(1);
});
