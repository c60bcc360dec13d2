import { describe, expect, test } from "vitest";
import { verifies } from "../../conformance/verifies.js";
import { heardMore, meet, next, prepare } from "./meeting.js";
import { transports } from "./transports.js";

const ALL_BYTES = Uint8Array.from({ length: 256 }, (_, index) => index);

describe.each(transports)("over $name", (transport) => {
  verifies(
    ["CUSTOM-01", "CUSTOM-03"],
    "capabilities are announced in the first report and when the list changes",
    async () => {
      const { client, agent } = await prepare(transport);
      const first = client.customCapability("com.example.a");
      client.start();
      await client.connected();
      expect(agent.customCapabilities).toEqual(["com.example.a"]);
      client.setHealth({ healthy: true });
      await agent.until(({ health }) => health !== undefined);
      const versioned = client.customCapability("com.example.a/v2");
      const second = client.customCapability("com.example.a/v2");
      await agent.until(({ customCapabilities }) => customCapabilities.length === 2);
      expect(agent.customCapabilities).toEqual(["com.example.a", "com.example.a/v2"]);
      first.unregister();
      versioned.unregister();
      await agent.until(({ customCapabilities }) => customCapabilities.length === 1);
      expect(agent.customCapabilities).toEqual(["com.example.a/v2"]);
      second.unregister();
      await agent.until(({ customCapabilities }) => customCapabilities.length === 0);
      const lists = agent.received.flatMap(({ customCapabilities }) => customCapabilities ?? []);
      expect(lists).toHaveLength(4);
    },
  );

  verifies("CUSTOM-01", "an agent without custom capabilities never mentions them", async () => {
    const { client, agent } = await meet(transport);
    agent.requestFullState();
    client.setHealth({ healthy: true });
    await agent.until(({ health }) => health !== undefined);
    expect(agent.received.filter(({ customCapabilities }) => customCapabilities !== undefined)).toEqual([]);
  });

  verifies(
    ["CUSTOM-02", "CUSTOM-04"],
    "only messages of capabilities on the server's latest list are sent to it",
    async () => {
      const { client, agent } = await meet(transport, { server: { customCapabilities: ["com.example.a"] } });
      const a = client.customCapability("com.example.a");
      const b = client.customCapability("com.example.b");
      await a.send("1");
      const replaced = next(client, "serverCustomCapabilities");
      agent.send({ customCapabilities: { capabilities: ["com.example.b"] } });
      expect(await replaced).toEqual(["com.example.b"]);
      const waiting = a.send("2");
      await b.send("3");
      const seen = () => agent.received.flatMap(({ customMessage }) => customMessage?.type ?? []);
      expect(seen()).toEqual(["1", "3"]);
      agent.send({ customCapabilities: { capabilities: ["com.example.a", "com.example.b"] } });
      await waiting;
      expect(seen()).toEqual(["1", "3", "2"]);
    },
  );

  verifies("CUSTOM-04", "a server that announced no capabilities gets no custom message", async () => {
    const { client, agent } = await meet(transport);
    const channel = client.customCapability("com.example.a");
    const waiting = channel.send("early");
    client.setHealth({ healthy: true });
    await agent.until(({ health }) => health !== undefined);
    await heardMore(agent, transport.duplex ? 0 : 2);
    expect(agent.received.filter(({ customMessage }) => customMessage !== undefined)).toEqual([]);
    channel.unregister();
    await expect(waiting).rejects.toMatchObject({ code: "ERR_OPAMP_CAPABILITY" });
  });

  verifies(
    ["CUSTOM-05", "CUSTOM-06"],
    "each handler gets the messages of its own capability and no others",
    async () => {
      const { client, agent } = await meet(transport);
      const seen: string[] = [];
      const a = client.customCapability("com.example.a");
      const b = client.customCapability("com.example.b");
      a.onMessage(({ type, data }) => void seen.push(`a ${type} ${data.length}`));
      const done = new Promise<void>((resolve) => {
        b.onMessage(({ type, data }) => {
          seen.push(`b ${type} ${data.length}`);
          if (type === "last") resolve();
        });
      });
      agent.sendCustom("com.example.a", "same", Uint8Array.of(1));
      agent.sendCustom("com.example.unknown", "same");
      agent.sendCustom("com.example.b", "same", Uint8Array.of(1, 2));
      agent.sendCustom("com.example.a", "a type nobody knows");
      agent.sendCustom("com.example.b", "last");
      await done;
      expect(seen).toEqual(["a same 1", "b same 2", "a a type nobody knows 0", "b last 0"]);
      expect(client.phase).toBe("online");
    },
  );

  verifies("CUSTOM-06", "any bytes arrive as they are, both ways", async () => {
    const { client, agent } = await meet(transport, { server: { customCapabilities: ["com.example.a"] } });
    const channel = client.customCapability("com.example.a");
    const own = Uint8Array.from(ALL_BYTES);
    const sent = channel.send("bytes", own);
    own.fill(0);
    await sent;
    expect(agent.received.find(({ customMessage }) => customMessage !== undefined)?.customMessage).toMatchObject({
      capability: "com.example.a",
      type: "bytes",
      data: ALL_BYTES,
    });
    agent.sendCustom("com.example.a", "bytes", ALL_BYTES);
    const { value } = await channel[Symbol.asyncIterator]().next();
    expect(value).toEqual({ type: "bytes", data: ALL_BYTES });
    await channel.send("text", "grün");
    expect(Buffer.from(agent.received.at(-1)?.customMessage?.data ?? []).toString()).toBe("grün");
  });

  verifies(["CUSTOM-07", "SEQ-01"], "several messages leave one by one, in order", async () => {
    const { client, agent } = await meet(transport, { server: { customCapabilities: ["com.example.a"] } });
    const channel = client.customCapability("com.example.a");
    const heard = agent.received.length;
    client.setHealth({ healthy: true });
    await Promise.all(["1", "2", "3"].map((type) => channel.send(type, type)));
    const types = agent.received.slice(heard).flatMap(({ customMessage }) => customMessage?.type ?? []);
    expect(types).toEqual(["1", "2", "3"]);
    expect(agent.gaps).toBe(0);
  });

  verifies(["CUSTOM-07", "RETRY-03"], "messages wait while the server is away and keep their order", async () => {
    const { client, agent, outage, server } = await meet(transport, {
      server: { customCapabilities: ["com.example.a"] },
    });
    const channel = client.customCapability("com.example.a");
    outage(true);
    const away = new Promise<void>((resolve) => {
      client.on("phase", ({ phase }) => {
        if (phase === "waiting") resolve();
      });
    });
    server.drop();
    await away;
    const sent = Promise.all(["1", "2", "3"].map((type) => channel.send(type)));
    outage(false);
    await sent;
    const types = agent.received.flatMap(({ customMessage }) => customMessage?.type ?? []);
    expect(types).toEqual(["1", "2", "3"]);
  });

  verifies("CUSTOM-07", "a message that the server refuses is not repeated, and its sender learns of it", async () => {
    const { client, agent } = await meet(transport, {
      server: {
        customCapabilities: ["com.example.a"],
        onMessage: (_, { customMessage }) =>
          customMessage?.type === "bad" ? { errorResponse: { type: 1 } } : undefined,
      },
    });
    const channel = client.customCapability("com.example.a");
    await expect(channel.send("bad")).rejects.toMatchObject({ code: "ERR_OPAMP_REJECTED" });
    await channel.send("good");
    expect(agent.received.flatMap(({ customMessage }) => customMessage?.type ?? [])).toEqual(["bad", "good"]);
  });

  verifies("CUSTOM-03", "a name that is not a reverse domain name is refused", async () => {
    const { client } = await prepare(transport);
    for (const name of [
      "",
      "pause",
      "com.",
      ".com.a",
      "com..a",
      "com example.a",
      "com.example.a/",
      "com.example.a/v 2",
    ]) {
      expect(() => client.customCapability(name), name).toThrow(
        expect.objectContaining({ code: "ERR_OPAMP_CAPABILITY" }),
      );
    }
  });

  test("a custom message whose capability the server never announces is dropped on timeout", async () => {
    const { client } = await meet(transport, { client: { customMessages: { ttlMs: 20 } } });
    const channel = client.customCapability("com.example.a");
    await expect(channel.send("a")).rejects.toMatchObject({ code: "ERR_OPAMP_TIMEOUT" });
    await expect(channel.send("b", "", { expiresInMs: 1 })).rejects.toMatchObject({ code: "ERR_OPAMP_TIMEOUT" });
  });
});
