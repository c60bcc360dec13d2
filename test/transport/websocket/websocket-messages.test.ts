import { once } from "node:events";
import { describe, expect, test } from "vitest";
import type { WebSocket } from "ws";
import { OpAMPError } from "../../../src/errors.js";
import type { TransportSettings } from "../../../src/transport/settings/settings.js";
import type { Transport } from "../../../src/transport/transport.js";
import { refusal } from "../../client/refusal.js";
import { verifies } from "../../conformance/verifies.js";
import { startWebSocket } from "../raw-servers.js";
import { connect, type Recorder } from "../recorder.js";

interface Pair {
  transport: Transport;
  ear: Recorder;
  /** The server's end. */
  peer: WebSocket;
}

async function pair(settings: Partial<TransportSettings> = {}): Promise<Pair> {
  const server = await startWebSocket();
  const { transport, ear } = await connect(`ws://${server.host}`, settings);
  return { transport, ear, peer: (await server.accepted.next()).socket };
}

/** The next messages that a peer gets. */
async function messages(peer: WebSocket, count: number): Promise<{ bytes: number[]; isBinary: boolean }[]> {
  const got: { bytes: number[]; isBinary: boolean }[] = [];
  return new Promise((resolve) => {
    peer.on("message", (data: Buffer, isBinary: boolean) => {
      got.push({ bytes: [...data], isBinary });
      if (got.length === count) resolve(got);
    });
  });
}

describe("sending", () => {
  verifies(["WS-01", "WS-02"], "each payload is one binary message behind a zero byte, in order", async () => {
    const { transport, peer } = await pair();
    const received = messages(peer, 3);
    for (const payload of [[8, 1], [], [0, 255]]) transport.send(Uint8Array.from(payload));
    expect(await received).toEqual([
      { bytes: [0, 8, 1], isBinary: true },
      { bytes: [0], isBinary: true },
      { bytes: [0, 0, 255], isBinary: true },
    ]);
  });

  verifies("WS-06", "payloads and answers do not wait for each other", async () => {
    const { transport, ear, peer } = await pair();
    peer.send(Uint8Array.of(0, 1));
    expect(await ear.payload()).toEqual([1]);
    const received = messages(peer, 2);
    transport.send(Uint8Array.of(1));
    transport.send(Uint8Array.of(2));
    peer.send(Uint8Array.of(0, 2));
    expect((await received).map(({ bytes }) => bytes)).toEqual([
      [0, 1],
      [0, 2],
    ]);
    expect(await ear.payload()).toEqual([2]);
  });

  test("the limit counts the zero byte", async () => {
    const { transport, peer } = await pair({ maxSendBytes: 4 });
    const received = messages(peer, 1);
    const error = refusal(() => transport.send(new Uint8Array(4)));
    expect(error).toBeInstanceOf(OpAMPError);
    expect(error).toMatchObject({ code: "ERR_OPAMP_TOO_LARGE", message: expect.stringContaining("5 bytes") });
    transport.send(new Uint8Array(3));
    expect(await received).toEqual([{ bytes: [0, 0, 0, 0], isBinary: true }]);
  });
});

describe("receiving", () => {
  verifies("WS-04", "a header of one to ten bytes is removed", async () => {
    const { ear, peer } = await pair();
    for (const header of [[0], [0x80, 0], [...new Array(9).fill(0x80), 0]]) peer.send(Uint8Array.from([...header, 7]));
    for (let i = 0; i < 3; i++) expect(await ear.payload()).toEqual([7]);
  });

  verifies("WS-05", "a header alone is an empty payload", async () => {
    const { ear, peer } = await pair();
    peer.send(Uint8Array.of(0));
    expect(await ear.payload()).toEqual([]);
  });

  const malformed: Readonly<Record<string, string | Uint8Array>> = {
    "a header of 1": Uint8Array.of(1, 7),
    "a header of 128": Uint8Array.of(0x80, 1, 7),
    "a header cut short": Uint8Array.of(0x80),
    "a header of eleven bytes": Uint8Array.from([...new Array(10).fill(0x80), 0]),
    "nothing at all": new Uint8Array(),
    "a text message with valid bytes": "\0\u0007",
  };
  for (const [what, message] of Object.entries(malformed)) {
    verifies(["WS-01", "WS-03", "WS-04", "WS-05"], `${what} is malformed, and the connection stays`, async () => {
      const { ear, peer } = await pair();
      peer.send(message);
      peer.send(Uint8Array.of(0, 7));
      expect((await ear.next("malformed")).error.code).toBe("ERR_OPAMP_MALFORMED");
      expect(await ear.payload()).toEqual([7]);
    });
  }

  verifies("WS-01", "a message in fragments is one payload", async () => {
    const { ear, peer } = await pair();
    peer.send(Uint8Array.of(0, 1), { fin: false });
    peer.send(Uint8Array.of(2), { fin: false });
    // A control frame may come in between (RFC 6455, 5.4).
    peer.ping();
    peer.send(Uint8Array.of(3), { fin: true });
    expect(await ear.payload()).toEqual([1, 2, 3]);
  });

  test("once the peer is pinged, the pong to the last ping is told from its own pings and other pongs", async () => {
    const { transport, ear, peer } = await pair();
    transport.ping();
    await ear.next("pong");
    transport.ping();
    await ear.next("pong");
    peer.ping();
    await ear.next("alive");
    for (const data of ["1", "", "3"]) {
      peer.pong(data);
      await ear.next("alive");
    }
    peer.send(Uint8Array.of(0, 1));
    expect(await ear.payload()).toEqual([1]);
  });

  test("pings are answered", async () => {
    const { peer } = await pair();
    peer.ping("are you there");
    const [data] = await once(peer, "pong");
    expect(String(data)).toBe("are you there");
  });

  test("messages in the handshake's own packet are not lost", async () => {
    const server = await startWebSocket();
    const accepted = server.accepted.next().then(({ socket }) => {
      socket.send(Uint8Array.of(0, 1));
      socket.send(Uint8Array.of(0, 2));
    });
    const { ear } = await connect(`ws://${server.host}`);
    await accepted;
    expect([await ear.payload(), await ear.payload()]).toEqual([[1], [2]]);
  });
});

describe("the limit on what is received", () => {
  test("a message of exactly that size is accepted", async () => {
    const { ear, peer } = await pair({ maxReceiveBytes: 4 });
    peer.send(Uint8Array.of(0, 1, 2, 3));
    expect(await ear.payload()).toEqual([1, 2, 3]);
  });

  const oversized: Readonly<Record<string, (peer: WebSocket) => void>> = {
    "one byte more": (peer) => peer.send(new Uint8Array(5)),
    "fragments that come to more": (peer) => {
      peer.send(new Uint8Array(3), { fin: false });
      peer.send(new Uint8Array(2), { fin: true });
    },
  };
  for (const [what, send] of Object.entries(oversized)) {
    test(`${what} ends the link with 1009 and ERR_OPAMP_TOO_LARGE`, async () => {
      const { ear, peer } = await pair({ maxReceiveBytes: 4 });
      const closed = once(peer, "close");
      send(peer);
      const loss = await ear.lost();
      expect(loss).toMatchObject({ orderly: true, error: { code: "ERR_OPAMP_TOO_LARGE" } });
      expect(loss.error.message).toBe("message over the receive limit of 4 bytes");
      expect((await closed)[0]).toBe(1009);
    });
  }

  test("invalid frames end the connection with a typed error", async () => {
    const server = await startWebSocket();
    const { ear } = await connect(`ws://${server.host}`);
    await server.accepted.next();
    // A reserved opcode.
    server.sockets[0]?.write(Uint8Array.of(0x83, 0));
    expect(await ear.lost()).toMatchObject({ orderly: true, error: { code: "ERR_OPAMP_MALFORMED" } });
  });
});
