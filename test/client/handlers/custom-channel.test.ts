import { describe, expect, test } from "vitest";
import { CustomChannels } from "../../../src/client/handlers/custom-channels.js";
import type { Input } from "../../../src/core/io.js";
import type { CustomChannel, OpAMPError, SendOptions } from "../../../src/index.js";
import { Arrivals } from "../../transport/arrivals.js";
import { refusal } from "../refusal.js";

const NAME = "com.example.feature";

/** The channels of a client, what they feed it, and what they complain of. */
function channels(expiresInMs = Number.POSITIVE_INFINITY) {
  const inputs: Input[] = [];
  const errors: OpAMPError[] = [];
  const all = new CustomChannels(
    { waitsFor: () => false },
    (input) => inputs.push(input),
    (error) => errors.push(error),
    expiresInMs,
  );
  const announced = (): readonly (readonly string[])[] =>
    inputs.flatMap((input) => (input.type === "set" ? [input.parts.customCapabilities?.capabilities ?? []] : []));
  return { all, inputs, errors, announced };
}

/** Messages with these types, for every channel of the capability. */
function arrive(all: CustomChannels, types: Iterable<string>, capability = NAME): void {
  for (const type of types) {
    all.deliver({ $typeName: "opamp.proto.v1.CustomMessage", capability, type, data: Uint8Array.of(1) });
  }
}

const digits = (count: number): string[] => Array.from({ length: count }, (_, index) => String(index));

/** A handler that is busy until the test ends it. */
function slowHandler() {
  const calls = new Arrivals<{ type: string; end: () => void; fail: (cause: unknown) => void }>();
  const handler = ({ type }: { type: string }): Promise<void> =>
    new Promise((end, fail) => calls.push({ type, end, fail }));
  return { calls, handler };
}

async function read(channel: CustomChannel, count: number): Promise<string[]> {
  const types: string[] = [];
  if (count === 0) return types;
  for await (const { type } of channel) {
    types.push(type);
    if (types.length === count) break;
  }
  return types;
}

describe("messages without a handler", () => {
  test("wait in each channel up to the number that it was registered with", () => {
    const { all } = channels();
    const [short, long] = [all.register(NAME, { maxQueuedMessages: 2 }), all.register(NAME, { maxQueuedMessages: 20 })];
    arrive(all, digits(21));
    expect([short.dropped, long.dropped]).toEqual([19, 1]);
  });

  test.each([
    [{ maxQueuedMessages: 0 }, "options.maxQueuedMessages: must be a whole number above 0"],
    [{ maxQueuedMessages: "5" }, "options.maxQueuedMessages: must be a whole number above 0"],
    [{ maxQueued: 5 }, /^options\.maxQueued: .*maxQueuedMessages/],
    [5, "options: must be an object, not number"],
  ])("cannot be queued with a wrong limit: %j", (options, text) => {
    const { all, announced } = channels();
    expect(refusal(() => all.register(NAME, options as never)).message).toMatch(text);
    expect(announced()).toEqual([]);
  });

  test("wait in order up to ten, and newer ones are dropped and counted", async () => {
    const { all } = channels();
    const channel = all.register(NAME);
    arrive(all, digits(13));
    expect(channel.dropped).toBe(3);
    expect(await read(channel, 10)).toEqual(digits(10));
    arrive(all, ["after"]);
    expect(await read(channel, 1)).toEqual(["after"]);
    expect(channel.dropped).toBe(3);
  });

  test("are delivered to a handler that is set later", () => {
    const { all } = channels();
    const channel = all.register(NAME);
    arrive(all, digits(3));
    const seen: string[] = [];
    channel.onMessage(({ type }) => void seen.push(type));
    expect(seen[0]).toBe("0");
    return expect.poll(() => seen).toEqual(digits(3));
  });
});

describe("a handler", () => {
  test("gets one message at a time; ten more wait", async () => {
    const { all } = channels();
    const channel = all.register(NAME);
    const { calls, handler } = slowHandler();
    channel.onMessage(handler);
    arrive(all, digits(13));
    expect(channel.dropped).toBe(2);
    const seen: string[] = [];
    for (let i = 0; i < 11; i++) {
      const call = await calls.next();
      expect(calls.all).toHaveLength(i + 1);
      seen.push(call.type);
      call.end();
    }
    expect(seen).toEqual(digits(11));
  });

  test("that throws or rejects is reported and gets the next message", async () => {
    const { all, errors } = channels();
    const channel = all.register(NAME);
    const { calls, handler } = slowHandler();
    channel.onMessage((message) => {
      if (message.type === "throw") throw new Error("bad type");
      return handler(message);
    });
    arrive(all, ["throw", "reject", "fine"]);
    (await calls.next()).fail(new Error("bad data"));
    expect((await calls.next()).type).toBe("fine");
    expect(errors.map(({ code, message }) => [code, message])).toEqual([
      ["ERR_OPAMP_HANDLER", "a custom message handler failed: bad type"],
      ["ERR_OPAMP_HANDLER", "a custom message handler failed: bad data"],
    ]);
  });

  test("that is removed gets no more messages, and the next one continues with the rest", async () => {
    const { all } = channels();
    const channel = all.register(NAME);
    const { calls, handler } = slowHandler();
    channel.onMessage(handler);
    arrive(all, digits(3));
    const first = await calls.next();
    channel.onMessage(undefined);
    first.end();
    await new Promise((resolve) => setImmediate(resolve));
    expect(calls.all).toHaveLength(1);
    expect(await read(channel, 2)).toEqual(["1", "2"]);
  });

  test("gets data of its own, which it may change", () => {
    const { all } = channels();
    const seen: number[] = [];
    for (let i = 0; i < 2; i++) {
      all.register(NAME).onMessage(({ data }) => {
        seen.push(...data);
        data.fill(9);
      });
    }
    arrive(all, ["a"]);
    expect(seen).toEqual([1, 1]);
  });
});

describe("an iterator", () => {
  test("waits for messages and ends when the channel is unregistered", async () => {
    const { all } = channels();
    const channel = all.register(NAME);
    const types: string[] = [];
    const done = (async () => {
      for await (const { type } of channel) types.push(type);
    })();
    arrive(all, ["a", "b"]);
    await expect.poll(() => types).toEqual(["a", "b"]);
    channel.unregister();
    await done;
    expect(channel.dropped).toBe(0);
  });

  test("shares the messages with others of the same channel", async () => {
    const { all } = channels();
    const channel = all.register(NAME);
    const both = [read(channel, 1), read(channel, 1)];
    arrive(all, ["a", "b"]);
    expect((await Promise.all(both)).flat().sort()).toEqual(["a", "b"]);
  });

  test("gets no messages while a handler is set", async () => {
    const { all } = channels();
    const channel = all.register(NAME);
    const waiting = read(channel, 1);
    const seen: string[] = [];
    channel.onMessage(({ type }) => void seen.push(type));
    arrive(all, ["a"]);
    expect(seen).toEqual(["a"]);
    channel.onMessage(undefined);
    arrive(all, ["b"]);
    expect(await waiting).toEqual(["b"]);
  });
});

describe("several channels", () => {
  test("of one capability each get every message, with a queue of their own, and are announced once", async () => {
    const { all, announced } = channels();
    const [quick, slow] = [all.register(NAME), all.register(NAME)];
    const seen: string[] = [];
    quick.onMessage(({ type }) => void seen.push(type));
    for (const type of digits(12)) {
      arrive(all, [type]);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(seen).toEqual(digits(12));
    expect([quick.dropped, slow.dropped]).toEqual([0, 2]);
    expect(announced()).toEqual([[NAME]]);
  });

  test("of different capabilities get their own messages", async () => {
    const { all } = channels();
    const [a, b] = [all.register("com.example.a"), all.register("com.example.b")];
    arrive(all, ["1"], "com.example.a");
    arrive(all, ["2"], "com.example.b");
    arrive(all, ["3"], "com.example.unknown");
    arrive(all, ["4"], "com.example.a");
    expect([await read(a, 2), await read(b, 1)]).toEqual([["1", "4"], ["2"]]);
  });

  test("are announced in order until the last one of a capability is unregistered", () => {
    const { all, announced, inputs } = channels();
    const [b, a, second] = ["com.example.b", "com.example.a", "com.example.b"].map((name) => all.register(name));
    b?.unregister();
    expect(announced()).toEqual([["com.example.b"], ["com.example.a", "com.example.b"]]);
    second?.unregister();
    a?.unregister();
    expect(announced().slice(2)).toEqual([["com.example.a"], []]);
    expect(inputs.flatMap((input) => (input.type === "forgetCustom" ? [input.capability] : []))).toEqual([
      "com.example.b",
      "com.example.a",
    ]);
  });
});

describe("a channel that is unregistered", () => {
  test("takes, hands on and keeps no more messages, and may be unregistered again", async () => {
    const { all, announced } = channels();
    const channel = all.register(NAME);
    const { calls, handler } = slowHandler();
    channel.onMessage(handler);
    arrive(all, digits(3));
    const first = await calls.next();
    channel.unregister();
    channel.unregister();
    arrive(all, ["late"]);
    first.end();
    await new Promise((resolve) => setImmediate(resolve));
    expect(calls.all).toHaveLength(1);
    channel.onMessage(undefined);
    expect(await read(channel, 1)).toEqual([]);
    expect(announced()).toEqual([[NAME], []]);
  });

  test("rejects a message to send", async () => {
    const { all, inputs } = channels();
    const channel = all.register(NAME);
    channel.unregister();
    await expect(channel.send("a")).rejects.toMatchObject({ code: "ERR_OPAMP_CAPABILITY" });
    expect(inputs.filter(({ type }) => type === "custom")).toEqual([]);
  });

  test("can be followed by a new one of the same name", async () => {
    const { all, announced } = channels();
    all.register(NAME).unregister();
    const channel = all.register(NAME);
    arrive(all, ["a"]);
    expect(await read(channel, 1)).toEqual(["a"]);
    expect(announced()).toEqual([[NAME], [], [NAME]]);
  });
});

describe("sending", () => {
  for (const [fate, code] of [
    ["refused", "ERR_OPAMP_REJECTED"],
    ["oversized", "ERR_OPAMP_TOO_LARGE"],
    ["full", "ERR_OPAMP_QUEUE_FULL"],
    ["forgotten", "ERR_OPAMP_CAPABILITY"],
  ] as const) {
    test(`a message that is ${fate} rejects with ${code}`, async () => {
      const { all } = channels();
      const sent = all.register(NAME).send("a");
      all.settled(1, fate);
      await expect(sent).rejects.toMatchObject({ code });
    });
  }

  test("resolves for each message when that one has been answered", async () => {
    const { all, inputs } = channels();
    const channel = all.register(NAME);
    const done: string[] = [];
    const sends = ["a", "b"].map(async (type) => {
      await channel.send(type, type === "a" ? "äö" : Uint8Array.of(1, 2));
      done.push(type);
    });
    expect(inputs.slice(1)).toMatchObject([
      { type: "custom", id: 1, message: { capability: NAME, type: "a", data: new TextEncoder().encode("äö") } },
      { type: "custom", id: 2, message: { capability: NAME, type: "b", data: Uint8Array.of(1, 2) } },
    ]);
    all.settled(2, "delivered");
    await sends[1];
    expect(done).toEqual(["b"]);
    all.settled(1, "delivered");
    all.settled(1, "delivered");
    all.settled(99, "delivered");
    await Promise.all(sends);
  });

  test("keeps a message waiting up to the client's limit or the sender's own", () => {
    const { all, inputs } = channels(60_000);
    const channel = all.register(NAME);
    void channel.send("a");
    void channel.send("b", "", {});
    void channel.send("c", "", { expiresInMs: 1_000 });
    void channel.send("d", "", { expiresInMs: Number.POSITIVE_INFINITY });
    const limits = inputs.flatMap((input) => (input.type === "custom" ? [input.expiresInMs] : []));
    expect(limits).toEqual([60_000, 60_000, 1_000, Number.POSITIVE_INFINITY]);
  });

  test.each([
    [{ expiresInMs: 0 }, "options.expiresInMs: must be milliseconds above 0"],
    [{ expiresInMs: Number.NaN }, "options.expiresInMs: must be milliseconds above 0"],
    [{ expiresIn: 5 }, "options.expiresIn: is not an option"],
    [1_000, "options: must be an object"],
  ])("refuses %j for a time limit", async (options, message) => {
    const { all, inputs } = channels();
    const sent = all.register(NAME).send("a", "", options as SendOptions);
    await expect(sent).rejects.toMatchObject({ code: "ERR_OPAMP_OPTION", message: expect.stringContaining(message) });
    expect(inputs.filter(({ type }) => type === "custom")).toEqual([]);
  });

  test("distinguishes a message that never left from one that may have arrived, on timeout", async () => {
    const { all } = channels();
    const channel = all.register(NAME);
    const [kept, left] = [channel.send("a"), channel.send("b")];
    all.settled(1, "expired");
    all.settled(2, "unanswered");
    await expect(kept).rejects.toMatchObject({
      code: "ERR_OPAMP_TIMEOUT",
      hint: expect.stringContaining("reached and announces"),
    });
    await expect(left).rejects.toMatchObject({
      code: "ERR_OPAMP_TIMEOUT",
      hint: expect.stringContaining("may have arrived or not"),
    });
  });

  test("copies the data", () => {
    const { all, inputs } = channels();
    const data = Uint8Array.of(1, 2, 3);
    void all.register(NAME).send("a", data);
    data.fill(0);
    expect(inputs.at(-1)).toMatchObject({ message: { data: Uint8Array.of(1, 2, 3) } });
  });
});

describe("names", () => {
  for (const name of ["com.example.a", "io.opentelemetry.custom/v1", "org.x-y.z_1/2024-01", "COM.Example.A"]) {
    test(`${name} is accepted`, () => {
      expect(channels().all.register(name).capability).toBe(name);
    });
  }

  for (const name of [
    "",
    "feature",
    "com..a",
    ".com.a",
    "com.a.",
    "com.a/",
    "com.a/v 1",
    "com a.b",
    "com.-a",
    "http://com.a",
  ]) {
    test(`${JSON.stringify(name)} is refused`, () => {
      const { all, announced } = channels();
      expect(refusal(() => all.register(name))).toMatchObject({
        code: "ERR_OPAMP_CAPABILITY",
        message: `${JSON.stringify(name)} is not a custom capability name`,
      });
      expect(announced()).toEqual([]);
    });
  }
});
