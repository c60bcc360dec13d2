import { randomBytes } from "node:crypto";
import type { OutgoingHttpHeaders } from "node:http";
import { gunzipSync, gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { Loss } from "../../../src/transport/transport.js";
import { verifies } from "../../conformance/verifies.js";
import { Arrivals } from "../arrivals.js";
import { bodyOf, startHttp } from "../raw-servers.js";
import { connect, type Dialled, type TestSettings } from "../recorder.js";

const PROTOBUF = { "content-type": "application/x-protobuf" };
const GZIP = { ...PROTOBUF, "content-encoding": "gzip" };

/** A client that has sent one byte and is answered with these pieces. */
async function answered(pieces: Uint8Array[], headers: OutgoingHttpHeaders = GZIP): Promise<Dialled> {
  const server = await startHttp((_request, response) => {
    response.writeHead(200, headers);
    response.flushHeaders();
    const write = (index: number): void => {
      const piece = pieces[index];
      if (piece === undefined) response.end();
      else response.write(piece, () => setImmediate(write, index + 1));
    };
    write(0);
  });
  const dialled = await connect(`http://${server.host}/v1/opamp`);
  dialled.transport.send(Uint8Array.of(1));
  return dialled;
}

async function failure(pieces: Uint8Array[], headers?: OutgoingHttpHeaders): Promise<Loss> {
  const { ear } = await answered(pieces, headers);
  const loss = await ear.lost();
  expect(ear.heard).toEqual(["opened", "lost"]);
  return loss;
}

describe("an answer", () => {
  const text = Buffer.from("available components ".repeat(500));
  const zipped = gzipSync(text);

  for (const [what, compression, announced] of [
    ["if that was announced", true, "gzip"],
    ["even if that was not announced", false, undefined],
  ] as const) {
    verifies("HTTP-09", `is accepted compressed, ${what}, or plain`, () => expectEither(compression, announced));
  }

  async function expectEither(compression: boolean, announced: string | undefined): Promise<void> {
    const accepts: (string | undefined)[] = [];
    const server = await startHttp((request, response) => {
      accepts.push(request.headersDistinct["accept-encoding"]?.join("|"));
      if (accepts.length === 1) response.writeHead(200, GZIP).end(zipped);
      else response.writeHead(200, PROTOBUF).end(text);
    });
    const headers = { "Accept-Encoding": "br" };
    const { transport, ear } = await connect(`http://${server.host}/`, { headers, compression });
    for (let i = 0; i < 2; i++) {
      transport.send(Uint8Array.of(1));
      expect(Buffer.from((await ear.next("payload")).bytes).equals(text)).toBe(true);
    }
    expect(accepts).toEqual([announced, announced]);
    expect(server.sockets).toHaveLength(1);
  }

  const understood: Readonly<Record<string, [headers: OutgoingHttpHeaders, pieces: Uint8Array[]]>> = {
    "under gzip's other name": [{ ...PROTOBUF, "content-encoding": "X-GZIP" }, [zipped]],
    "as it is, and said so": [{ ...PROTOBUF, "content-encoding": "identity" }, [text]],
    "with identity in its list": [{ ...PROTOBUF, "content-encoding": "identity, gzip," }, [zipped]],
    "byte by byte": [GZIP, [...zipped].map((byte) => Uint8Array.of(byte))],
    "in two members, as gzip allows": [GZIP, [gzipSync(text.subarray(0, 99)), gzipSync(text.subarray(99))]],
    "with its length announced": [{ ...GZIP, "content-length": zipped.length }, [zipped]],
  };
  for (const [what, [headers, pieces]] of Object.entries(understood)) {
    verifies("HTTP-09", `${what} is understood`, async () => {
      const { ear } = await answered(pieces, headers);
      expect(Buffer.from((await ear.next("payload")).bytes).equals(text)).toBe(true);
    });
  }

  verifies("HTTP-09", "without content, compressed or not, is an empty payload", async () => {
    expect(await (await answered([gzipSync("")])).ear.payload()).toEqual([]);
    expect(await (await answered([])).ear.payload()).toEqual([]);
  });

  const corrupt = Buffer.from(zipped);
  corrupt[corrupt.length - 6] = (corrupt[corrupt.length - 6] ?? 0) ^ 1;
  const damaged: Readonly<Record<string, Uint8Array[]>> = {
    "that is not gzip": [text],
    "with a wrong checksum": [corrupt],
    "that ends a byte early": [zipped.subarray(0, -1)],
    "that ends within its header": [zipped.subarray(0, 5)],
    "with garbage behind it": [zipped, Buffer.from("garbage")],
    "with zeros behind it": [Buffer.concat([zipped, Buffer.alloc(3)])],
    "with garbage behind zeros": [Buffer.concat([zipped, Buffer.from("\0\0x")])],
  };
  for (const [what, pieces] of Object.entries(damaged)) {
    test(`${what} is malformed, and the exchange fails`, async () => {
      const { error, ...loss } = await failure(pieces);
      expect(loss).toEqual({ fate: "answered", orderly: true, throttled: false });
      expect(error).toMatchObject({ code: "ERR_OPAMP_MALFORMED", message: expect.stringContaining("gzip") });
    });
  }

  for (const coding of ["br", "deflate", "zstd", "foo", "gzip, gzip", "gzip, foo", "zstd, gzip", "toString"]) {
    test(`in the coding ${coding}, which was not announced, is malformed`, async () => {
      const { error } = await failure([zipped], { ...PROTOBUF, "content-encoding": coding });
      expect(error).toMatchObject({ code: "ERR_OPAMP_MALFORMED", hint: expect.stringContaining("or as gzip") });
      const text = `the answer is in the content coding ${coding.toLowerCase()}, which is not understood`;
      expect(error.message).toBe(text);
    });
  }

  test("of another content type is not OpAMP, whatever its coding", async () => {
    const html = { "content-type": "text/html" };
    expect((await failure([zipped], { ...html, "content-encoding": "br" })).error.code).toBe("ERR_OPAMP_NOT_OPAMP");
    const page = gzipSync("<html></html>");
    expect((await failure([page], { ...html, "content-encoding": "gzip" })).error.code).toBe("ERR_OPAMP_NOT_OPAMP");
  });

  test("that breaks off is reported as a lost connection, not as damage", async () => {
    const server = await startHttp((_request, response) => {
      response.writeHead(200, { ...GZIP, "content-length": zipped.length });
      response.write(zipped.subarray(0, 50), () => response.destroy());
    });
    const { transport, ear } = await connect(`http://${server.host}/`);
    transport.send(Uint8Array.of(1));
    expect(await ear.lost()).toMatchObject({ fate: "unknown", orderly: true, error: { code: "ERR_OPAMP_CLOSED" } });
  });
});

describe("a request", () => {
  async function sent(payload: Uint8Array, settings: TestSettings) {
    const got = new Arrivals<{ coding: string | undefined; length: string | undefined; body: Buffer }>();
    const server = await startHttp(async (request, response) => {
      const { "content-encoding": coding, "content-length": length } = request.headers;
      got.push({ coding, length, body: await bodyOf(request) });
      response.end();
    });
    const { transport } = await connect(`http://${server.host}/`, settings);
    transport.send(payload);
    return got.next();
  }

  verifies("HTTP-07", "is compressed and labelled so if configured", async () => {
    const payload = Buffer.alloc(5_000, 7);
    const { coding, length, body } = await sent(payload, { compression: true });
    expect(coding).toBe("gzip");
    expect(Number(length)).toBe(body.length);
    expect(body.length).toBeLessThan(200);
    expect(gunzipSync(body).equals(payload)).toBe(true);
  });

  verifies("HTTP-07", "is plain and not labelled if not configured", async () => {
    const payload = Buffer.alloc(5_000, 7);
    const { coding, body } = await sent(payload, { compression: false });
    expect(coding).toBeUndefined();
    expect(body.equals(payload)).toBe(true);
  });

  for (const [what, payload, coding] of [
    ["of 1023 bytes is not worth it", Buffer.alloc(1_023, 7), undefined],
    ["of 1024 bytes is", Buffer.alloc(1_024, 7), "gzip"],
    ["that cannot be made smaller stays as it is", randomBytes(5_000), undefined],
  ] as const) {
    verifies("HTTP-07", `a message ${what}`, async () => {
      const got = await sent(payload, { compression: true });
      expect(got.coding).toBe(coding);
      expect((coding === "gzip" ? gunzipSync(got.body) : got.body).equals(payload)).toBe(true);
    });
  }

  test("with a compression that the server refuses leads to a hint to turn it off", async () => {
    const server = await startHttp((_request, response) => response.writeHead(415).end());
    const { transport, ear } = await connect(`http://${server.host}/`, { compression: true });
    transport.send(Buffer.alloc(5_000));
    const { error } = await ear.lost();
    expect(error).toMatchObject({ code: "ERR_OPAMP_HTTP_STATUS", httpStatus: 415 });
    expect(error.hint).toContain("compression: false");
  });
});
