import type { Socket } from "node:net";
import { describe, expect, test } from "vitest";
import { CLOSE_NOW, type Transport } from "../../../src/transport/transport.js";
import { verifies } from "../../conformance/verifies.js";
import { startWebSocket } from "../raw-servers.js";
import { connect, type Dialled, type Recorder } from "../recorder.js";

const MINUTE_MS = 60_000;

/** A server over both, a path to it that may be closed to upgrades, and a clock. */
async function meet() {
  const state = { now: 0, blocked: true, status: 204, posts: 0 };
  const server = await startWebSocket({
    refuse: () => (state.blocked ? { status: 400 } : undefined),
    onRequest: (request, response) => {
      state.posts += 1;
      request.resume();
      response.writeHead(state.status).end();
    },
  });
  const { transport, ear } = await connect(`ws://${server.host}/`, { auto: true, now: () => state.now });
  return { state, server, transport, ear };
}

async function poll({ transport, ear }: Dialled): Promise<void> {
  transport.send(Uint8Array.of(1));
  await ear.payload();
}

async function reopen({ transport, ear }: { transport: Transport; ear: Recorder }): Promise<string> {
  transport.open(ear.sink);
  await ear.next("opened");
  return transport.name;
}

describe("over HTTP", () => {
  verifies("DUP-01", "WebSocket is tried again after ten minutes, with the message still to be sent", async () => {
    const met = await meet();
    const { state, server, transport, ear } = met;
    await poll(met);
    state.now = 10 * MINUTE_MS - 1;
    await poll(met);
    state.now += 1;
    state.blocked = false;
    transport.send(Uint8Array.of(1));
    const { error, ...loss } = await ear.lost();
    expect(loss).toEqual({ fate: "unsent", orderly: true, throttled: false, renewed: "transport" });
    expect(error).toMatchObject({ code: "ERR_OPAMP_CLOSED", message: expect.stringContaining("WebSocket") });
    expect(state.posts).toBe(2);
    expect(await reopen(met)).toBe("websocket");
    // The connections of the polls and of the first upgrade are gone.
    await expect.poll(() => server.sockets.filter((socket: Socket) => !socket.destroyed).length).toBe(1);
  });

  test("the time between failed retries doubles up to an hour", async () => {
    const met = await meet();
    const { state, transport, ear, server } = met;
    for (const minutes of [10, 20, 40, 60, 60]) {
      await poll(met);
      state.now += minutes * MINUTE_MS - 1;
      await poll(met);
      state.now += 1;
      transport.send(Uint8Array.of(1));
      expect((await ear.lost()).renewed).toBe("transport");
      expect(await reopen(met)).toBe("http");
    }
    expect(server.upgrades).toHaveLength(6);
  });

  test("a dial after that time begins with WebSocket, one before it does not", async () => {
    const met = await meet();
    const { state, transport, ear, server } = met;
    await poll(met);
    transport.close(1000, "reconnect");
    await ear.lost();
    expect(await reopen(met)).toBe("http");
    expect(server.upgrades).toHaveLength(1);
    transport.close(1000, "reconnect");
    await ear.lost();
    state.now = 10 * MINUTE_MS;
    state.blocked = false;
    expect(await reopen(met)).toBe("websocket");
  });

  test("a failure to connect makes the next dial use WebSocket, as the network may have changed", async () => {
    const met = await meet();
    const { state, server, transport, ear } = met;
    await poll(met);
    transport.close(1000, "reconnect");
    await ear.lost();
    expect(await reopen(met)).toBe("http");
    await server.stop();
    transport.send(Uint8Array.of(1));
    expect(await ear.lost()).toMatchObject({ fate: "unsent", error: { code: "ERR_OPAMP_CONNECT" } });
    await server.restart();
    state.blocked = false;
    expect(await reopen(met)).toBe("websocket");
  });

  test("a first answer that is not OpAMP makes the next dial use WebSocket", async () => {
    const met = await meet();
    const { state, transport, ear } = met;
    state.status = 404;
    transport.send(Uint8Array.of(1));
    expect((await ear.lost()).error.httpStatus).toBe(404);
    state.blocked = false;
    expect(await reopen(met)).toBe("websocket");
  });

  test.each([401, 413, 429, 503])(
    "a first answer of %i does not, as it says nothing about the path",
    async (status) => {
      const met = await meet();
      const { state, transport, ear } = met;
      state.status = status;
      state.blocked = false;
      transport.send(Uint8Array.of(1));
      await ear.lost();
      expect(await reopen(met)).toBe("http");
    },
  );

  test("a failure on a path that has worked does not", async () => {
    const met = await meet();
    const { state, transport, ear } = met;
    await poll(met);
    state.status = 500;
    state.blocked = false;
    transport.send(Uint8Array.of(1));
    await ear.lost();
    expect(await reopen(met)).toBe("http");
  });
});

describe("a WebSocket that breaks before anything arrives", () => {
  async function mute() {
    const server = await startWebSocket({ onRequest: (_request, response) => response.end() });
    const { transport, ear } = await connect(`ws://${server.host}/`, { auto: true });
    return { server, transport, ear };
  }

  test("is given up for HTTP if that happens twice in a row", async () => {
    const met = await mute();
    const { server, ear } = met;
    server.sockets[0]?.destroy();
    expect((await ear.lost()).renewed).toBeUndefined();
    expect(await reopen(met)).toBe("websocket");
    server.sockets[1]?.destroy();
    expect(await ear.lost()).toMatchObject({ orderly: false, renewed: "transport" });
    expect(await reopen(met)).toBe("http");
    await poll(met);
  });

  test("is given up likewise if the client cut it", async () => {
    const met = await mute();
    for (const name of ["websocket", "http"]) {
      met.transport.close(CLOSE_NOW, "silent");
      await met.ear.lost();
      expect(await reopen(met)).toBe(name);
    }
  });

  for (const [what, say] of [
    ["a message", (socket: { send: (data: Uint8Array) => void }) => socket.send(Uint8Array.of(0, 1))],
    // Asked for, as it is where nothing else comes.
    ["a pong", (_socket: unknown, transport: Transport) => transport.ping()],
    ["a text message", (socket: { send: (data: string) => void }) => socket.send("hello")],
  ] as const) {
    test(`is trusted again after ${what}`, async () => {
      const met = await mute();
      const { server, ear, transport } = met;
      for (let i = 0; i < 4; i++) {
        const { socket } = await server.accepted.next();
        const before = ear.heard.length;
        // Every other link.
        if (i % 2 === 1) {
          say(socket as never, transport);
          await ear.nextOf(["payload", "pong", "alive", "malformed"]);
          expect(ear.heard.length).toBe(before + 1);
        }
        transport.close(CLOSE_NOW, "silent");
        await ear.lost();
        expect(await reopen(met)).toBe("websocket");
      }
    });
  }

  test("is not counted if it is closed in an orderly way", async () => {
    const met = await mute();
    const { server, ear } = met;
    for (let i = 0; i < 3; i++) {
      (await server.accepted.next()).socket.close(1001);
      await ear.lost();
      expect(await reopen(met)).toBe("websocket");
    }
  });
});
