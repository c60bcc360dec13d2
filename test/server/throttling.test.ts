import { once } from "node:events";
import type { ClientRequest, IncomingMessage } from "node:http";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { ServerErrorResponseType } from "../../src/gen/opamp/v1/opamp_pb.js";
import { virtualClock } from "../../src/testing/index.js";
import { encodeAgentToServer } from "../../src/wire/codec.js";
import { exchange, full, lean, post, uid } from "./bare-peers.js";
import { dial, startServer } from "./server-fixture.js";

const UNAVAILABLE = ServerErrorResponseType.ServerErrorResponseType_Unavailable;
const body = encodeAgentToServer(full(1));

async function refusedUpgrade(url: string): Promise<IncomingMessage> {
  const socket = new WebSocket(url);
  const [, response] = (await once(socket, "unexpected-response")) as [ClientRequest, IncomingMessage];
  return response;
}

describe("refuseNext", () => {
  test("refuses the given number of upgrades and POSTs, one script after the other", async () => {
    const server = await startServer();
    server.refuseNext({ status: 503, retryAfter: 2 }, 2);
    server.refuseNext({ status: 429, headers: { "x-why": "busy" }, body: "later" });
    const upgrade = await refusedUpgrade(server.url);
    expect(upgrade).toMatchObject({ statusCode: 503, headers: { "retry-after": "2" } });
    const second = await post(server.httpUrl, body);
    expect([second.status, second.headers.get("retry-after")]).toEqual([503, "2"]);
    const third = await post(server.httpUrl, body);
    expect([third.status, third.headers.get("x-why"), await third.text()]).toEqual([429, "busy", "later"]);
    expect(third.headers.get("retry-after")).toBeNull();
    expect((await post(server.httpUrl, body)).status).toBe(200);
    await dial(server);
    expect(server.attempts.map(({ transport, status }) => [transport, status])).toEqual([
      ["ws", 503],
      ["http", 503],
      ["http", 429],
      ["http", 200],
      ["ws", 101],
    ]);
    expect(server.agents.size).toBe(1);
  });

  test("sends a Date as an HTTP date", async () => {
    const server = await startServer();
    server.refuseNext({ status: 503, retryAfter: new Date(Date.UTC(2030, 0, 2, 3, 4, 5)) });
    const answer = await post(server.httpUrl, body);
    expect(answer.headers.get("retry-after")).toBe("Wed, 02 Jan 2030 03:04:05 GMT");
  });

  test("may be meant for one transport only", async () => {
    const server = await startServer();
    server.refuseNext({ status: 426, transport: "ws" });
    expect((await post(server.httpUrl, body)).status).toBe(200);
    expect((await refusedUpgrade(server.url)).statusCode).toBe(426);
  });

  test("comes before authentication, and is cancelled by behave()", async () => {
    const server = await startServer({ auth: { bearer: "x" } });
    server.refuseNext({ status: 500 }, Number.POSITIVE_INFINITY);
    for (const _ of [1, 2, 3]) expect((await post(server.httpUrl, body)).status).toBe(500);
    server.behave();
    expect((await post(server.httpUrl, body)).status).toBe(401);
  });

  test("can be delayed on the server's clock", async () => {
    const clock = virtualClock();
    const server = await startServer({ clock });
    server.refuseNext({ status: 503, delayMs: 5_000 });
    const answer = post(server.httpUrl, body);
    await server.until(({ attempts }) => attempts.length === 1);
    await clock.advance(4_999);
    expect(server.attempts[0]?.status).toBeUndefined();
    await clock.advance(1);
    expect((await answer).status).toBe(503);
    expect(server.attempts[0]).toMatchObject({ atMs: 0, status: 503 });
    await post(server.httpUrl, body);
    expect(server.attempts[1]).toMatchObject({ atMs: 5_000 });
  });

  test("cancels its delay when the server closes", async () => {
    const clock = virtualClock();
    const server = await startServer({ clock });
    server.refuseNext({ status: 503, delayMs: 5_000 });
    const answer = post(server.httpUrl, body);
    await server.until(({ attempts }) => attempts.length === 1);
    expect(clock.pending).toBe(1);
    await server.close();
    expect(clock.pending).toBe(0);
    await expect(answer).rejects.toThrow();
  });

  test.each([-1, 1.5, Number.NaN])("refuses %s as a number of times", async (times) => {
    const server = await startServer();
    expect(() => server.refuseNext({ status: 503 }, times)).toThrow(
      expect.objectContaining({ code: "ERR_OPAMP_OPTION" }),
    );
  });
});

describe("throttleNext", () => {
  test("answers the given number of messages with UNAVAILABLE and the pause in nanoseconds", async () => {
    const server = await startServer();
    server.throttleNext({ retryAfterMs: 1_500, times: 2 });
    server.throttleNext();
    const peer = await dial(server);
    const retryInfo = { case: "retryInfo", value: { retryAfterNanoseconds: 1_500_000_000n } };
    expect((await peer.exchange(full(1))).errorResponse).toMatchObject({ type: UNAVAILABLE, Details: retryInfo });
    expect((await exchange(server.httpUrl, lean(2))).errorResponse).toMatchObject({ Details: retryInfo });
    expect((await peer.exchange(lean(3))).errorResponse).toMatchObject({
      type: UNAVAILABLE,
      Details: { case: undefined },
    });
    expect((await peer.exchange(lean(4))).errorResponse).toBeUndefined();
  });

  test("delays an offer only until the next answer", async () => {
    const server = await startServer();
    const agent = server.agent(uid());
    agent.offerConfig({ "a.yaml": "x" });
    server.throttleNext({ transport: "http" });
    expect((await exchange(server.httpUrl, full(1))).remoteConfig).toBeUndefined();
    expect((await exchange(server.httpUrl, lean(2))).remoteConfig).toBeDefined();
  });
});

describe("attempts", () => {
  test("are kept as long as messages are", async () => {
    const server = await startServer({ keepMessages: 2 });
    for (let sequenceNum = 1; sequenceNum <= 9; sequenceNum++) {
      await exchange(server.httpUrl, full(sequenceNum));
    }
    expect(server.attempts.length).toBeLessThanOrEqual(4);
    expect(server.attempts.length).toBeGreaterThanOrEqual(2);
  });

  test("have rising times and their connection", async () => {
    const server = await startServer();
    const before = performance.now();
    await dial(server);
    await refusedUpgrade(server.url.replace("opamp", "other"));
    const [first, second] = server.attempts;
    expect(first?.atMs).toBeGreaterThanOrEqual(before);
    expect(second?.atMs).toBeGreaterThanOrEqual(first?.atMs ?? Number.NaN);
    expect([first, second]).toMatchObject([
      { connection: 1, status: 101, path: "/v1/opamp", headers: { upgrade: "websocket" } },
      { connection: 2, status: 404, path: "/v1/other" },
    ]);
  });
});
