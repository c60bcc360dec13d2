import { once } from "node:events";
import type { Socket } from "node:net";
import { describe, expect, test } from "vitest";
import type { WebSocket } from "ws";
import type { Transport } from "../../../src/transport/transport.js";
import { verifies } from "../../conformance/verifies.js";
import { startWebSocket } from "../raw-servers.js";
import { connect, type Recorder, type TestSettings } from "../recorder.js";

interface Pair {
  transport: Transport;
  ear: Recorder;
  peer: WebSocket;
  tcp: Socket;
}

async function pair(settings: TestSettings, deflate = true): Promise<Pair> {
  const server = await startWebSocket({ deflate });
  const { transport, ear } = await connect(`ws://${server.host}`, settings);
  const { socket: peer } = await server.accepted.next();
  const [tcp] = server.sockets;
  if (tcp === undefined) throw new Error("no TCP connection");
  return { transport, ear, peer, tcp };
}

/** What the first byte of the next frame says, and the message that it begins. */
async function sent({ transport, peer, tcp }: Pair, payload: Uint8Array) {
  const bytes = once(tcp, "data");
  const message = once(peer, "message");
  transport.send(payload);
  const [first] = (await bytes) as [Buffer];
  const [data] = (await message) as [Buffer];
  return { compressed: ((first[0] ?? 0) & 0x40) !== 0, bytes: first.length, data };
}

const framed = (payload: Uint8Array): Buffer => Buffer.concat([Buffer.of(0), payload]);
const large = Buffer.alloc(5_000, 7);

test("compression is always offered, without memory from one message to the next", async () => {
  const server = await startWebSocket();
  await connect(`ws://${server.host}`);
  const offer = (await server.accepted.next()).request.headers["sec-websocket-extensions"] ?? "";
  const [name, ...parameters] = offer.split(";").map((part) => part.trim());
  expect(name).toBe("permessage-deflate");
  expect(parameters).toContain("client_no_context_takeover");
  expect(parameters).toContain("server_no_context_takeover");
});

test("compressed messages are decoded, also in fragments and one after the other", async () => {
  const { ear, peer } = await pair({ compression: false });
  peer.send(framed(large), { compress: true });
  peer.send(framed(large.subarray(0, 2_000)), { compress: true, fin: false });
  peer.send(large.subarray(0, 100), { fin: true });
  peer.send(Uint8Array.of(0, 1), { compress: false });
  expect(Buffer.from((await ear.next("payload")).bytes).equals(large)).toBe(true);
  expect((await ear.next("payload")).bytes).toHaveLength(2_100);
  expect(await ear.payload()).toEqual([1]);
});

describe("a message is sent", () => {
  test("compressed if configured and negotiated", async () => {
    const { compressed, bytes, data } = await sent(await pair({ compression: true }), large);
    expect(compressed).toBe(true);
    expect(bytes).toBeLessThan(200);
    expect(data.equals(framed(large))).toBe(true);
  });

  test("as it is where it is too small to be worth it", async () => {
    const both = await pair({ compression: true });
    expect((await sent(both, large.subarray(0, 1_022))).compressed).toBe(false);
    expect((await sent(both, large.subarray(0, 1_023))).compressed).toBe(true);
  });

  test("as it is where it is not turned on, though the server would take it", async () => {
    const { compressed, data } = await sent(await pair({ compression: false }), large);
    expect(compressed).toBe(false);
    expect(data.equals(framed(large))).toBe(true);
  });

  test("as it is where the server does not agree", async () => {
    const { compressed, data } = await sent(await pair({ compression: true }, false), large);
    expect(compressed).toBe(false);
    expect(data.equals(framed(large))).toBe(true);
  });

  verifies("CLOSE-02", "compressed before the Close frame, though compressing takes a while", async () => {
    const { transport, peer } = await pair({ compression: true });
    const order: string[] = [];
    peer.on("message", (data: Buffer) => order.push(`message of ${data.length}`));
    const closed = once(peer, "close");
    transport.send(large);
    transport.send(Uint8Array.of(1));
    transport.close(1000, "goodbye");
    await closed;
    expect(order).toEqual(["message of 5001", "message of 2"]);
  });
});

test("what does not inflate ends the link with a typed error", async () => {
  const { ear, peer, tcp } = await pair({});
  const closed = once(peer, "close");
  // A final compressed frame of three bytes that are no deflate block.
  tcp.write(Uint8Array.of(0xc2, 3, 0xff, 0xff, 0xff));
  expect(await ear.lost()).toMatchObject({ orderly: true, error: { code: "ERR_OPAMP_MALFORMED" } });
  expect((await closed)[0]).toBe(1007);
});
