import { once } from "node:events";
import { describe, expect, test } from "vitest";
import { PIECE_BYTES } from "../../src/wire/limits.js";
import { Arrivals } from "./arrivals.js";
import { bodyOf, startHttp, startWebSocket } from "./raw-servers.js";
import { connect, type Recorder } from "./recorder.js";

const PROTOBUF = { "content-type": "application/x-protobuf" };
/** More than the buffers between two sockets hold. */
const HUGE_BYTES = 24 * 1_048_576;
const HUGE_PIECES = HUGE_BYTES / PIECE_BYTES;
const LIMITS = { maxSendBytes: 2 * HUGE_BYTES, maxReceiveBytes: 2 * HUGE_BYTES };
const CLOSE_NORMAL = 1000;

const huge = (): Uint8Array => new Uint8Array(HUGE_BYTES).fill(7);

/** Once so many pieces have left, or come. */
async function pieces(ear: Recorder, count: number): Promise<void> {
  while (ear.pieces < count) await new Promise((resolve) => setImmediate(resolve));
}

describe("over WebSocket a large message", () => {
  async function pair(settings: object = {}) {
    const server = await startWebSocket();
    const { transport, ear } = await connect(`ws://${server.host}`, { ...LIMITS, ...settings });
    const { socket: peer } = await server.accepted.next();
    const order: string[] = [];
    const messages = new Arrivals<Buffer>();
    peer.on("ping", (data: Buffer) => order.push(`ping ${data.toString()}`));
    peer.on("message", (data: Buffer) => {
      order.push(`message of ${data.length - 1}`);
      messages.push(data);
    });
    peer.on("close", (code: number) => order.push(`close ${code}`));
    return { transport, ear, peer, order, messages, socket: server.sockets[0] };
  }

  test.each([
    ["as it is", {}],
    ["compressed", { compression: true }],
  ])("that is sent %s arrives whole, and is followed by what was sent after it", async (_how, settings) => {
    const { transport, ear, order, messages } = await pair(settings);
    const sent = huge();
    transport.send(sent);
    transport.send(Uint8Array.of(1));
    const received = await messages.next();
    expect(Buffer.compare(received.subarray(1), sent)).toBe(0);
    await messages.next();
    expect(order).toEqual([`message of ${HUGE_BYTES}`, "message of 1"]);
    await pieces(ear, 0);
    expect(ear.pieces).toBeGreaterThanOrEqual(HUGE_PIECES);
  });

  test("leaves in pieces as the peer takes them, and a ping passes between them", async () => {
    const { transport, ear, peer, order, messages, socket } = await pair();
    peer.pause();
    socket?.pause();
    transport.send(huge());
    await pieces(ear, 1);
    transport.ping();
    expect(ear.pieces).toBeLessThan(HUGE_PIECES);
    socket?.resume();
    peer.resume();
    await messages.next();
    // What the numbered one proves is that all before it was read; the other is a sign of life.
    expect(order.slice(0, 2)).toEqual(["ping ", `message of ${HUGE_BYTES}`]);
    await ear.next("alive");
    await ear.next("pong");
    expect(order).toEqual(["ping ", `message of ${HUGE_BYTES}`, "ping 1"]);
  });

  test("is not cut off by an orderly close", async () => {
    const { transport, ear, peer, order } = await pair();
    const closed = once(peer, "close");
    transport.send(huge());
    transport.send(Uint8Array.of(1));
    transport.close(CLOSE_NORMAL, "bye");
    await closed;
    expect(order).toEqual([`message of ${HUGE_BYTES}`, "message of 1", `close ${CLOSE_NORMAL}`]);
    await ear.lost();
  });

  test("that arrives in pieces is a sign of life, once for each ping", async () => {
    const { transport, ear, socket } = await pair();
    // The pong would wait behind the frame.
    socket?.pause();
    transport.ping();
    // The head of a frame of 300 000 bytes, and the first of them.
    socket?.write(Uint8Array.of(0x82, 127, 0, 0, 0, 0, 0, 4, 0x93, 0xe0, 0, 7, 7));
    await pieces(ear, 1);
    expect(ear.pieces).toBe(1);
  });
});

describe("over HTTP a large message", () => {
  test("leaves in pieces as the server reads them, with its length announced", async () => {
    const requests = new Arrivals<{ resume(): Promise<Buffer>; length: string | undefined }>();
    const server = await startHttp((request, response) => {
      const resume = async (): Promise<Buffer> => {
        const body = await bodyOf(request);
        response.writeHead(200, PROTOBUF).end(Uint8Array.of(7));
        return body;
      };
      requests.push({ resume, length: request.headers["content-length"] });
    });
    const { transport, ear } = await connect(`http://${server.host}/`, LIMITS);
    const sent = huge();
    transport.send(sent);
    const { resume, length } = await requests.next();
    expect(length).toBe(String(HUGE_BYTES));
    await pieces(ear, 1);
    expect(ear.pieces).toBeLessThan(HUGE_PIECES);
    expect(Buffer.compare(await resume(), sent)).toBe(0);
    expect(await ear.payload()).toEqual([7]);
    expect(ear.pieces).toBe(HUGE_PIECES);
  });

  test("that arrives in pieces is a sign of life with each", async () => {
    const server = await startHttp((request, response) => {
      void bodyOf(request).then(() => response.writeHead(200, PROTOBUF).end(huge()));
    });
    const { transport, ear } = await connect(`http://${server.host}/`, LIMITS);
    transport.send(Uint8Array.of(1));
    expect((await ear.next("payload")).bytes.length).toBe(HUGE_BYTES);
    expect(ear.pieces).toBeGreaterThan(10);
    expect(ear.pieces).toBeLessThanOrEqual(HUGE_PIECES);
  });

  test("that is small is not told of in pieces", async () => {
    const server = await startHttp((request, response) => {
      void bodyOf(request).then(() => response.writeHead(200, PROTOBUF).end(Uint8Array.of(7)));
    });
    const { transport, ear } = await connect(`http://${server.host}/`, LIMITS);
    transport.send(new Uint8Array(1_000));
    await ear.payload();
    expect(ear.pieces).toBe(0);
  });
});
