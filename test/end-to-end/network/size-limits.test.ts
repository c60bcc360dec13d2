import { once } from "node:events";
import { gzipSync } from "node:zlib";
import { describe, expect } from "vitest";
import type { ServerToAgentFields } from "../../../src/testing/index.js";
import { encodeServerToAgent, frame } from "../../../src/wire/codec.js";
import { acknowledge, makeClient, startPostOffice } from "../../client/wire-fixture.js";
import { verifies } from "../../conformance/verifies.js";
import { startServer } from "../../server/server-fixture.js";
import { startWebSocket } from "../../transport/raw-servers.js";
import { collect, next, offerOf, partsOf } from "../contract/meeting.js";
import { startTimed, until, urlOf, ways } from "./network-fixture.js";

const KIB = 1_024;
const LONG = "x".repeat(2 * KIB);
const BIG_OFFER = offerOf("h1", { "a.yaml": LONG });
const GZIPPED = { "content-type": "application/x-protobuf", "content-encoding": "gzip" };
const NONE = { instanceUid: new Uint8Array() };

/** A client that takes no more than 1 KiB, and notes what it is given to apply. */
function small(url: string) {
  const applied: string[] = [];
  const timed = startTimed({
    url,
    maxMessageBytes: { receive: KIB },
    remoteConfig: { apply: ({ files }) => void applied.push(...Object.keys(files)) },
  });
  return { ...timed, applied };
}

describe("an offer over the limit", () => {
  verifies("SIZE-03", "over WebSocket leads to Close 1009, is not applied, and a later dial succeeds", async () => {
    const server = await startWebSocket();
    const { client, applied, errors, ...timed } = small(`ws://${server.host}`);
    const { socket } = await server.accepted.next();
    await once(socket, "message");
    const closed = once(socket, "close");
    socket.send(frame(encodeServerToAgent({ ...NONE, ...BIG_OFFER })));
    expect((await closed)[0]).toBe(1009);
    await until(() => client.phase === "waiting");
    expect(errors).toMatchObject([
      { code: "ERR_OPAMP_TOO_LARGE", hint: expect.stringContaining("maxMessageBytes.receive") },
    ]);
    const attempt = timed.nextAttempt();
    const { socket: second } = await server.accepted.next();
    const [report] = (await once(second, "message")) as [Buffer];
    expect(report.length).toBeGreaterThan(0);
    second.send(frame(encodeServerToAgent({ ...NONE, ...offerOf("h2", { "b.yaml": "b: 1" }) })));
    await attempt;
    await until(() => applied.length > 0);
    expect([client.phase, applied]).toEqual(["online", ["b.yaml"]]);
  });

  verifies("SIZE-06", "over HTTP fails the exchange, is not applied, and the polls continue", async () => {
    const office = await startPostOffice();
    const { client, applied, errors, ...timed } = small(office.url);
    acknowledge(await office.posts.next());
    await timed.settled();
    await timed.clock.advance(30_000);
    const { response } = await office.posts.next();
    response.writeHead(200, { "content-type": "application/x-protobuf" });
    response.end(encodeServerToAgent({ ...NONE, ...BIG_OFFER }));
    await until(() => client.phase === "waiting");
    expect(errors).toMatchObject([{ code: "ERR_OPAMP_TOO_LARGE" }]);
    const attempt = timed.nextAttempt();
    acknowledge(await office.posts.next());
    await attempt;
    await timed.clock.advance(30_000);
    acknowledge(await office.posts.next());
    expect([client.phase, applied]).toEqual(["online", []]);
  });
});

describe("an answer that inflates past the limit", () => {
  for (const way of ways) {
    verifies(["SIZE-02", "SIZE-05"], `over ${way.name} ends the attempt, and the next one succeeds`, async () => {
      const bombs: ServerToAgentFields[] = [];
      const server = await startServer({ compression: true, onMessage: () => bombs.shift() });
      const { client, errors, ...timed } = startTimed({
        url: urlOf(server, way),
        maxMessageBytes: { receive: 2 * KIB },
      });
      await timed.settled();
      const offer = offerOf("h1", { "a.yaml": "x".repeat(64 * KIB * KIB) });
      if (way.duplex) bombs.push(offer);
      // As gzip, whether the client asked for it or not.
      else
        server.refuseNext({
          status: 200,
          headers: GZIPPED,
          body: gzipSync(encodeServerToAgent({ ...NONE, ...offer })),
        });
      const before = server.traffic.sent;
      client.setHealth({ healthy: true });
      await until(() => client.phase === "waiting");
      expect(errors).toMatchObject([{ code: "ERR_OPAMP_TOO_LARGE" }]);
      expect(server.traffic.sent - before).toBeLessThan(KIB * KIB);
      await timed.nextAttempt();
      expect(client.phase).toBe("online");
    });
  }
});

for (const way of ways) {
  describe(`the agent's own report over the limit, over ${way.name}`, () => {
    for (const compression of [false, true]) {
      const how = compression ? "however well it compresses" : "plain";
      verifies(
        ["SIZE-01", "SIZE-04", "SIZE-07"],
        `is not sent (${how}), is reported as an error, and affects neither connection nor later reports`,
        async () => {
          const server = await startServer({ compression });
          let config = "a: 1";
          const client = makeClient({
            url: urlOf(server, way),
            maxMessageBytes: { send: KIB },
            compression,
            effectiveConfig: () => ({ "a.yaml": { body: config } }),
          });
          const errors = collect(client, "error");
          client.start();
          await client.connected();
          const agent = server.agent(client.instanceUid);
          const before = { messages: agent.received.length, attempts: server.attempts.length };
          config = LONG;
          const told = next(client, "error");
          client.refreshEffectiveConfig();
          expect(await told).toMatchObject({
            code: "ERR_OPAMP_TOO_LARGE",
            message: expect.stringContaining("effectiveConfig"),
          });
          client.setHealth({ healthy: true, status: "later" });
          await agent.until(({ health }) => health?.status === "later");
          expect(agent.received.slice(before.messages).map(partsOf)).toEqual([["health"]]);
          expect(server.attempts.length - before.attempts).toBe(way.duplex ? 0 : 1);
          expect([server.sockets.total, errors.length, agent.gaps, client.stats().dropped]).toEqual([1, 1, 0, 1]);
          config = "b: 2";
          client.refreshEffectiveConfig();
          await agent.until(({ effectiveFiles }) => effectiveFiles["a.yaml"]?.text() === "b: 2");
        },
      );
    }
  });
}

for (const way of ways) {
  const how = way.duplex ? "Close 1009" : "413";

  describe(`a report that is too large for a server over ${way.name}`, () => {
    verifies(
      ["SIZE-08", "SIZE-09", "RETRY-01"],
      `is refused with ${how} and sent in parts, and only what is too large by itself is dropped`,
      async () => {
        const server = await startServer({ maxMessageBytes: KIB });
        let config = LONG;
        const { client, clock, errors, ...timed } = startTimed({
          url: urlOf(server, way),
          health: { healthy: true },
          effectiveConfig: () => ({ "a.yaml": { body: config } }),
        });
        const agent = server.agent(client.instanceUid);
        for (let refusals = 0; refusals < 2; refusals++) {
          await until(() => client.phase === "waiting");
          await timed.nextAttempt();
        }
        await until(() => client.phase === "online");
        expect([agent.reported.description === undefined, agent.health?.healthy]).toEqual([false, true]);
        // The report at first, and then the config alone.
        const refused = errors.filter(({ code }) => code === "ERR_OPAMP_TOO_LARGE");
        expect([refused.length, errors.length]).toEqual([3, 3]);
        expect(errors.filter(({ message }) => message.includes("effectiveConfig"))).toHaveLength(1);
        for (let polls = 0; polls < 3; polls++) {
          const heard = agent.received.length;
          await clock.advance(30_000);
          await agent.until(({ received }) => received.length > heard);
          await until(() => client.stats().messagesReceived >= agent.received.length);
        }
        client.setHealth({ healthy: false });
        await agent.until(({ health }) => health?.healthy === false);
        expect([errors.length, client.phase, agent.gaps]).toEqual([3, "online", 0]);
        config = "a: 1";
        client.refreshEffectiveConfig();
        await agent.until(({ effectiveFiles }) => Object.hasOwn(effectiveFiles, "a.yaml"));
      },
    );
  });
}

describe("a server that holds back an answer", () => {
  verifies("SIZE-09", "over WebSocket keeps the link, and its heartbeats", async () => {
    const server = await startServer();
    const { client, clock, dials, ...timed } = startTimed({ url: server.url });
    await timed.settled();
    const agent = server.agent(client.instanceUid);
    server.misbehave({ mode: "silence", times: 3 });
    for (let beats = 0; beats < 5; beats++) {
      const heard = agent.received.length;
      await clock.advance(30_000);
      await agent.until(({ received }) => received.length > heard);
    }
    expect([client.phase, dials, server.connections.total]).toEqual(["online", [0], 1]);
  });
});
