import type { IncomingMessage, ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import { OpAMPError } from "../../../src/errors.js";
import { CLOSE_NOW } from "../../../src/transport/transport.js";
import { refusal } from "../../client/refusal.js";
import { verifies } from "../../conformance/verifies.js";
import { Arrivals } from "../arrivals.js";
import { bodyOf, type RawServer, startHttp } from "../raw-servers.js";
import { connect, dial, Recorder, UID_TEXT } from "../recorder.js";

interface Exchange {
  request: IncomingMessage;
  body: Buffer;
  response: ServerResponse;
}

const PROTOBUF = { "content-type": "application/x-protobuf" };

/** A server whose requests are answered by the test. */
async function serve(): Promise<RawServer & { exchanges: Arrivals<Exchange> }> {
  const exchanges = new Arrivals<Exchange>();
  const server = await startHttp((request, response) => {
    void bodyOf(request).then((body) => exchanges.push({ request, body, response }));
  });
  return { ...server, exchanges };
}

describe("a request", () => {
  verifies(
    ["HTTP-01", "HTTP-06", "TRANS-01"],
    "is a POST of the bare payload, each with the content type",
    async () => {
      const server = await serve();
      const { transport, ear } = await connect(`http://${server.host}/v1/opamp`);
      for (const payload of [[8, 1], [], [0, 255]]) {
        transport.send(Uint8Array.from(payload));
        const { request, body, response } = await server.exchanges.next();
        expect([request.method, request.url]).toEqual(["POST", "/v1/opamp"]);
        expect(request.headers["content-type"]).toBe("application/x-protobuf");
        expect(request.headers["content-length"]).toBe(String(payload.length));
        expect(request.headers["content-encoding"]).toBeUndefined();
        expect([...body]).toEqual(payload);
        response.writeHead(200, PROTOBUF).end(Uint8Array.of(7));
        expect(await ear.payload()).toEqual([7]);
      }
    },
  );

  verifies("HTTP-08", "has the current instance uid", async () => {
    const server = await serve();
    const uids = [UID_TEXT, "0199a7f0-0000-7000-8000-000000000002"];
    const left = [...uids];
    const { transport, ear } = await connect(`http://${server.host}/`, { instanceUid: () => left.shift() ?? "" });
    for (const uid of uids) {
      transport.send(Uint8Array.of(1));
      const { request, response } = await server.exchanges.next();
      expect(request.headers["opamp-instance-uid"]).toBe(uid);
      response.end();
      await ear.payload();
    }
  });

  test("keeps the query", async () => {
    const server = await serve();
    const { transport } = await connect(`http://${server.host}/v1/opamp?tenant=a%20b&x=1`);
    transport.send(Uint8Array.of(1));
    expect((await server.exchanges.next()).request.url).toBe("/v1/opamp?tenant=a%20b&x=1");
  });

  test("has the given headers and the URL's credentials, resolved each time", async () => {
    const server = await serve();
    let calls = 0;
    const settings = { authorization: "Basic abc", headers: async () => ({ "X-Call": String(++calls) }) };
    const { transport, ear } = await connect(`http://${server.host}/`, settings);
    for (const call of ["1", "2"]) {
      transport.send(Uint8Array.of(1));
      const { request, response } = await server.exchanges.next();
      expect(request.headers).toMatchObject({ authorization: "Basic abc", "x-call": call });
      response.end();
      await ear.payload();
    }
  });

  test("is not made if the headers cannot be resolved", async () => {
    const server = await serve();
    const { transport, ear } = await connect(`http://${server.host}/`, {
      headers: () => Promise.reject(new Error("no")),
    });
    transport.send(Uint8Array.of(1));
    expect(await ear.lost()).toMatchObject({ fate: "unsent", orderly: true, error: { code: "ERR_OPAMP_HEADERS" } });
    expect(server.sockets).toEqual([]);
  });

  test("over the limit is not made, and the next one is", async () => {
    const server = await serve();
    const { transport } = await connect(`http://${server.host}/`, { maxSendBytes: 4 });
    const error = refusal(() => transport.send(new Uint8Array(5)));
    expect(error).toBeInstanceOf(OpAMPError);
    expect(error).toMatchObject({ code: "ERR_OPAMP_TOO_LARGE" });
    transport.send(new Uint8Array(4));
    expect((await server.exchanges.next()).body).toHaveLength(4);
  });
});

describe("connections", () => {
  test("are made by the first request, not by opening", async () => {
    const server = await serve();
    const { transport } = await connect(`http://${server.host}/`);
    expect(server.sockets).toHaveLength(0);
    transport.send(Uint8Array.of(1));
    await server.exchanges.next();
    expect(server.sockets).toHaveLength(1);
  });

  for (const [what, header, connections] of [
    ["one serves many requests", "keep-alive", 1],
    ["the server may end each one", "close", 5],
  ] as const) {
    verifies("HTTP-10", `${what}, and the exchanges are the same`, async () => {
      const server = await serve();
      const { transport, ear } = await connect(`http://${server.host}/`);
      for (let i = 0; i < 5; i++) {
        transport.send(Uint8Array.of(i));
        const { body, response } = await server.exchanges.next();
        expect([...body]).toEqual([i]);
        response.writeHead(200, { ...PROTOBUF, connection: header }).end(Uint8Array.of(i));
        expect(await ear.payload()).toEqual([i]);
      }
      expect(server.sockets).toHaveLength(connections);
    });
  }

  test("that were idle and ended by the server are replaced without loss", async () => {
    const server = await serve();
    const { transport, ear } = await connect(`http://${server.host}/`);
    transport.send(Uint8Array.of(1));
    (await server.exchanges.next()).response.end();
    await ear.payload();
    server.sockets[0]?.destroy();
    // The end of the old connection is on its way; the request after it must not fall into it.
    await new Promise<void>((resolve) => server.sockets[0]?.once("close", () => setImmediate(resolve)));
    transport.send(Uint8Array.of(2));
    (await server.exchanges.next()).response.writeHead(200, PROTOBUF).end(Uint8Array.of(9));
    expect(await ear.payload()).toEqual([9]);
  });
});

describe("an answer", () => {
  for (const [what, status] of [
    ["an empty 200", 200],
    ["a 204", 204],
  ] as const) {
    verifies("HTTP-01", `${what} is an empty payload, whatever its content type`, async () => {
      const server = await serve();
      const { transport, ear } = await connect(`http://${server.host}/`);
      transport.send(Uint8Array.of(1));
      (await server.exchanges.next()).response.writeHead(status, { "content-type": "text/html" }).end();
      expect(await ear.payload()).toEqual([]);
    });
  }

  test("of three bytes of garbage is passed on as a payload", async () => {
    const server = await serve();
    const { transport, ear } = await connect(`http://${server.host}/`);
    transport.send(Uint8Array.of(1));
    (await server.exchanges.next()).response.writeHead(200, PROTOBUF).end(Uint8Array.of(255, 255, 255));
    expect(await ear.payload()).toEqual([255, 255, 255]);
  });

  test("with parameters in its content type, in chunks, is one payload", async () => {
    const server = await serve();
    const { transport, ear } = await connect(`http://${server.host}/`);
    transport.send(Uint8Array.of(1));
    const { response } = await server.exchanges.next();
    response.writeHead(200, { "content-type": "Application/X-Protobuf; charset=binary" });
    response.write(Uint8Array.of(1));
    response.write(Uint8Array.of(2));
    response.end(Uint8Array.of(3));
    expect(await ear.payload()).toEqual([1, 2, 3]);
  });

  verifies("HTTP-05", "is passed on once for each request, and nothing before it", async () => {
    const server = await serve();
    const { transport, ear } = await connect(`http://${server.host}/`);
    transport.send(Uint8Array.of(1));
    const { response } = await server.exchanges.next();
    expect(ear.heard).toEqual(["opened"]);
    response.writeHead(200, PROTOBUF).end(Uint8Array.of(7));
    await ear.payload();
    expect(ear.heard).toEqual(["opened", "payload"]);
    expect(server.exchanges.all).toHaveLength(1);
  });
});

describe("closing", () => {
  for (const code of [1000, CLOSE_NOW]) {
    test(`with ${code} aborts the pending request and is reported once`, async () => {
      const server = await serve();
      const { transport, ear } = await connect(`http://${server.host}/`);
      transport.send(Uint8Array.of(1));
      const { response } = await server.exchanges.next();
      const aborted = new Promise((resolve) => response.on("close", resolve));
      transport.close(code, "took too long");
      const loss = await ear.lost();
      expect(loss.error).toMatchObject({ code: "ERR_OPAMP_CLOSED", message: "closed from this side: took too long" });
      expect(loss.orderly).toBe(code === 1000);
      await aborted;
      transport.close(CLOSE_NOW, "again");
      expect(ear.heard).toEqual(["opened", "lost"]);
    });
  }

  test("while the body of an answer trickles in aborts it", async () => {
    const server = await serve();
    const { transport, ear } = await connect(`http://${server.host}/`);
    transport.send(Uint8Array.of(1));
    const { response } = await server.exchanges.next();
    response.writeHead(200, PROTOBUF).write(Uint8Array.of(1));
    const aborted = new Promise((resolve) => response.on("close", resolve));
    transport.close(CLOSE_NOW, "took too long");
    await aborted;
    expect(ear.heard).toEqual(["opened", "lost"]);
  });

  test("before the transport is open is reported, and a later send does nothing", async () => {
    const server = await serve();
    const { transport, ear } = dial(`http://${server.host}/`);
    transport.close(CLOSE_NOW, "never mind");
    transport.send(Uint8Array.of(1));
    await ear.lost();
    const second = new Recorder();
    transport.open(second.sink);
    await second.next("opened");
    transport.send(Uint8Array.of(2));
    expect([...(await server.exchanges.next()).body]).toEqual([2]);
    expect(ear.heard).toEqual(["lost"]);
  });
});
