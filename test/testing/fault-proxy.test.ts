import { FaultProxy, OpAMPServer, virtualClock } from "opamp-client/testing";
import { describe, expect, onTestFinished, test } from "vitest";
import { dial, reach, startProxy } from "./tcp-peers.js";

describe("without faults", () => {
  test("bytes pass both ways, and are counted", async () => {
    const { proxy, connected } = await startProxy();
    const { client, server } = await connected();
    client.socket.write("question");
    expect(await server.heard(8)).toBe("question");
    server.socket.write("answer");
    expect(await client.heard(6)).toBe("answer");
    expect(proxy.bytes).toEqual({
      up: { received: 8, delivered: 8, lost: 0 },
      down: { received: 6, delivered: 6, lost: 0 },
    });
  });

  test("an end of one side is passed on, and the other side may continue", async () => {
    const { proxy, connected } = await startProxy();
    const { client, server } = await connected();
    client.socket.end("that is all");
    await server.saw("end");
    expect(server.text).toBe("that is all");
    server.socket.end("not yet");
    await client.saw("close");
    expect(client.text).toBe("not yet");
    await proxy.until(({ connections }) => connections.open === 0);
    expect(proxy.connections).toEqual({ open: 0, total: 1, refused: 0 });
  });

  test.each(["client", "server"] as const)("a reset of the %s reaches the other end", async (breaking) => {
    const { proxy, connected } = await startProxy();
    const peers = await connected();
    peers[breaking].socket.resetAndDestroy();
    await peers[breaking === "client" ? "server" : "client"].saw("ECONNRESET");
    await proxy.until(({ connections }) => connections.open === 0);
  });

  test("an unreachable server breaks the connection", async () => {
    const gone = await FaultProxy.start({ target: { port: 1 } });
    await gone.close();
    const proxy = await FaultProxy.start({ target: { port: gone.port } });
    onTestFinished(() => proxy.close());
    await reach(proxy.port).saw("ECONNRESET");
  });

  test("a megabyte and more arrives whole and in order", async () => {
    const { connected } = await startProxy();
    const { client, server } = await connected();
    const bytes = Buffer.from(Uint32Array.from({ length: 1 << 20 }, (_, place) => place).buffer);
    client.socket.write(bytes);
    await server.heard(bytes.length);
    expect(server.bytes.equals(bytes)).toBe(true);
  });
});

describe("its address", () => {
  test("replaces that of a URL, and keeps the rest", async () => {
    const server = await OpAMPServer.start();
    onTestFinished(() => server.close());
    const { proxy } = await startProxy({ target: server });
    expect(proxy.urlFor(server.url)).toBe(`ws://127.0.0.1:${proxy.port}/v1/opamp`);
    expect(proxy.urlFor("https://user:secret@[::1]:4320/x?y=1")).toBe(
      `https://user:secret@127.0.0.1:${proxy.port}/x?y=1`,
    );
  });

  test("replaces that of the target's own URL by default", async () => {
    const { proxy } = await startProxy({ target: "wss://opamp.test/v1/opamp" });
    expect(proxy.url).toBe(`wss://127.0.0.1:${proxy.port}/v1/opamp`);
  });

  test.each([
    ["a target that is not a URL", { target: "nonsense" }],
    ["a target without a port", { target: "opamp://somewhere" }],
  ])("%s is refused", async (_, options) => {
    await expect(FaultProxy.start(options)).rejects.toMatchObject({ code: "ERR_OPAMP_OPTION" });
  });

  test("a port that is taken is refused", async () => {
    const { proxy } = await startProxy();
    await expect(FaultProxy.start({ target: { port: 1 }, port: proxy.port })).rejects.toMatchObject({
      code: "ERR_OPAMP_OPTION",
    });
  });

  test("is made of the URL of a server that is the target", async () => {
    const { proxy } = await startProxy({ target: { port: 1, url: "ws://127.0.0.1:1/opamp" } });
    expect(proxy.url).toBe(`ws://127.0.0.1:${proxy.port}/opamp`);
  });

  test("requires a URL if the target is not one", async () => {
    const { proxy } = await startProxy();
    expect(() => proxy.url).toThrow("url: the target of this fault proxy has none");
  });
});

describe("latency", () => {
  test("delays bytes and the end, in order, by the clock", async () => {
    const clock = virtualClock();
    const { proxy, connected } = await startProxy({ clock });
    const { client, server } = await connected();
    proxy.latency(50, { direction: "up" });
    client.socket.write("first ");
    await proxy.until(({ bytes }) => bytes.up.received === 6);
    await clock.advance(30);
    client.socket.end("second");
    await proxy.until(({ bytes }) => bytes.up.received === 12);
    await clock.advance(19);
    expect(proxy.bytes.up.delivered).toBe(0);
    await clock.advance(1);
    expect(await server.heard(6)).toBe("first ");
    expect(proxy.bytes.up).toMatchObject({ delivered: 6 });
    await clock.advance(30);
    expect(await server.heard(12)).toBe("first second");
    await server.saw("end");
  });

  test("can be limited to one direction", async () => {
    const { proxy, connected } = await startProxy({ clock: virtualClock() });
    const { client, server } = await connected();
    proxy.latency(50, { direction: "up" });
    server.socket.write("at once");
    expect(await client.heard(7)).toBe("at once");
  });

  test("keeps the order in spite of jitter", async () => {
    const clock = virtualClock();
    const chances = [1, 0];
    const { proxy, connected } = await startProxy({ clock, random: () => chances.shift() ?? 0 });
    const { client, server } = await connected();
    proxy.latency(10, { jitterMs: 90 });
    client.socket.write("first ");
    await proxy.until(({ bytes }) => bytes.up.received === 6);
    client.socket.write("second");
    await proxy.until(({ bytes }) => bytes.up.received === 12);
    await clock.advance(99);
    expect(proxy.bytes.up.delivered).toBe(0);
    await clock.advance(1);
    expect(await server.heard(12)).toBe("first second");
  });

  test("applies to later connections, and ends at once when restored", async () => {
    const { proxy, connected } = await startProxy({ clock: virtualClock() });
    proxy.latency(60_000);
    const { client, server } = await connected();
    client.socket.write("late");
    await proxy.until(({ bytes }) => bytes.up.received === 4);
    expect(proxy.bytes.up.delivered).toBe(0);
    await proxy.restore();
    expect(await server.heard(4)).toBe("late");
  });

  test("for a connection that has ended leaves no timer", async () => {
    const clock = virtualClock();
    const { proxy, connected } = await startProxy({ clock });
    const { client, server } = await connected();
    proxy.latency(60_000, { direction: "down" });
    server.socket.write("late");
    await proxy.until(({ bytes }) => bytes.down.received === 4);
    client.socket.resetAndDestroy();
    await proxy.until(({ connections }) => connections.open === 0);
    expect([clock.pending, proxy.bytes.down.lost]).toEqual([0, 4]);
  });

  test("runs on the system's clock by default", async () => {
    const { proxy, connected } = await startProxy();
    const { client, server } = await connected();
    proxy.latency(25);
    const startMs = performance.now();
    client.socket.write("ping");
    await server.heard(4);
    expect(performance.now() - startMs).toBeGreaterThanOrEqual(24);
  });
});

describe("bandwidth", () => {
  test("limits the bytes per second", async () => {
    const clock = virtualClock();
    const { proxy, connected } = await startProxy({ clock });
    const { client, server } = await connected();
    proxy.bandwidth(1000);
    client.socket.write(Buffer.alloc(3000));
    await proxy.until(({ bytes }) => bytes.up.received === 3000);
    for (const seconds of [1, 2, 3]) {
      for (let piece = 0; piece < 50; piece += 1) await clock.advance(20);
      await server.heard(seconds * 1000);
      expect(proxy.bytes.up.delivered).toBe(seconds * 1000);
    }
  });

  test("of 0 holds everything up, and nothing is lost", async () => {
    const clock = virtualClock();
    const { proxy, connected } = await startProxy({ clock });
    const { client, server } = await connected();
    proxy.bandwidth(0);
    client.socket.end("late");
    await proxy.until(({ bytes }) => bytes.up.received === 4);
    await clock.advance(3_600_000);
    expect(proxy.bytes.up).toEqual({ received: 4, delivered: 0, lost: 0 });
    proxy.bandwidth(Number.POSITIVE_INFINITY);
    await server.saw("end");
    expect(server.text).toBe("late");
  });

  test("makes a sender wait instead of storing all it has to say", async () => {
    const { proxy, connected } = await startProxy({ clock: virtualClock() });
    const { client, server } = await connected();
    proxy.bandwidth(0);
    const bytes = Buffer.alloc(32 << 20, 1);
    client.socket.write(bytes);
    await proxy.until(({ bytes }) => bytes.up.received > 1 << 20);
    // What could still come in comes within some turns; without a bound that would be everything.
    for (let turn = 0; turn < 100; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    expect(proxy.bytes.up.received).toBeLessThan(2 << 20);
    await proxy.restore();
    await server.heard(bytes.length);
  });

  test.each([-1, Number.NaN])("of %d is refused", async (amount) => {
    const { proxy } = await startProxy();
    expect(() => proxy.bandwidth(amount)).toThrow("bytesPerSecond");
    expect(() => proxy.latency(amount)).toThrow("ms: must be");
    expect(() => proxy.cut({ after: amount })).toThrow("cut.after: must be");
  });
});

describe("closing", () => {
  test("ends connections, timers, waits and the port, once", async () => {
    const clock = virtualClock();
    const { proxy, connected } = await startProxy({ clock });
    const { client, server } = await connected();
    proxy.latency(1000);
    client.socket.write("never");
    await proxy.until(({ bytes }) => bytes.up.received === 5);
    const wait = expect(proxy.until(() => false)).rejects.toMatchObject({ code: "ERR_OPAMP_STOPPED" });
    expect(clock.pending).toBe(1);
    expect(proxy.close()).toBe(proxy.close());
    await proxy.close();
    await wait;
    expect(clock.pending).toBe(0);
    expect(proxy.connections).toMatchObject({ open: 0, total: 1 });
    await Promise.all([client.saw("end"), server.saw("end")]);
    await expect(dial(proxy.port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  test("happens at the end of an `await using` block", async () => {
    let port: number;
    {
      await using proxy = await FaultProxy.start({ target: { port: 1 } });
      port = proxy.port;
    }
    await expect(dial(port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
  });

  test("a wait that is aborted describes the current state", async () => {
    const { proxy } = await startProxy();
    await expect(proxy.until(() => false, { signal: AbortSignal.abort() })).rejects.toThrow(
      "0 connections open, 0 in all",
    );
  });
});
