import { once } from "node:events";
import type { Socket } from "node:net";
import { describe, expect, test } from "vitest";
import type { WebSocket } from "ws";
import { CLOSE_NOW, type Transport } from "../../../src/transport/transport.js";
import { verifies } from "../../conformance/verifies.js";
import { startWebSocket } from "../raw-servers.js";
import { connect, Recorder } from "../recorder.js";

interface Pair {
  transport: Transport;
  ear: Recorder;
  peer: WebSocket;
  /** The server's end of the TCP connection. */
  tcp: Socket;
}

async function pair(): Promise<Pair> {
  const server = await startWebSocket();
  const { transport, ear } = await connect(`ws://${server.host}`);
  const { socket: peer } = await server.accepted.next();
  const [tcp] = server.sockets;
  if (tcp === undefined) throw new Error("no TCP connection");
  return { transport, ear, peer, tcp };
}

describe("a close by the server", () => {
  for (const [code, reason] of [
    [1000, ""],
    [1001, "going away"],
    [1011, "internal error"],
    [4000, "its own code"],
  ] as const) {
    verifies("CLOSE-03", `with ${code} is answered in kind and is an orderly loss`, async () => {
      const { ear, peer } = await pair();
      const closed = once(peer, "close");
      peer.close(code, reason);
      const { error, ...loss } = await ear.lost();
      expect(loss).toEqual({ fate: "unknown", orderly: true, throttled: false });
      expect(error.code).toBe("ERR_OPAMP_CLOSED");
      expect(error.message).toMatch(
        new RegExp(`closed the connection \\(${code}\\)${reason === "" ? "$" : `: ${reason}`}`),
      );
      expect((await closed)[0]).toBe(code);
    });
  }

  verifies("CLOSE-03", "without a code is an orderly loss too", async () => {
    const { ear, peer } = await pair();
    peer.close();
    expect(await ear.lost()).toMatchObject({ orderly: true, error: { code: "ERR_OPAMP_CLOSED" } });
  });
});

describe("a close by this side", () => {
  verifies("CLOSE-02", "sends a Close frame behind the last message and ends with the server's answer", async () => {
    const { transport, ear, peer, tcp } = await pair();
    const order: string[] = [];
    peer.on("message", () => order.push("message"));
    peer.on("close", (code: number, reason: Buffer) => order.push(`close ${code} ${reason}`));
    const gone = once(tcp, "close");
    transport.send(Uint8Array.of(1));
    transport.close(1000, "agent disconnects");
    expect(await ear.lost()).toMatchObject({ orderly: true, fate: "unknown" });
    await gone;
    expect(order).toEqual(["message", "close 1000 agent disconnects"]);
  });

  verifies("CLOSE-02", "that the server never answers is cut without leaving a socket", async () => {
    const { transport, ear, peer, tcp } = await pair();
    // A server that has stopped reading.
    peer.pause();
    tcp.pause();
    const gone = once(tcp, "close");
    transport.close(1000, "goodbye");
    transport.close(CLOSE_NOW, "no answer");
    expect(await ear.lost()).toMatchObject({ error: { message: "closed from this side: no answer" } });
    tcp.resume();
    await gone;
  });

  test("at once cuts the connection without a Close frame", async () => {
    const { transport, ear, peer } = await pair();
    const closed = once(peer, "close");
    transport.close(CLOSE_NOW, "enough");
    expect(await ear.lost()).toMatchObject({ orderly: false, error: { code: "ERR_OPAMP_CLOSED" } });
    expect((await closed)[0]).toBe(CLOSE_NOW);
  });

  test("twice is reported once", async () => {
    const { transport, ear, peer } = await pair();
    const closed = once(peer, "close");
    transport.close(CLOSE_NOW, "enough");
    transport.close(CLOSE_NOW, "enough");
    transport.close(1000, "enough");
    await closed;
    expect(ear.heard).toEqual(["opened", "lost"]);
  });

  test("ignores what still arrives", async () => {
    const { transport, ear, peer } = await pair();
    const closed = once(peer, "close");
    peer.send(Uint8Array.of(0, 1));
    transport.close(CLOSE_NOW, "enough");
    await closed;
    expect(ear.heard).toEqual(["opened", "lost"]);
  });
});

describe("a link that breaks", () => {
  test("is a disorderly loss, and what was sent may have arrived", async () => {
    const { ear, tcp } = await pair();
    tcp.resetAndDestroy();
    const { error, ...loss } = await ear.lost();
    expect(loss).toEqual({ fate: "unknown", orderly: false, throttled: false });
    expect(error.code).toBe("ERR_OPAMP_CLOSED");
    expect(error.message).toMatch(/^the connection to 127\.0\.0\.1:\d+ broke: /);
  });

  test("at the end of TCP without a Close frame is reported so", async () => {
    const { ear, tcp } = await pair();
    tcp.end();
    const { error, orderly } = await ear.lost();
    expect({ orderly, message: error.message }).toEqual({
      orderly: false,
      message: expect.stringContaining("broke: without a Close frame"),
    });
  });

  test("can be opened again, and the old sink gets nothing more", async () => {
    const server = await startWebSocket();
    const { transport, ear } = await connect(`ws://${server.host}`);
    await server.accepted.next();
    server.sockets[0]?.destroy();
    await ear.lost();
    const second = new Recorder();
    transport.open(second.sink);
    await second.next("opened");
    (await server.accepted.next()).socket.send(Uint8Array.of(0, 9));
    expect(await second.payload()).toEqual([9]);
    expect(ear.heard).toEqual(["opened", "lost"]);
  });
});
