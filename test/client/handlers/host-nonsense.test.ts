import { describe, expect, test } from "vitest";
import type { StoredState } from "../../../src/index.js";
import { hosted, running } from "../hosted.js";

/** Values that TypeScript would refuse and JavaScript does not. */
function nonsense<T>(value: unknown): T {
  return JSON.parse("[null]").fill(value)[0];
}

describe("what TypeScript would refuse", () => {
  const files: readonly [string, () => unknown][] = [
    ["null", () => null],
    ["a number", () => 42],
    ["text", () => "a: 1"],
    ["a list", () => ["a"]],
    ["a map", () => new Map([["a", { body: "1" }]])],
    ["no files", () => ({ a: "no file" })],
    ["bodies of numbers", () => ({ a: { body: 42 } })],
    ["types of numbers", () => ({ a: { body: "1", contentType: 1 } })],
    ["traps", () => Object.defineProperty({}, "a", { enumerable: true, get: () => JSON.parse("{") })],
  ];
  test.each(files)("an effective config of %s is refused and the rest reported", async (_, value) => {
    const { agent, clock, client, errors } = await running({ effectiveConfig: () => nonsense(value()) });
    await clock.advance(0);
    expect(agent.reported.description).toBeDefined();
    expect(agent.reported.effectiveConfig).toBeUndefined();
    expect(errors).toEqual(["ERR_OPAMP_HANDLER"]);
    expect(client.phase).toBe("online");
  });

  const hash = Uint8Array.of(1);
  const states: readonly unknown[] = [
    42,
    "state",
    [[]],
    { instanceUid: "0190f3c5-8a5c-7c3e-9c61-1f5a3b1f7a10" },
    { instanceUid: new Uint8Array(15) },
    { remoteConfig: "applied" },
    { remoteConfig: { hash: "h1", status: "applied", error: "" } },
    { remoteConfig: { hash, status: "applying", error: "" } },
    { remoteConfig: { hash, status: "failed" } },
  ];
  test.each(states)("a stored state of %o is refused, and the client starts over", async (state) => {
    const saved: StoredState[] = [];
    const store = { load: () => nonsense<StoredState>(state), save: (next: StoredState) => void saved.push(next) };
    const { server, client, clock, errors } = await running({ store, remoteConfig: { apply: () => undefined } });
    await clock.advance(0);
    const agent = await server.firstAgent();
    expect(agent.uidText).toBe(client.instanceUid);
    expect(client.instanceUid).toMatch(/^\w{8}-\w{4}-7/);
    expect(agent.remoteConfig).toMatchObject({ status: "unset", hash: new Uint8Array() });
    expect(errors).toEqual(["ERR_OPAMP_STORE"]);
    expect(saved).toEqual([{ instanceUid: agent.uid }]);
  });

  test.each([null, undefined, {}])("a stored state of %o counts as no state", async (state) => {
    const { client, errors } = await running({ store: { load: () => nonsense(state), save: () => undefined } });
    expect([client.phase, errors]).toEqual(["online", []]);
  });

  test("a store may answer with any thenable", async () => {
    const instanceUid = new Uint8Array(16).fill(9);
    const thenable = {
      // biome-ignore lint/suspicious/noThenProperty: that is what is under test.
      then: (resolve: (state: StoredState) => void) => resolve({ instanceUid }),
    };
    const { server, clock } = await running({ store: { load: () => nonsense(thenable), save: () => undefined } });
    await clock.advance(0);
    expect((await server.firstAgent()).uid).toEqual(instanceUid);
  });

  const messages: readonly [unknown, unknown][] = [
    [42, "data"],
    [undefined, "data"],
    ["type", 42],
    ["type", { length: 3 }],
    ["type", null],
  ];
  test.each(messages)("a custom message of type %o and data %o is refused and not sent", async (type, data) => {
    const { client, clock, escaped, errors } = await running({}, { customCapabilities: ["com.example.a"] });
    const channel = client.customCapability("com.example.a");
    const refused = expect(channel.send(nonsense(type), nonsense(data))).rejects.toMatchObject({
      code: "ERR_OPAMP_OPTION",
    });
    await clock.advance(0);
    await refused;
    const sent = channel.send("fine");
    await clock.advance(0);
    await sent;
    expect([client.phase, escaped, errors]).toEqual(["online", [], []]);
  });

  test.each([undefined, null, 42, { restart: 1 }, { remoteConfig: {} }, { remotConfig: { apply: () => undefined } }])(
    "handlers of %o are refused",
    async (handlers) => {
      const { client } = await running();
      expect(() => client.setHandlers(nonsense(handlers))).toThrow(
        expect.objectContaining({ code: "ERR_OPAMP_OPTION" }),
      );
    },
  );

  test("a remote config handler may be an object of any class", async () => {
    class Applier {
      readonly directory = "/etc/guest";
      applied = 0;
      apply(): void {
        this.applied += 1;
      }
    }
    const applier = new Applier();
    const { agent, clock } = await running({ remoteConfig: applier });
    agent.offerConfig({ a: "1" });
    await clock.advance(0);
    expect([applier.applied, agent.hasApplied()]).toEqual([1, true]);
  });

  test("a listener or handler that changes what it is given affects nothing else", async () => {
    const { agent, client, clock } = await running({ remoteConfig: { apply: ({ hash }) => void hash.fill(0) } });
    client.on("offer", ({ hash }) => hash.fill(0));
    const offered = agent.offerConfig({ a: "1" });
    await clock.advance(0);
    expect(agent.hasApplied(offered)).toBe(true);
    const heard = agent.received.length;
    agent.send({ remoteConfig: { configHash: offered, config: {} } });
    await clock.advance(0);
    expect(agent.received).toHaveLength(heard);
  });

  test.each([Number.POSITIVE_INFINITY, 2 ** 40])(
    "a wait for a connection of %d ms has no limit in practice",
    async (timeoutMs) => {
      const { client, clock, transport } = await hosted();
      transport.refuse(3);
      client.start();
      const connected = client.connected({ timeoutMs });
      await clock.advance(120_000);
      await connected;
      expect(client.phase).toBe("online");
    },
  );

  test.each([Number.NaN, -1, nonsense<number>("soon"), nonsense<number>(null)])(
    "a stop with a limit of %o ms takes as long as one without",
    async (timeoutMs) => {
      const { client, clock, transport } = await running();
      transport.hang();
      const stopped = client.stop({ timeoutMs });
      await clock.advance(999);
      expect(client.phase).toBe("closing");
      await clock.advance(1);
      await stopped;
      expect([client.phase, clock.pending]).toEqual(["stopped", 0]);
    },
  );

  test("a stop with an infinite limit ends when the server answers", async () => {
    const { client, clock, transport } = await running();
    transport.hang();
    const stopped = client.stop({ timeoutMs: Number.POSITIVE_INFINITY });
    await clock.advance(86_400_000);
    expect(client.phase).toBe("closing");
    transport.resume();
    await stopped;
    expect([client.phase, clock.pending]).toEqual(["stopped", 0]);
  });
});
