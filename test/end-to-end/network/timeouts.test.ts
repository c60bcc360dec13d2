import { describe, expect, test } from "vitest";
import { encodeServerToAgent } from "../../../src/wire/codec.js";
import { acknowledge, makeClient, startPostOffice } from "../../client/wire-fixture.js";
import { verifies } from "../../conformance/verifies.js";
import { startServer } from "../../server/server-fixture.js";
import { startTcp } from "../../transport/raw-servers.js";
import { collect, next } from "../contract/meeting.js";
import { startHttpProxy } from "../proxies/http-proxy.js";
import { startTimed, until } from "./network-fixture.js";

const OUT_OF_TIME = { code: "ERR_OPAMP_TIMEOUT" };

describe("the time for a connection", () => {
  test("over WebSocket includes the upgrade", async () => {
    const mute = await startTcp();
    const { client, clock, errors } = startTimed({ url: `ws://${mute.host}`, timeouts: { connectMs: 700 } });
    await mute.heard.next();
    await clock.advance(699);
    expect([client.phase, errors]).toEqual(["connecting", []]);
    await clock.advance(1);
    expect(errors).toMatchObject([
      {
        ...OUT_OF_TIME,
        message: expect.stringMatching(/did not answer the upgrade to WebSocket within timeouts\.connectMs$/),
      },
    ]);
    await until(() => mute.sockets.every((socket) => socket.destroyed));
  });

  test("over HTTP includes TLS, and runs on the client's clock", async () => {
    const mute = await startTcp();
    const timed = startTimed({ url: `https://${mute.host}`, timeouts: { connectMs: 400 } });
    const { client, clock, errors } = timed;
    await until(() => mute.sockets.length === 1);
    await clock.advance(399);
    expect([client.phase, errors]).toEqual(["reporting", []]);
    await clock.advance(1);
    expect(errors).toMatchObject([
      {
        ...OUT_OF_TIME,
        message: expect.stringMatching(/the TLS handshake did not end within timeouts\.connectMs$/),
      },
    ]);
    expect(client.stats().messagesReceived).toBe(0);
    await until(() => mute.sockets.every((socket) => socket.destroyed));
  });

  test("over HTTP is separate from the time for an answer, which starts with the message", async () => {
    const mute = await startTcp();
    const { client, clock, errors } = startTimed({
      url: `http://${mute.host}`,
      timeouts: { connectMs: 400, answerMs: 1_000 },
    });
    await mute.heard.next();
    await clock.advance(999);
    expect([client.phase, errors]).toEqual(["reporting", []]);
    await clock.advance(1);
    expect(errors).toMatchObject([
      { ...OUT_OF_TIME, message: expect.stringMatching(/did not answer within timeouts\.answerMs$/) },
    ]);
  });
});

describe("over HTTP", () => {
  test("an answer that does not start, or stops, times out after the same time", async () => {
    for (const begins of [false, true]) {
      const server = await startPostOffice();
      const { client, clock, errors, ...timed } = startTimed({ url: server.url, timeouts: { answerMs: 5_000 } });
      const { response } = await server.posts.next();
      if (begins) {
        response.writeHead(200, { "content-type": "application/x-protobuf", "content-length": 20 });
        response.write(new Uint8Array(10));
      }
      await clock.advance(4_999);
      expect([client.phase, errors]).toEqual(["reporting", []]);
      await clock.advance(1);
      expect(errors).toMatchObject([
        { ...OUT_OF_TIME, message: expect.stringMatching(/did not answer within timeouts\.answerMs$/) },
      ]);
      const attempt = timed.nextAttempt();
      acknowledge(await server.posts.next());
      await attempt;
      expect(client.phase).toBe("online");
    }
  });

  verifies("RETRY-02", "an answer that comes byte by byte must be complete in time, and is retried", async () => {
    const server = await startPostOffice();
    const { client, clock, errors, ...timed } = startTimed({ url: server.url, timeouts: { answerMs: 5_000 } });
    const first = await server.posts.next();
    const answer = encodeServerToAgent({ instanceUid: first.message.instanceUid });
    first.response.writeHead(200, { "content-type": "application/x-protobuf", "content-length": answer.byteLength });
    first.response.flushHeaders();
    const drip = (at: number): void => {
      clock.after(1_000, () => {
        if (first.response.destroyed) return;
        first.response.write(answer.subarray(at, at + 1));
        drip(at + 1);
      });
    };
    drip(0);
    await clock.advance(4_999);
    expect([client.phase, errors]).toEqual(["reporting", []]);
    await clock.advance(1);
    expect(errors).toMatchObject([
      { ...OUT_OF_TIME, message: expect.stringMatching(/did not answer within timeouts\.answerMs$/) },
    ]);
    const attempt = timed.nextAttempt();
    const second = await server.posts.next();
    acknowledge(second);
    await attempt;
    expect(client.phase).toBe("online");
    expect([first, second].every(({ message }) => message.agentDescription !== undefined)).toBe(true);
  });
});

describe("over WebSocket", () => {
  verifies("SIZE-09", "a report without an answer does not end the connection, and is logged once", async () => {
    const server = await startServer({ onMessage: () => null });
    const { client, clock, errors, phases } = startTimed({ url: server.url, timeouts: { answerMs: 5_000 } });
    const warnings = collect(client, "warning");
    await until(() => client.phase === "reporting");
    await clock.advance(5_000);
    expect(phases.at(-1)).toMatchObject({ phase: "online", answered: false, reason: "silent" });
    await clock.advance(20_000);
    expect([errors, warnings, server.connections.total]).toEqual([[], [], 1]);
  });
});

describe("a connection that takes too long over WebSocket says what it was waiting for", () => {
  verifies("PROXY-01", "a proxy that makes no connection, by its name", async () => {
    const proxy = await startHttpProxy({ hang: true });
    const client = makeClient({ url: "ws://opamp.test/", proxy: { url: proxy.url }, timeouts: { connectMs: 400 } });
    const failed = next(client, "error");
    client.start();
    expect(await failed).toMatchObject({
      code: "ERR_OPAMP_PROXY",
      message: expect.stringMatching(/^the proxy 127\.0\.0\.1:\d+ made no connection within timeouts\.connectMs$/),
    });
  });

  test("the TLS handshake", async () => {
    const mute = await startTcp();
    const client = makeClient({ url: `wss://${mute.host}`, timeouts: { connectMs: 400 } });
    const failed = next(client, "error");
    client.start();
    expect(await failed).toMatchObject({
      ...OUT_OF_TIME,
      message: expect.stringMatching(/the TLS handshake did not end within timeouts\.connectMs$/),
      hint: expect.stringMatching(/does not speak TLS/),
    });
  });

  for (const scheme of ["ws", "http"]) {
    test(`the headers function, also over ${scheme}`, async () => {
      const server = await startTcp();
      const client = makeClient({
        url: `${scheme}://${server.host}`,
        headers: () => new Promise(() => undefined),
        timeouts: { connectMs: 30, answerMs: 30 },
      });
      const failed = next(client, "error");
      client.start();
      expect(await failed).toMatchObject({ code: "ERR_OPAMP_HEADERS", message: expect.stringMatching(/in time/) });
    });
  }
});
