import { describe, expect, test } from "vitest";
import type { OpAMPClient, PhaseEvent } from "../../../src/index.js";
import { verifies } from "../../conformance/verifies.js";
import { collect, meet, next } from "../../end-to-end/contract/meeting.js";
import { transports } from "../../end-to-end/contract/transports.js";
import { startServer } from "../../server/server-fixture.js";
import { startHttp, startWebSocket } from "../../transport/raw-servers.js";
import { acknowledge, makeClient, startPostOffice } from "../wire-fixture.js";

const [webSocket] = transports;
if (webSocket === undefined) throw new Error("no WebSocket transport");

/** How long a `waiting` phase lasts, in milliseconds. */
function waitMs({ retryAt }: PhaseEvent): number {
  return (retryAt?.getTime() ?? Number.NaN) - Date.now();
}

function untilWaiting(client: OpAMPClient): Promise<PhaseEvent> {
  return new Promise((resolve) => {
    client.on("phase", (event) => event.phase === "waiting" && resolve(event));
  });
}

describe("an invalid answer over HTTP", () => {
  const answers = {
    "three bytes of garbage": {
      code: "ERR_OPAMP_MALFORMED",
      headers: { "content-type": "application/x-protobuf" },
      body: Uint8Array.of(255, 255, 255),
    },
    "a web page": {
      code: "ERR_OPAMP_NOT_OPAMP",
      headers: { "content-type": "text/html" },
      body: "<html>It works!</html>",
    },
    "an answer for another agent": {
      code: "ERR_OPAMP_FOREIGN_UID",
      headers: { "content-type": "application/x-protobuf" },
      body: Uint8Array.of(0x0a, 16, ...new Array(16).fill(9)),
    },
  };
  for (const [what, { code, headers, body }] of Object.entries(answers)) {
    test(`${what} is a typed error, and the report is repeated after the backoff`, async () => {
      const office = await startPostOffice();
      const client = makeClient({ url: office.url, backoff: { minMs: 40, maxMs: 40 } });
      const failed = next(client, "error");
      client.start();
      const first = await office.posts.next();
      const waiting = untilWaiting(client);
      const answeredAt = performance.now();
      first.response.writeHead(200, headers).end(body);
      expect(await failed).toMatchObject({ name: "OpAMPError", code });
      const event = await waiting;
      expect(event).toMatchObject({ phase: "waiting", previous: "reporting" });
      expect(waitMs(event)).toBeLessThanOrEqual(40);
      const again = await office.posts.next();
      expect(performance.now() - answeredAt).toBeGreaterThanOrEqual(39);
      expect(again.message.agentDescription).toEqual(first.message.agentDescription);
      expect(again.message.sequenceNum).toBe(first.message.sequenceNum + 1n);
      acknowledge(again);
      await client.connected();
      expect(client.phase).toBe("online");
    });
  }

  test("an outage ends with the next good answer, and nothing is lost", async () => {
    const office = await startPostOffice();
    const client = makeClient({ url: office.url, health: { healthy: true } });
    client.start();
    acknowledge(await office.posts.next());
    await client.connected();
    client.setHealth({ healthy: false, lastError: "disk full" });
    const lost = await office.posts.next();
    expect(lost.message.health?.healthy).toBe(false);
    const failed = next(client, "error");
    lost.response.writeHead(502, { "content-type": "text/html" }).end("<h1>Bad gateway</h1>");
    expect(await failed).toMatchObject({ code: "ERR_OPAMP_HTTP_STATUS", httpStatus: 502 });
    const repeated = await office.posts.next();
    expect(repeated.message.health).toMatchObject({ healthy: false, lastError: "disk full" });
    acknowledge(repeated);
    await client.connected();
  });
});

describe("over WebSocket", () => {
  verifies(
    ["WS-01", "WS-03", "WS-05"],
    "bytes that are not a message are a typed error each time, and the connection stays",
    async () => {
      if (webSocket === undefined) throw new Error("no WebSocket transport");
      const { client, agent, server } = await meet(webSocket);
      const errors = collect(client, "error");
      agent.sendText("\0");
      agent.sendRaw(Uint8Array.of(1));
      agent.sendRaw(Uint8Array.of(0, 255, 255, 255));
      agent.sendRaw(new Uint8Array());
      const renamed = next(client, "serverCustomCapabilities");
      agent.send({ customCapabilities: { capabilities: ["com.example.a"] } });
      await renamed;
      expect(errors.map(({ code }) => code)).toEqual(new Array(4).fill("ERR_OPAMP_MALFORMED"));
      expect(client.phase).toBe("online");
      expect(server.connections).toMatchObject({ total: 1, open: 1 });
    },
  );

  test("a server that only speaks HTTP is a typed error, and is dialled again", async () => {
    let requests = 0;
    const server = await startHttp((_request, response) => {
      requests += 1;
      response.end("hello");
    });
    const client = makeClient({ url: `ws://${server.host}` });
    const errors = collect(client, "error");
    client.start();
    for (let i = 0; i < 3; i++) await next(client, "error");
    expect(errors.every(({ code }) => code === "ERR_OPAMP_NOT_OPAMP")).toBe(true);
    expect(requests).toBeGreaterThanOrEqual(3);
    expect(client.phase).toBe("waiting");
  });

  test("a message over the limit ends the connection, and the client reconnects", async () => {
    const server = await startWebSocket();
    const client = makeClient({ url: `ws://${server.host}`, maxMessageBytes: 1_000 });
    const failed = next(client, "error");
    client.start();
    const { socket } = await server.accepted.next();
    socket.send(new Uint8Array(1_001));
    expect(await failed).toMatchObject({ code: "ERR_OPAMP_TOO_LARGE" });
    await server.accepted.next();
  });
});

for (const [name, url] of [
  ["WebSocket", "url"],
  ["HTTP", "httpUrl"],
] as const) {
  describe(`a throttling server over ${name}`, () => {
    verifies("THR-04", "sets the time of the next attempt by Retry-After, spread behind it", async () => {
      const server = await startServer({ onConnect: () => ({ status: 503, headers: { "retry-after": "120" } }) });
      const client = makeClient({ url: server[url] });
      const failed = next(client, "error");
      const waiting = untilWaiting(client);
      client.start();
      const event = await waiting;
      expect(event.reason).toBe("throttled");
      expect(waitMs(event)).toBeGreaterThan(119_000);
      expect(waitMs(event)).toBeLessThanOrEqual(120_000 * 3.2);
      expect(await failed).toMatchObject({ code: "ERR_OPAMP_THROTTLED", httpStatus: 503 });
    });

    verifies("THR-06", "that gives no time is not dialled for at least 30 s", async () => {
      const server = await startServer({ onConnect: () => ({ status: 429 }) });
      const client = makeClient({ url: server[url] });
      const waiting = untilWaiting(client);
      client.start();
      expect(waitMs(await waiting)).toBeGreaterThan(29_000);
    });
  });
}
