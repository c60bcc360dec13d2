import { virtualClock } from "opamp-client/testing";
import { describe, expect, test } from "vitest";
import { dial, reach, startProxy } from "./tcp-peers.js";

describe("a cut", () => {
  test("ends open connections in an orderly way in both directions, and no later ones", async () => {
    const { proxy, connected } = await startProxy();
    const { client, server } = await connected();
    proxy.cut();
    await Promise.all([client.saw("end"), server.saw("end")]);
    client.socket.end("unheard");
    server.socket.end("unheard");
    await Promise.all([client.saw("close"), server.saw("close")]);
    expect([client.events, server.events]).toEqual([
      ["end", "close"],
      ["end", "close"],
    ]);
    expect(client.text + server.text).toBe("");
    await proxy.until(({ connections }) => connections.open === 0);

    const next = await connected();
    next.client.socket.write("heard");
    expect(await next.server.heard(5)).toBe("heard");
  });

  test("happens on every connection after that many bytes, which are delivered", async () => {
    const { proxy, connected } = await startProxy();
    const early = await connected();
    early.server.socket.write("before");
    await early.client.heard(6);
    proxy.cut({ after: 4, direction: "down" });
    const late = await connected();
    for (const { client, server } of [early, late]) {
      client.socket.write("no limit this way");
      await server.heard(17);
      server.socket.write("123456");
      await Promise.all([client.saw("end"), server.saw("end")]);
    }
    expect([early.client.text, late.client.text]).toEqual(["before1234", "1234"]);
  });

  test("at the end of a piece does not wait for the next one", async () => {
    const { proxy, connected } = await startProxy();
    proxy.cut({ after: 4 });
    const { client, server } = await connected();
    server.socket.write("1234");
    await client.saw("end");
    expect(client.text).toBe("1234");
  });

  test("happens as often as configured", async () => {
    const { proxy, connected } = await startProxy();
    proxy.cut({ after: 0, times: 1 });
    const first = await connected();
    await Promise.all([first.client.saw("end"), first.server.saw("end")]);
    const { client, server } = await connected();
    server.socket.write("spared");
    expect(await client.heard(6)).toBe("spared");
  });

  test("that still waits for its byte is cancelled by restore", async () => {
    const { proxy, connected } = await startProxy();
    const { client, server } = await connected();
    proxy.cut({ after: 2 });
    await proxy.restore();
    server.socket.write("spared");
    expect(await client.heard(6)).toBe("spared");
    const next = await connected();
    next.server.socket.write("spared");
    expect(await next.client.heard(6)).toBe("spared");
  });

  test("happens when its bytes have been delivered, however late that is", async () => {
    const clock = virtualClock();
    const { proxy, connected } = await startProxy({ clock });
    const { client, server } = await connected();
    proxy.latency(100);
    proxy.cut({ after: 3, direction: "up" });
    client.socket.write("123456");
    await proxy.until(({ bytes }) => bytes.up.received === 6);
    await clock.advance(99);
    expect(server.events).toEqual([]);
    await clock.advance(1);
    await server.saw("end");
    expect(server.text).toBe("123");
    expect(proxy.bytes.up).toEqual({ received: 6, delivered: 3, lost: 3 });
    expect(clock.pending).toBe(0);
  });
});

describe("a reset", () => {
  test("breaks open connections in both directions", async () => {
    const { proxy, connected } = await startProxy();
    const { client, server } = await connected();
    proxy.reset();
    await Promise.all([client.saw("ECONNRESET"), server.saw("ECONNRESET")]);
    await proxy.until(({ connections }) => connections.open === 0);
  });

  test("after some bytes does not overtake them", async () => {
    const { proxy, connected } = await startProxy();
    proxy.reset({ after: 5, direction: "down" });
    const { client, server } = await connected();
    server.socket.write("12345678");
    await server.saw("ECONNRESET");
    // The client may find both at once, and take the reset for an end.
    expect(await client.heard(5)).toBe("12345");
    await proxy.until(({ connections }) => connections.open === 0);
  });

  test("while a cut is under way lets the proxy close", async () => {
    const { proxy, connected } = await startProxy();
    await connected();
    proxy.cut();
    await new Promise((resolve) => process.nextTick(resolve));
    proxy.reset();
    await proxy.close();
    expect(proxy.connections.open).toBe(0);
  });
});

describe("a half-close", () => {
  test("ends one stream, and the other continues", async () => {
    const { proxy, connected } = await startProxy();
    const { client, server } = await connected();
    proxy.halfClose({ direction: "down" });
    await client.saw("end");
    server.socket.write("unheard");
    client.socket.end("still heard");
    await server.saw("end");
    expect(server.text).toBe("still heard");
    server.socket.end();
    await proxy.until(({ connections }) => connections.open === 0);
    expect(client.text).toBe("");
    expect(proxy.bytes.down).toEqual({ received: 7, delivered: 0, lost: 7 });
  });

  test("does not hide a reset that comes later", async () => {
    const { proxy, connected } = await startProxy();
    const { client, server } = await connected();
    proxy.halfClose({ direction: "up" });
    await server.saw("end");
    client.socket.resetAndDestroy();
    // Having read the end, a socket learns of a reset when it writes; the proxy's end of it is closed by then.
    await proxy.until(({ connections }) => connections.open === 0);
  });
});

describe("a corrupt byte", () => {
  test("is the next one of the open connections", async () => {
    const { proxy, connected } = await startProxy();
    const { client, server } = await connected();
    proxy.corrupt({ direction: "down" });
    const next = await connected();
    server.socket.write(Buffer.from([1, 2, 3]));
    await client.heard(3);
    expect([...client.bytes]).toEqual([0xfe, 2, 3]);
    next.server.socket.write(Buffer.from([1, 2, 3]));
    await next.client.heard(3);
    expect([...next.client.bytes]).toEqual([1, 2, 3]);
  });

  test("is the one at a given offset of every connection, however the chunks are split", async () => {
    const { proxy, connected } = await startProxy();
    proxy.corrupt({ direction: "up", after: 3 });
    for (const pieces of [[1, 2, 3, 4, 5], [1, 2, 3], [1]]) {
      const { client, server } = await connected();
      client.socket.write(Buffer.from(pieces));
      await server.heard(pieces.length);
      client.socket.write(Buffer.from([7, 7, 7, 7]));
      await server.heard(pieces.length + 4);
      const expected = [...pieces, 7, 7, 7, 7];
      expected[3] = (expected[3] ?? 0) ^ 0xff;
      expect([...server.bytes]).toEqual(expected);
    }
  });

  test("without a direction is one byte of each direction", async () => {
    const { proxy, connected } = await startProxy();
    proxy.corrupt({ after: 0 });
    const { client, server } = await connected();
    client.socket.write(Buffer.from([1]));
    await server.heard(1);
    server.socket.write(Buffer.from([1]));
    await client.heard(1);
    expect([...server.bytes, ...client.bytes]).toEqual([0xfe, 1]);
  });
});

describe("a blackhole", () => {
  test("drops everything while connections stay open", async () => {
    const { proxy, connected } = await startProxy();
    const { client, server } = await connected();
    proxy.blackhole();
    server.socket.write("unheard");
    client.socket.end("unheard");
    await proxy.until(({ bytes }) => bytes.up.lost === 7 && bytes.down.lost === 7);
    expect([client.events, server.events, client.text, server.text]).toEqual([[], [], "", ""]);
    expect(proxy.connections.open).toBe(1);
  });

  test("hides a reset", async () => {
    const { proxy, connected } = await startProxy();
    const { client, server } = await connected();
    proxy.blackhole({ direction: "up" });
    client.socket.resetAndDestroy();
    server.socket.write("to nobody");
    await proxy.until(({ bytes }) => bytes.down.lost === 9);
    server.socket.write("to nobody");
    await proxy.until(({ bytes }) => bytes.down.lost === 18);
    expect(server.events).toEqual([]);
    server.socket.end();
    await proxy.until(({ connections }) => connections.open === 0);
  });

  test("of one direction lets the other pass", async () => {
    const { proxy, connected } = await startProxy();
    const { client, server } = await connected();
    proxy.blackhole({ direction: "up" });
    client.socket.write("unheard");
    server.socket.write("heard");
    expect(await client.heard(5)).toBe("heard");
    await proxy.until(({ bytes }) => bytes.up.lost === 7);
    expect(server.text).toBe("");
  });

  test("takes new connections, which do not reach the server and end with their client", async () => {
    const { proxy, accepted } = await startProxy();
    proxy.blackhole();
    const client = await dial(proxy.port);
    client.socket.write("anybody?");
    await proxy.until(({ bytes }) => bytes.up.lost === 8);
    expect(accepted.all).toEqual([]);
    await proxy.restore();
    client.socket.write("still?");
    await proxy.until(({ bytes }) => bytes.up.lost === 14);
    client.socket.destroy();
    await proxy.until(({ connections }) => connections.open === 0);
  });

  test("leaves connections that lost nothing usable after it ends, and the others dead", async () => {
    const { proxy, connected } = await startProxy();
    const [unlucky, lucky] = [await connected(), await connected()];
    proxy.blackhole();
    unlucky.client.socket.write("lost");
    await proxy.until(({ bytes }) => bytes.up.lost === 4);
    await proxy.restore();
    unlucky.client.socket.write("lost too");
    await proxy.until(({ bytes }) => bytes.up.lost === 12);
    lucky.client.socket.write("heard");
    expect(await lucky.server.heard(5)).toBe("heard");
    expect(unlucky.server.text).toBe("");
  });

  test("drops delayed data and leaves no timer", async () => {
    const clock = virtualClock();
    const { proxy, connected } = await startProxy({ clock });
    const { client, server } = await connected();
    proxy.latency(100);
    client.socket.write("late");
    await proxy.until(({ bytes }) => bytes.up.received === 4);
    proxy.blackhole();
    expect(proxy.bytes.up.lost).toBe(4);
    expect(clock.pending).toBe(0);
    expect(server.text).toBe("");
  });

  test("after some bytes begins there, in each connection", async () => {
    const { proxy, connected } = await startProxy();
    proxy.blackhole({ after: 5, times: 1, direction: "down" });
    const struck = await connected();
    struck.server.socket.end("12345678");
    await proxy.until(({ bytes }) => bytes.down.lost === 3);
    expect(await struck.client.heard(5)).toBe("12345");
    expect(struck.client.events).toEqual([]);
    const spared = await connected();
    spared.server.socket.end("12345678");
    await spared.client.saw("end");
    expect(spared.client.text).toBe("12345678");
  });
});

describe("refusing", () => {
  test("rejects new connections like a closed port until restored", async () => {
    const { proxy, connected } = await startProxy();
    const { client, server } = await connected();
    proxy.refuse();
    await expect(dial(proxy.port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    client.socket.write("still here");
    expect(await server.heard(10)).toBe("still here");
    const { port } = proxy;
    await proxy.restore();
    expect(proxy.port).toBe(port);
    const next = await connected();
    next.client.socket.write("back");
    expect(await next.server.heard(4)).toBe("back");
  });

  test("resets new connections if told to, and counts them", async () => {
    const { proxy, accepted, connected } = await startProxy();
    proxy.refuse("reset");
    await reach(proxy.port).saw("ECONNRESET");
    expect(proxy.connections).toEqual({ open: 0, total: 0, refused: 1 });
    expect(accepted.all).toEqual([]);
    await proxy.restore();
    await connected();
  });

  test("takes effect again if requested before the restore has finished", async () => {
    const { proxy } = await startProxy();
    proxy.refuse();
    const restored = proxy.restore();
    proxy.refuse();
    await restored;
    await expect(dial(proxy.port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
    await proxy.close();
  });
});
