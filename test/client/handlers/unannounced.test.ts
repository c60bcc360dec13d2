import { describe, expect, onTestFinished, test } from "vitest";
import { memoryTransport, OpAMPServer, virtualClock } from "../../../src/testing/index.js";
import { verifies } from "../../conformance/verifies.js";
import { hosted, running } from "../hosted.js";
import { makeClient } from "../wire-fixture.js";

const PING = "com.example.ping";
const OTHER = "com.example.other";

/** A client with a log, whose server announces what is given. */
async function logged(customCapabilities: readonly string[] = []) {
  const lines: string[] = [];
  const note = (line: string) => void lines.push(line);
  const logger = { debug: () => undefined, info: note, warn: note, error: note };
  const host = await hosted({ logger }, { customCapabilities });
  const waits = () => lines.filter((line) => line.startsWith("Custom messages wait"));
  return { ...host, waits };
}

describe("custom messages for a capability that the server has not announced", () => {
  test("are logged in one line for each capability, once the server has spoken, and counted as waiting", async () => {
    const { client, clock, waits } = await logged();
    const channel = client.customCapability(PING);
    void channel.send("before the start");
    expect([waits(), client.stats().customMessages.waiting]).toEqual([[], 1]);
    client.start();
    await clock.advance(0);
    expect(waits()).toEqual([`Custom messages wait for the server to announce the capability ${PING}`]);
    void channel.send("again");
    void client.customCapability(OTHER).send("one");
    await clock.advance(60_000);
    expect(waits()).toHaveLength(2);
    expect(waits()[1]).toContain(OTHER);
    expect(client.stats().customMessages).toMatchObject({ waiting: 3, sent: 0, dropped: 0 });
  });

  test("are not logged where the server announces it with its first answer", async () => {
    const { client, clock, waits } = await logged([PING]);
    const sent = client.customCapability(PING).send("early");
    client.start();
    await clock.advance(0);
    await sent;
    expect([waits(), client.stats().customMessages]).toMatchObject([[], { waiting: 0, sent: 1 }]);
  });

  test("are logged again once the server has taken it back", async () => {
    const { client, agent, clock, waits } = await logged([PING]);
    const channel = client.customCapability(PING);
    client.start();
    await clock.advance(0);
    for (const capabilities of [[], [PING], []]) {
      agent.send({ customCapabilities: { capabilities } });
      await clock.advance(0);
      const sent = channel.send("x");
      await clock.advance(60_000);
      if (capabilities.length > 0) await sent;
    }
    expect(waits()).toHaveLength(2);
  });

  verifies(
    "CUSTOM-04",
    "fail at the end with an error that names the capability, and no handler is blamed",
    async () => {
      const { client, agent, clock, errors } = await running();
      const channel = client.customCapability(PING);
      let answer: Promise<void> | undefined;
      channel.onMessage(async () => {
        answer = channel.send("pong");
        await answer;
      });
      await clock.advance(0);
      // The capability is withdrawn with the same message that asks for an answer.
      const customMessage = { capability: PING, type: "ping", data: new Uint8Array() };
      agent.send({ customCapabilities: { capabilities: [] }, customMessage });
      await clock.advance(0);
      await client.stop();
      await expect(answer).rejects.toMatchObject({
        code: "ERR_OPAMP_STOPPED",
        message: expect.stringMatching(
          /the client has been stopped; it waited for the capability com\.example\.ping, which/,
        ),
        hint: expect.stringContaining("custom_capabilities"),
      });
      await clock.advance(0);
      expect(errors).toEqual([]);
    },
  );

  test("fail at the end without a word on the server where it never spoke", async () => {
    const { client, clock } = await hosted();
    const sent = client.customCapability(PING).send("x");
    const failed = expect(sent).rejects.toMatchObject({ message: "a custom message: the client has been stopped" });
    await clock.advance(0);
    await client.stop();
    await failed;
  });
});

describe("the test server", () => {
  test.each([true, false])(
    "announces what it sends to an agent, on later connections too (duplex: %s)",
    async (duplex) => {
      const server = await OpAMPServer.start({ customCapabilities: [OTHER] });
      onTestFinished(() => server.close());
      const clock = virtualClock();
      const transport = memoryTransport(server, { duplex });
      const client = makeClient({ transport, clock, heartbeat: { intervalMs: 1_000 } });
      const channel = client.customCapability(PING);
      channel.onMessage(({ type }) => channel.send(`${type} pong`));
      const heard: (readonly string[])[] = [];
      client.on("serverCustomCapabilities", (names) => heard.push(names));
      client.start();
      await clock.advance(0);
      const agent = server.agent(client.instanceUid);
      for (const type of ["first", "second"]) {
        agent.sendCustom(PING, type);
        await clock.advance(2_000);
        if (duplex) transport.drop();
        else client.reconnect();
        await clock.advance(60_000);
      }
      expect(agent.received.flatMap(({ customMessage }) => customMessage?.type ?? [])).toEqual([
        "first pong",
        "second pong",
      ]);
      expect(heard).toEqual([[OTHER], [OTHER, PING]]);
    },
  );
});
