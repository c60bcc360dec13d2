import { once } from "node:events";
import type { RequestListener } from "node:http";
import { describe, expect, test } from "vitest";
import type { TransportSettings } from "../../../src/transport/settings/settings.js";
import { CLOSE_NOW, type Loss } from "../../../src/transport/transport.js";
import { verifies } from "../../conformance/verifies.js";
import { freePort, startHttp, startTcp } from "../raw-servers.js";
import { connect, Recorder } from "../recorder.js";

const PROTOBUF = { "content-type": "application/x-protobuf" };

/** How a request fails when it is answered like this. */
async function failure(answer: RequestListener, settings: Partial<TransportSettings> = {}): Promise<Loss> {
  const server = await startHttp(answer);
  const { transport, ear } = await connect(`http://${server.host}/v1/opamp?token=secret`, settings);
  transport.send(Uint8Array.of(1));
  const loss = await ear.lost();
  expect(loss.error.message).not.toContain("secret");
  expect(ear.heard).toEqual(["opened", "lost"]);
  return loss;
}

describe("a status that is not a success", () => {
  for (const [status, code] of [
    [400, "ERR_OPAMP_HTTP_STATUS"],
    [401, "ERR_OPAMP_UNAUTHORIZED"],
    [403, "ERR_OPAMP_UNAUTHORIZED"],
    [404, "ERR_OPAMP_HTTP_STATUS"],
    [500, "ERR_OPAMP_HTTP_STATUS"],
    [502, "ERR_OPAMP_HTTP_STATUS"],
  ] as const) {
    test(`${status} is ${code}, and answers the message`, async () => {
      const loss = await failure((_request, response) => {
        response.writeHead(status, { location: "/elsewhere" });
        response.end("not now");
      });
      const { error, ...rest } = loss;
      expect(rest).toEqual({ fate: "answered", orderly: true, throttled: false });
      expect(error).toMatchObject({ code, httpStatus: status });
      expect(error.message).toMatch(new RegExp(`/v1/opamp answered ${status}`));
    });
  }

  test("of 413 refuses the message for good", async () => {
    const loss = await failure((_request, response) => response.writeHead(413).end());
    expect(loss).toMatchObject({ fate: "refused", orderly: true, error: { code: "ERR_OPAMP_TOO_LARGE" } });
  });

  for (const status of [429, 503]) {
    verifies("THR-04", `${status} asks for a pause, for as long as Retry-After says`, async () => {
      const answered = (headers: Record<string, string>): Promise<Loss> =>
        failure((_request, response) => response.writeHead(status, headers).end("busy"));
      const throttled = {
        throttled: true,
        fate: "answered",
        error: { code: "ERR_OPAMP_THROTTLED", httpStatus: status },
      };
      expect(await answered({ "retry-after": "2" })).toMatchObject({ ...throttled, retryAfterMs: 2_000 });
      const { retryAfterMs = 0 } = await answered({ "retry-after": new Date(Date.now() + 60_000).toUTCString() });
      // A date has whole seconds.
      expect(retryAfterMs).toBeGreaterThan(50_000);
      expect(retryAfterMs).toBeLessThanOrEqual(60_000);
      expect((await answered({})).retryAfterMs).toBeUndefined();
      expect((await answered({ "retry-after": "later" })).retryAfterMs).toBeUndefined();
    });
  }

  test("with a large or endless body does not block the next request", async () => {
    let requests = 0;
    const server = await startHttp((_request, response) => {
      requests += 1;
      if (requests === 3) return void response.writeHead(200, PROTOBUF).end(Uint8Array.of(7));
      response.writeHead(500);
      if (requests === 1) response.end(Buffer.alloc(2_000_000));
      else response.write("and so on");
    });
    const { transport, ear } = await connect(`http://${server.host}/`);
    for (let i = 0; i < 2; i++) {
      transport.send(Uint8Array.of(1));
      expect((await ear.lost()).error).toMatchObject({ httpStatus: 500 });
      transport.open(ear.sink);
      await ear.next("opened");
    }
    transport.send(Uint8Array.of(1));
    expect(await ear.payload()).toEqual([7]);
  });
});

describe("a 200 that is not an OpAMP answer", () => {
  for (const [type, said] of [
    ["text/html; charset=utf-8", "text/html"],
    ["application/json", "application/json"],
    ["application/octet-stream", "application/octet-stream"],
    [undefined, "no content type"],
  ] as const) {
    test(`with ${said} is not from an OpAMP server`, async () => {
      const { error, orderly } = await failure((_request, response) => {
        response.writeHead(200, type === undefined ? {} : { "content-type": type }).end("<html></html>");
      });
      expect(error).toMatchObject({ code: "ERR_OPAMP_NOT_OPAMP", retryable: true });
      expect(error.message).toMatch(/\/v1\/opamp answered with /);
      expect(error.message).toContain(said);
      expect(orderly).toBe(true);
    });
  }

  test("cut short in its body counts as a lost connection, without a payload", async () => {
    const loss = await failure((_request, response) => {
      response.writeHead(200, { ...PROTOBUF, "content-length": 10 });
      response.write(Uint8Array.of(1, 2, 3), () => response.destroy());
    });
    expect(loss).toMatchObject({ fate: "unknown", orderly: true, error: { code: "ERR_OPAMP_CLOSED" } });
    expect(loss.error.message).toMatch(/^the connection to 127\.0\.0\.1:\d+ broke: /);
  });

  for (const connection of ["keep-alive", "close"]) {
    test(`with half a chunked body and Connection: ${connection} counts as a lost connection`, async () => {
      const loss = await failure((_request, response) => {
        response.writeHead(200, { ...PROTOBUF, connection });
        response.write(Uint8Array.of(1, 2, 3), () => response.destroy());
      });
      expect(loss).toMatchObject({ fate: "unknown", orderly: true, error: { code: "ERR_OPAMP_CLOSED" } });
    });
  }
});

test.each(["application/octet-stream", "application/protobuf; charset=utf-8", undefined])(
  "a 200 of the binary type %s is an OpAMP answer",
  async (type) => {
    const server = await startHttp((_request, response) => {
      response.writeHead(201, type === undefined ? {} : { "content-type": type }).end(Uint8Array.of(8, 3));
    });
    const { transport, ear } = await connect(`http://${server.host}/`);
    transport.send(Uint8Array.of(1));
    expect(await ear.payload()).toEqual([8, 3]);
  },
);

describe("the limit on what is received", () => {
  const limit = { maxReceiveBytes: 1_000 };

  test("accepts an answer of exactly that size, with and without Content-Length", async () => {
    const body = Buffer.alloc(1_000, 8);
    let requests = 0;
    const server = await startHttp((_request, response) => {
      requests += 1;
      response.writeHead(200, requests === 1 ? { ...PROTOBUF, "content-length": body.length } : PROTOBUF);
      response.write(body);
      response.end();
    });
    const { transport, ear } = await connect(`http://${server.host}/`, limit);
    for (let i = 0; i < 2; i++) {
      transport.send(Uint8Array.of(1));
      expect(await ear.payload()).toHaveLength(1_000);
    }
  });

  test("rejects an answer that announces more, without reading it", async () => {
    const { error, orderly } = await failure((_request, response) => {
      response.writeHead(200, { ...PROTOBUF, "content-length": 1_001 });
      response.flushHeaders();
    }, limit);
    expect(error).toMatchObject({
      code: "ERR_OPAMP_TOO_LARGE",
      message: "message of 1001 bytes over the receive limit of 1000 bytes",
    });
    expect(orderly).toBe(true);
  });

  test("cuts off an answer that turns out to be larger", async () => {
    const { error } = await failure((_request, response) => {
      response.writeHead(200, PROTOBUF);
      response.write(Buffer.alloc(1_001));
    }, limit);
    expect(error).toMatchObject({
      code: "ERR_OPAMP_TOO_LARGE",
      message: "message over the receive limit of 1000 bytes",
    });
  });
});

describe("an exchange that fails", () => {
  test("because nothing listens on the port has sent nothing", async () => {
    const port = await freePort();
    const { transport, ear } = await connect(`http://127.0.0.1:${port}/`);
    transport.send(Uint8Array.of(1));
    const { error, ...loss } = await ear.lost();
    expect(loss).toEqual({ fate: "unsent", orderly: true, throttled: false });
    expect(error).toMatchObject({ code: "ERR_OPAMP_CONNECT", hint: expect.stringContaining("nothing listens") });
    expect(error.message).toMatch(new RegExp(`^no connection to 127.0.0.1:${port}: .*ECONNREFUSED`));
  });

  test("because a connection that was closed cannot be made again has sent nothing", async () => {
    const server = await startHttp((_request, response) => response.writeHead(200, { connection: "close" }).end());
    const { transport, ear } = await connect(`http://${server.host}/`);
    transport.send(Uint8Array.of(1));
    await ear.payload();
    await server.stop();
    transport.send(Uint8Array.of(2));
    const { error, ...loss } = await ear.lost();
    expect(loss).toEqual({ fate: "unsent", orderly: true, throttled: false });
    expect(error.message).toContain("ECONNREFUSED");
  });

  test("because the server has no TLS has sent nothing, with a hint to the scheme", async () => {
    const server = await startHttp((_request, response) => response.end());
    const { transport, ear } = await connect(`https://${server.host}/`);
    transport.send(Uint8Array.of(1));
    const { error, fate } = await ear.lost();
    expect(fate).toBe("unsent");
    expect(error).toMatchObject({ code: "ERR_OPAMP_TLS", hint: expect.stringContaining("http://") });
  });

  test("because the server hangs up may have delivered the message", async () => {
    const server = await startTcp((socket) => socket.destroy());
    const { transport, ear } = await connect(`http://${server.host}/`);
    transport.send(Uint8Array.of(1));
    expect(await ear.lost()).toMatchObject({ fate: "unknown", orderly: true, error: { code: "ERR_OPAMP_CLOSED" } });
    expect(server.sockets).toHaveLength(1);
  });

  test("because the server does not speak HTTP is reported as not OpAMP", async () => {
    const server = await startTcp((socket) => socket.write("SSH-2.0-OpenSSH_9.6\r\n"));
    const { transport, ear } = await connect(`http://${server.host}/`);
    transport.send(Uint8Array.of(1));
    expect(await ear.lost()).toMatchObject({ orderly: true, error: { code: "ERR_OPAMP_NOT_OPAMP" } });
  });

  test("because the server never answers lasts until it is cut", async () => {
    const server = await startTcp();
    const { transport, ear } = await connect(`http://${server.host}/`);
    transport.send(Uint8Array.of(1));
    const { socket } = await server.heard.next();
    expect(ear.heard).toEqual(["opened"]);
    const closed = once(socket, "close");
    transport.close(CLOSE_NOW, "took too long");
    await ear.lost();
    await closed;
    expect(ear.heard).toEqual(["opened", "lost"]);
  });

  test("because it is cut before the connection is made has sent nothing", async () => {
    const server = await startTcp();
    const { transport, ear } = await connect(`http://${server.host}/`);
    transport.send(Uint8Array.of(1));
    // The request's headers are resolved in a microtask; then undici dials.
    await new Promise((resolve) => process.nextTick(resolve));
    transport.close(CLOSE_NOW, "never mind");
    await ear.lost();
    const second = new Recorder();
    transport.open(second.sink);
    await second.next("opened");
    transport.send(Uint8Array.of(2));
    const { bytes } = await server.heard.next();
    expect(bytes.at(-1)).toBe(2);
    expect(server.heard.all).toHaveLength(1);
    expect(server.sockets.filter((socket) => !socket.destroyed)).toHaveLength(1);
  });
});
