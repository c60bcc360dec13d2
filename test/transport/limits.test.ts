import { once } from "node:events";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import type { WebSocket } from "ws";
import type { Transport } from "../../src/transport/transport.js";
import { DEFAULT_MAX_MESSAGE_BYTES } from "../../src/wire/limits.js";
import { refusal } from "../client/refusal.js";
import { verifies } from "../conformance/verifies.js";
import { Arrivals } from "./arrivals.js";
import { bodyOf, startHttp, startWebSocket } from "./raw-servers.js";
import { connect, type Recorder } from "./recorder.js";

const GZIP = { "content-type": "application/x-protobuf", "content-encoding": "gzip" };
const PLAIN = { "content-type": "application/x-protobuf" };
const MAX = DEFAULT_MAX_MESSAGE_BYTES;
const TOO_LARGE = { orderly: true, error: { code: "ERR_OPAMP_TOO_LARGE" } };

async function webSocket(maxBytes: number): Promise<{ transport: Transport; ear: Recorder; peer: WebSocket }> {
  const server = await startWebSocket();
  const { transport, ear } = await connect(`ws://${server.host}`, {
    maxReceiveBytes: maxBytes,
    maxSendBytes: maxBytes,
    compression: true,
  });
  return { transport, ear, peer: (await server.accepted.next()).socket };
}

/** What a client with this limit makes of an answer. */
async function answered(
  maxBytes: number,
  body: Uint8Array,
  headers: Record<string, string | number>,
): Promise<Recorder> {
  const server = await startHttp((_request, response) => {
    response.writeHead(200, headers);
    response.end(body);
  });
  const { transport, ear } = await connect(`http://${server.host}/`, { maxReceiveBytes: maxBytes });
  transport.send(Uint8Array.of(1));
  return ear;
}

describe("over WebSocket, header byte included", () => {
  for (const maxBytes of [1_024, MAX]) {
    verifies(["SIZE-01", "SIZE-02"], `${maxBytes} bytes are accepted, plain, compressed and in fragments`, async () => {
      const { ear, peer } = await webSocket(maxBytes);
      const message = Buffer.alloc(maxBytes);
      peer.send(message, { compress: false });
      expect((await ear.next("payload")).bytes.length).toBe(maxBytes - 1);
      peer.send(message, { compress: true });
      expect((await ear.next("payload")).bytes.length).toBe(maxBytes - 1);
      peer.send(message.subarray(0, 1_000), { compress: false, fin: false });
      peer.send(message.subarray(1_000), { compress: false, fin: true });
      expect((await ear.next("payload")).bytes.length).toBe(maxBytes - 1);
    });

    const oversized: Readonly<Record<string, (peer: WebSocket) => void>> = {
      plain: (peer) => peer.send(Buffer.alloc(maxBytes + 1), { compress: false }),
      compressed: (peer) => peer.send(Buffer.alloc(maxBytes + 1), { compress: true }),
      "in fragments": (peer) => {
        peer.send(Buffer.alloc(maxBytes), { compress: false, fin: false });
        peer.send(Buffer.alloc(1), { compress: false, fin: true });
      },
      "in compressed fragments": (peer) => {
        peer.send(Buffer.alloc(maxBytes), { compress: true, fin: false });
        peer.send(Buffer.alloc(1), { compress: true, fin: true });
      },
    };
    // In full size these take long, and prove no more.
    const ways = Object.entries(oversized).slice(0, maxBytes === MAX ? 2 : undefined);
    for (const [how, send] of ways) {
      verifies(["SIZE-01", "SIZE-02", "SIZE-03"], `${maxBytes + 1} bytes ${how} end the link with 1009`, async () => {
        const { ear, peer } = await webSocket(maxBytes);
        const closed = once(peer, "close");
        send(peer);
        expect(await ear.lost()).toMatchObject(TOO_LARGE);
        expect((await closed)[0]).toBe(1009);
        expect(ear.heard).toEqual(["opened", "lost"]);
      });
    }

    verifies(
      "SIZE-01",
      `${maxBytes} bytes are sent and ${maxBytes + 1} are not, however well they compress`,
      async () => {
        const { transport, peer } = await webSocket(maxBytes);
        const received = once(peer, "message");
        const error = refusal(() => transport.send(new Uint8Array(maxBytes)));
        expect(error).toMatchObject({
          code: "ERR_OPAMP_TOO_LARGE",
          message: expect.stringContaining(`${maxBytes + 1}`),
        });
        transport.send(new Uint8Array(maxBytes - 1));
        expect(((await received)[0] as Buffer).length).toBe(maxBytes);
      },
    );
  }
});

describe("over HTTP, the whole body", () => {
  for (const maxBytes of [1_024, MAX]) {
    verifies(["SIZE-01", "SIZE-05"], `${maxBytes} bytes are accepted, plain and compressed`, async () => {
      const body = Buffer.alloc(maxBytes);
      for (const [bytes, headers] of [
        [body, PLAIN],
        [body, { ...PLAIN, "content-length": maxBytes }],
        [gzipSync(body, { level: 1 }), GZIP],
      ] as const) {
        const ear = await answered(maxBytes, bytes, headers);
        expect((await ear.next("payload")).bytes.length).toBe(maxBytes);
      }
    });

    verifies(["SIZE-01", "SIZE-05", "SIZE-06"], `${maxBytes + 1} bytes fail the exchange`, async () => {
      const body = Buffer.alloc(maxBytes + 1);
      for (const [bytes, headers] of [
        [body, PLAIN],
        [body, { ...PLAIN, "content-length": maxBytes + 1 }],
        [gzipSync(body, { level: 1 }), GZIP],
      ] as const) {
        const ear = await answered(maxBytes, bytes, headers);
        expect(await ear.lost()).toMatchObject(TOO_LARGE);
        expect(ear.heard).toEqual(["opened", "lost"]);
      }
    });

    verifies(["SIZE-01", "SIZE-07"], `${maxBytes} bytes are sent and ${maxBytes + 1} make no request`, async () => {
      const got = new Arrivals<number>();
      const server = await startHttp(async (request) => got.push((await bodyOf(request)).length));
      const { transport } = await connect(`http://${server.host}/`, { maxSendBytes: maxBytes });
      const error = refusal(() => transport.send(new Uint8Array(maxBytes + 1)));
      expect(error).toMatchObject({ code: "ERR_OPAMP_TOO_LARGE", message: expect.stringContaining(`${maxBytes + 1}`) });
      transport.send(new Uint8Array(maxBytes));
      expect(await got.next()).toBe(maxBytes);
      expect(got.all).toHaveLength(1);
    });
  }

  verifies("SIZE-07", "a request is measured before it is compressed", async () => {
    const server = await startHttp((_request, response) => response.end());
    const { transport } = await connect(`http://${server.host}/`, { maxSendBytes: 2_000, compression: true });
    expect(refusal(() => transport.send(new Uint8Array(2_001)))).toMatchObject({ code: "ERR_OPAMP_TOO_LARGE" });
    expect(server.sockets).toEqual([]);
  });

  test("a body that grows when compressed is accepted up to the limit", async () => {
    // Stored blocks: 5 bytes more for each 64 KiB, and 18 around them.
    const body = gzipSync(Buffer.alloc(1_024), { level: 0 });
    expect(body.length).toBeGreaterThan(1_024);
    const ear = await answered(1_024, body, { ...GZIP, "content-length": body.length });
    expect((await ear.next("payload")).bytes).toHaveLength(1_024);
  });
});
