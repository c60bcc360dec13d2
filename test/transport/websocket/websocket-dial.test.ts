import { createHash } from "node:crypto";
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { CLOSE_NOW } from "../../../src/transport/transport.js";
import { verifies } from "../../conformance/verifies.js";
import { freePort, startHttp, startTcp, startWebSocket } from "../raw-servers.js";
import { connect, dial } from "../recorder.js";

/** What a server has to say to an upgrade with this key (RFC 6455, 4.2.2). */
function acceptOf(key: string): string {
  return createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
}

function switching(accept: string): string {
  return [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${accept}`,
    "",
    "",
  ].join("\r\n");
}

describe("the upgrade request", () => {
  verifies(["EST-01", "TRANS-01"], "is a handshake of RFC 6455 with masked frames after it", async () => {
    const server = await startTcp((socket, bytes) => {
      const key = /sec-websocket-key: (.*)\r\n/i.exec(bytes.toString("latin1"))?.[1];
      if (key !== undefined) socket.write(switching(acceptOf(key)));
    });
    const { transport } = await connect(`ws://${server.host}/v1/opamp?tenant=a`);
    transport.send(Uint8Array.of(7));
    const request = (await server.heard.next()).bytes.toString("latin1");
    expect(request).toMatch(/^GET \/v1\/opamp\?tenant=a HTTP\/1\.1\r\n/);
    expect(request).toMatch(/\r\nUpgrade: websocket\r\n/i);
    expect(request).toMatch(/\r\nConnection: Upgrade\r\n/i);
    expect(request).toMatch(/\r\nSec-WebSocket-Version: 13\r\n/i);
    expect(request).toMatch(/\r\nSec-WebSocket-Key: [A-Za-z0-9+/]{22}==\r\n/i);
    const [first, second, ...rest] = (await server.heard.next()).bytes;
    // A final binary frame; masked, two bytes of payload; the mask and what it hides.
    expect([first, second, rest.length]).toEqual([0x82, 0x80 | 2, 4 + 2]);
    expect([(rest[4] ?? 0) ^ (rest[0] ?? 0), (rest[5] ?? 0) ^ (rest[1] ?? 0)]).toEqual([0, 7]);
  });

  verifies("WS-07", "does not have the content type that marks polling", async () => {
    const server = await startWebSocket();
    await connect(`ws://${server.host}`);
    const { request } = await server.accepted.next();
    expect(request.headers["content-type"]).toBeUndefined();
    expect(Object.keys(request.headers)).not.toContain("opamp-instance-uid");
  });

  test("has the given headers and the URL's credentials, resolved at each dial", async () => {
    const server = await startWebSocket();
    let calls = 0;
    const settings = { authorization: "Basic abc", headers: async () => ({ "X-Dial": String(++calls) }) };
    const { transport, ear } = await connect(`ws://${server.host}`, settings);
    transport.close(CLOSE_NOW, "again");
    await ear.lost();
    transport.open(ear.sink);
    await ear.next("opened");
    const dials = [await server.accepted.next(), await server.accepted.next()];
    expect(dials.map(({ request }) => request.headers["x-dial"])).toEqual(["1", "2"]);
    expect(dials.map(({ request }) => request.headers.authorization)).toEqual(["Basic abc", "Basic abc"]);
  });

  test("is not made if the headers cannot be resolved", async () => {
    const server = await startWebSocket();
    const { ear } = dial(`ws://${server.host}`, { headers: () => Promise.reject(new Error("no token")) });
    const loss = await ear.lost();
    expect(loss).toMatchObject({ fate: "unsent", orderly: true, error: { code: "ERR_OPAMP_HEADERS" } });
    expect(server.sockets).toEqual([]);
  });
});

describe("an invalid handshake", () => {
  const answers: Readonly<Record<string, (socket: Socket) => void>> = {
    "a wrong Sec-WebSocket-Accept": (socket) => socket.write(switching(acceptOf("another key"))),
    "an upgrade to something else": (socket) =>
      socket.write("HTTP/1.1 101 Switching Protocols\r\nUpgrade: irc\r\nConnection: Upgrade\r\n\r\n"),
    "bytes that are not HTTP": (socket) => socket.write("SSH-2.0-OpenSSH_9.6\r\n"),
  };
  for (const [what, answer] of Object.entries(answers)) {
    verifies("EST-01", `such as ${what} ends the dial`, async () => {
      const server = await startTcp(answer);
      const { ear } = dial(`ws://${server.host}`);
      expect(await ear.lost()).toMatchObject({
        orderly: true,
        throttled: false,
        error: { code: "ERR_OPAMP_NOT_OPAMP" },
      });
      expect(ear.heard).toEqual(["lost"]);
    });
  }

  test("from a server that does not upgrade is reported as not OpAMP", async () => {
    const server = await startHttp((_request, response) => response.end("hello"));
    const { ear } = dial(`ws://${server.host}/v1/opamp`);
    const { error } = await ear.lost();
    expect(error).toMatchObject({ code: "ERR_OPAMP_NOT_OPAMP", httpStatus: 200 });
    expect(error.message).toBe(`${server.host}/v1/opamp answered 200 instead of upgrading`);
  });

  test("over TLS with a server without TLS leads to a hint to the scheme", async () => {
    const server = await startHttp((_request, response) => response.end());
    const { ear } = dial(`wss://${server.host}`);
    const { error, fate } = await ear.lost();
    expect(error).toMatchObject({ code: "ERR_OPAMP_TLS", hint: expect.stringContaining("use ws://") });
    expect(fate).toBe("unsent");
  });
});

describe("a refused upgrade", () => {
  async function refusedWith(status: number, headers: Record<string, string> = {}) {
    const server = await startHttp((_request: IncomingMessage, response: ServerResponse) => {
      response.writeHead(status, headers);
      response.end("x".repeat(100_000));
    });
    const { ear } = dial(`ws://${server.host}/v1/opamp?token=secret`);
    const loss = await ear.lost();
    expect(loss.error.message).not.toContain("secret");
    return loss;
  }

  for (const [status, code] of [
    [400, "ERR_OPAMP_HTTP_STATUS"],
    [401, "ERR_OPAMP_UNAUTHORIZED"],
    [403, "ERR_OPAMP_UNAUTHORIZED"],
    [404, "ERR_OPAMP_HTTP_STATUS"],
    [500, "ERR_OPAMP_HTTP_STATUS"],
  ] as const) {
    test(`with ${status} is ${code}`, async () => {
      const loss = await refusedWith(status);
      expect(loss).toMatchObject({ orderly: true, throttled: false, error: { code, httpStatus: status } });
      expect(loss.retryAfterMs).toBeUndefined();
    });
  }

  for (const status of [429, 503]) {
    verifies("THR-04", `with ${status} asks for a pause, for as long as Retry-After says`, async () => {
      const throttled = { orderly: true, throttled: true, error: { code: "ERR_OPAMP_THROTTLED", httpStatus: status } };
      expect(await refusedWith(status, { "retry-after": "2" })).toMatchObject({ ...throttled, retryAfterMs: 2_000 });
      const inAMinute = new Date(Date.now() + 60_000).toUTCString();
      const { retryAfterMs = 0 } = await refusedWith(status, { "retry-after": inAMinute });
      // A date has whole seconds.
      expect(retryAfterMs).toBeGreaterThan(50_000);
      expect(retryAfterMs).toBeLessThanOrEqual(60_000);
      expect((await refusedWith(status)).retryAfterMs).toBeUndefined();
      expect((await refusedWith(status, { "retry-after": "soon" })).retryAfterMs).toBeUndefined();
    });
  }
});

describe("a dial that fails", () => {
  test("because nothing listens on the port is reported with what to check", async () => {
    const port = await freePort();
    const { ear } = dial(`ws://127.0.0.1:${port}`);
    const { error, fate, orderly } = await ear.lost();
    expect(error).toMatchObject({ code: "ERR_OPAMP_CONNECT", hint: expect.stringContaining("nothing listens") });
    expect(error.message).toMatch(new RegExp(`^no connection to 127.0.0.1:${port}: .*ECONNREFUSED`));
    expect({ fate, orderly }).toEqual({ fate: "unsent", orderly: true });
  });

  test("because the server hangs up leaves no connection open", async () => {
    const server = await startTcp((socket) => socket.destroy());
    const { ear } = dial(`ws://${server.host}`);
    expect(await ear.lost()).toMatchObject({ fate: "unsent", error: { code: "ERR_OPAMP_CONNECT" } });
  });

  test("because the server never answers lasts until it is cut", async () => {
    const server = await startTcp();
    const { transport, ear } = dial(`ws://${server.host}`);
    const { socket } = await server.heard.next();
    expect(ear.heard).toEqual([]);
    transport.close(CLOSE_NOW, "took too long");
    expect(await ear.lost()).toMatchObject({ orderly: false, error: { code: "ERR_OPAMP_CLOSED" } });
    await once(socket, "close");
  });

  for (const code of [1000, CLOSE_NOW]) {
    test(`because it is closed with ${code} before it starts makes no connection`, async () => {
      const server = await startWebSocket();
      const { transport, ear } = dial(`ws://${server.host}`);
      transport.close(code, "never mind");
      expect((await ear.lost()).error.message).toBe("closed from this side: never mind");
      await connect(`ws://${server.host}`);
      await server.accepted.next();
      expect(server.sockets).toHaveLength(1);
      expect(ear.heard).toEqual(["lost"]);
    });
  }

  test("because of an orderly close is cut", async () => {
    const server = await startTcp();
    const { transport, ear } = dial(`ws://${server.host}`);
    const { socket } = await server.heard.next();
    transport.close(1000, "goodbye");
    expect(await ear.lost()).toMatchObject({ orderly: true, error: { code: "ERR_OPAMP_CLOSED" } });
    await once(socket, "close");
  });
});
