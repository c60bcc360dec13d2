import { describe, expect, test } from "vitest";
import { ServerErrorResponseType } from "../../src/gen/opamp/v1/opamp_pb.js";
import type { Reply } from "../../src/testing/index.js";
import { carried, exchange, full, lean, uid } from "./bare-peers.js";
import { dial, startServer } from "./server-fixture.js";

describe("a message hook", () => {
  test("sees the agent with the message taken in, and adds to the answer", async () => {
    const seen: unknown[] = [];
    const server = await startServer({
      onMessage: (agent, message) => {
        seen.push(agent.health?.healthy, agent.lastMessage === message);
        return { connectionSettings: { hash: Uint8Array.of(1) }, flags: 2n };
      },
    });
    const answer = await exchange(server.httpUrl, lean(1, { health: { healthy: true } }));
    expect(answer).toMatchObject({ connectionSettings: {}, flags: 3n, capabilities: 0x7fn, instanceUid: uid() });
    expect(seen).toEqual([true, true]);
  });

  test("replaces the answer with an error", async () => {
    const type = ServerErrorResponseType.ServerErrorResponseType_BadRequest;
    const peer = await dial(await startServer({ onMessage: () => ({ errorResponse: { type, errorMessage: "no" } }) }));
    const answer = await peer.exchange(full(1));
    expect(carried(answer)).toEqual(["instanceUid", "errorResponse"]);
    expect(answer.errorResponse).toMatchObject({ type, errorMessage: "no" });
  });

  test.each([
    ["throws", () => throwing("broken hook")],
    ["rejects", () => Promise.reject(new Error("broken hook"))],
  ])("that %s makes the answer an error with its text", async (_, onMessage) => {
    const peer = await dial(await startServer({ onMessage }));
    const answer = await peer.exchange(full(1));
    expect(carried(answer)).toEqual(["instanceUid", "errorResponse"]);
    expect(answer.errorResponse).toMatchObject({ type: 0, errorMessage: "broken hook" });
  });

  test.each([
    ["at once", () => ({ flags: -1n })],
    ["later", () => Promise.resolve({ flags: -1n })],
  ])("that returns %s what cannot be encoded makes the answer an error", async (_, onMessage) => {
    const peer = await dial(await startServer({ onMessage }));
    expect(carried(await peer.exchange(full(1)))).toEqual(["instanceUid", "errorResponse"]);
  });

  test("keeps the server silent with null", async () => {
    const server = await startServer({ onMessage: (_, { sequenceNum }) => (sequenceNum === 1n ? null : undefined) });
    const peer = await dial(server);
    peer.send(full(1));
    expect(await peer.exchange(lean(2))).toMatchObject({ capabilities: 0x7fn });
    expect(server.agent(uid()).sent).toHaveLength(1);
  });

  test("that is slow delays one answer and no other", async () => {
    const { release, onMessage } = holdingFirst({ packagesAvailable: {} });
    const peer = await dial(await startServer({ onMessage }));
    peer.send(full(1));
    expect(carried(await peer.exchange(lean(2)))).toEqual(["instanceUid", "capabilities"]);
    release();
    expect(carried(await peer.next())).toEqual(["instanceUid", "packagesAvailable"]);
  });

  test("that ends after its connection answers nothing and loses nothing", async () => {
    const { release, onMessage } = holdingFirst({});
    const server = await startServer({ onMessage });
    const first = await dial(server);
    first.send(full(1));
    const agent = await server.agent(uid()).until(({ sequenceNum }) => sequenceNum === 1n);
    first.socket.terminate();
    await agent.until(({ connected }) => !connected);
    agent.sendCustom("com.example.a", "kept");
    release();
    const second = await dial(server);
    expect(await second.exchange(lean(2))).toMatchObject({ customMessage: { type: "kept" } });
    expect(agent.messages.map(({ direction, connection }) => [direction, connection])).toEqual([
      ["in", 1],
      ["in", 2],
      ["out", 2],
    ]);
  });

  test("can send messages itself, and the first one announces the capabilities", async () => {
    const server = await startServer({ onMessage: (agent) => void agent.sendCustom("com.example.a", "hi") });
    const peer = await dial(server);
    expect(carried(await peer.exchange(full(1)))).toEqual([
      "instanceUid",
      "capabilities",
      "customCapabilities",
      "customMessage",
    ]);
    expect(carried(await peer.next())).toEqual(["instanceUid"]);
  });
});

function throwing(message: string): never {
  throw new Error(message);
}

/** A hook that answers the first message when released, and the others at once. */
function holdingFirst(reply: Reply) {
  let release = (): void => undefined;
  const held = new Promise<Reply>((resolve) => {
    release = () => resolve(reply);
  });
  const onMessage = (_: unknown, { sequenceNum }: { sequenceNum: bigint }) => (sequenceNum === 1n ? held : undefined);
  return { release: () => release(), onMessage };
}
