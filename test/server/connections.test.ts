import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { OpAMPServer } from "../../src/testing/index.js";
import { encodeAgentToServer } from "../../src/wire/codec.js";
import { exchange, full, lean, post, UID_TEXT, uid } from "./bare-peers.js";
import { refusedUpgrade } from "./raw-peers.js";
import { dial, startServer } from "./server-fixture.js";

describe("waits", () => {
  test("resolve for an agent that connects later", async () => {
    const server = await startServer();
    const waits = [
      server.agent(UID_TEXT).until(({ sequenceNum }) => sequenceNum === 2n),
      server.until(({ agents }) => agents.size === 1),
      server.firstAgent(),
    ];
    expect(server.agents.size).toBe(0);
    await exchange(server.httpUrl, full(1));
    await exchange(server.httpUrl, lean(2));
    const agent = server.agent(uid());
    expect(await Promise.all(waits)).toEqual([agent, server, agent]);
  });

  test("resolve for what has happened already", async () => {
    const server = await startServer();
    await exchange(server.httpUrl, full(1));
    expect(await server.firstAgent()).toBe(server.agent(uid()));
    expect(await server.agent(uid()).until(({ gaps }) => gaps === 0)).toBe(server.agent(uid()));
  });

  test("resolve for an agent_disconnect, the end of the connection and the next one", async () => {
    const server = await startServer();
    const agent = server.agent(uid());
    const first = await dial(server);
    first.send(full(1));
    await agent.until(({ connected, disconnected }) => connected && !disconnected);
    first.send(lean(2, { agentDisconnect: {} }));
    await agent.until(({ connected, disconnected }) => connected && disconnected);
    first.socket.close();
    await agent.until(({ connected }) => !connected);
    const second = await dial(server);
    second.send(lean(3));
    await agent.until(({ connected, disconnected }) => connected && !disconnected);
    expect(agent.connections).toEqual({ open: 1, total: 2, maxOpen: 1 });
  });

  test("are ended by a signal, with an error that describes the current state", async () => {
    const server = await startServer();
    const controller = new AbortController();
    const { signal } = controller;
    const agent = server.agent(uid()).until(({ connected }) => connected, { signal });
    const first = server.firstAgent({ signal });
    controller.abort();
    const [one, other] = await Promise.allSettled([agent, first]);
    expect(one).toMatchObject({ reason: { code: "ERR_OPAMP_TIMEOUT" } });
    expect(one).toMatchObject({
      reason: { message: expect.stringContaining(`agent ${UID_TEXT} has not said anything`) },
    });
    expect(other).toMatchObject({ reason: { code: "ERR_OPAMP_TIMEOUT" } });
  });
});

describe("a refusal", () => {
  const headers = { "retry-after": "7", "www-authenticate": "Bearer" };

  test("answers an upgrade with its status, headers and body", async () => {
    const server = await startServer({ onConnect: () => ({ status: 503, headers, body: "busy" }) });
    const response = await refusedUpgrade(server.url);
    expect(response).toMatchObject({ statusCode: 503, headers });
    expect(await text(response)).toBe("busy");
    await server.until(({ sockets }) => sockets.open === 0);
    expect(server.connections.total).toBe(0);
  });

  test("answers a POST with its status and headers, and others are let through", async () => {
    const server = await startServer({
      onConnect: ({ headers: { authorization } }) =>
        authorization === "Bearer x" ? undefined : { status: 401, headers },
    });
    const refused = await post(server.httpUrl, encodeAgentToServer(full(1)));
    expect(refused.status).toBe(401);
    expect(Object.fromEntries(refused.headers)).toMatchObject(headers);
    expect(server.agents.size).toBe(0);
    const accepted = await post(server.httpUrl, encodeAgentToServer(full(1)), { authorization: "Bearer x" });
    expect(accepted.status).toBe(200);
  });

  test("is 500 when the hook throws", async () => {
    const server = await startServer({
      onConnect: () => {
        throw new Error("broken hook");
      },
    });
    expect((await refusedUpgrade(server.url)).statusCode).toBe(500);
    expect((await post(server.httpUrl, encodeAgentToServer(full(1)))).status).toBe(500);
  });

  test("is 404 for an upgrade on another path", async () => {
    const server = await startServer({ path: "/x" });
    expect((await refusedUpgrade(server.url.replace("/x", "/v1/opamp"))).statusCode).toBe(404);
    expect((await dial(server)).socket.readyState).toBe(WebSocket.OPEN);
  });
});

describe("drop", () => {
  test("cuts every connection at once and lets new ones in", async () => {
    const server = await startServer();
    const [first, second] = [await dial(server), await dial(server)];
    await first.exchange(full(1));
    const silent = connect(server.port, "127.0.0.1");
    await server.until(({ sockets }) => sockets.open === 3);
    server.drop();
    expect(server.agent(uid()).connected).toBe(false);
    expect(server.connections.open).toBe(0);
    expect(await Promise.all([first.closed(), second.closed(), once(silent, "close")])).toMatchObject([
      { code: 1006 },
      { code: 1006 },
      [false],
    ]);
    await server.until(({ sockets }) => sockets.open === 0);
    const third = await dial(server);
    expect(await third.exchange(lean(2))).toMatchObject({ flags: 0n });
  });

  test("ends a request that waits for its answer", async () => {
    const server = await startServer({ onMessage: () => null });
    const answer = post(server.httpUrl, encodeAgentToServer(full(1)));
    const agent = await server.agent(uid()).until(({ requests }) => requests.open === 1);
    agent.drop();
    expect(agent.requests.open).toBe(0);
    await expect(answer).rejects.toThrow();
  });
});

describe("close", () => {
  test("leaves nothing open, and every call returns the same promise", async () => {
    const server = await startServer();
    const peer = await dial(server);
    await peer.exchange(full(1));
    await exchange(server.httpUrl, full(1, { instanceUid: uid(2) }));
    const closing = server.close();
    expect(server.close()).toBe(closing);
    await closing;
    expect(server.sockets.open).toBe(0);
    expect(server.connections.open).toBe(0);
    expect(await peer.closed()).toMatchObject({ code: 1006 });
    const [refused] = await once(connect(server.port, "127.0.0.1"), "error").catch((error) => [error]);
    expect(refused).toMatchObject({ code: "ECONNREFUSED" });
    expect(server.close()).toBe(closing);
  });

  test("rejects all waits, and later ones unless they are fulfilled already", async () => {
    const server = await startServer();
    await exchange(server.httpUrl, full(1));
    const never = () => false;
    const pending = [server.until(never), server.agent(uid()).until(never), server.agent(uid(2)).until(never)];
    const settled = Promise.allSettled(pending);
    await server.close();
    const late = [server.until(never), server.agent(uid()).until(never), server.agent(uid(3)).until(never)];
    for (const result of [...(await settled), ...(await Promise.allSettled(late))]) {
      expect(result).toMatchObject({ status: "rejected", reason: { code: "ERR_OPAMP_STOPPED" } });
    }
    expect(await server.firstAgent()).toBe(server.agent(uid()));
  });

  test("frees the port for another server, which has forgotten every agent", async () => {
    const first = await startServer();
    const { port } = first;
    const peer = await dial(first);
    await peer.exchange(full(1));
    await first.close();
    const second = await startServer({ port });
    expect(second.url).toBe(first.url);
    expect(await exchange(second.httpUrl, lean(2))).toMatchObject({ flags: 1n });
  });

  test("happens at the end of an `await using` block", async () => {
    const server = await OpAMPServer.start();
    await server[Symbol.asyncDispose]();
    expect(server.close()).toBe(server.close());
    await expect(server.until(() => false)).rejects.toMatchObject({ code: "ERR_OPAMP_STOPPED" });
  });
});

describe("start", () => {
  test("rejects with the address that is taken", async () => {
    const { port } = await startServer();
    await expect(OpAMPServer.start({ port })).rejects.toMatchObject({
      code: "ERR_OPAMP_OPTION",
      message: expect.stringContaining(`127.0.0.1, port ${port}`),
    });
  });

  test("refuses a path without its slash", async () => {
    await expect(OpAMPServer.start({ path: "v1" })).rejects.toMatchObject({ code: "ERR_OPAMP_OPTION" });
  });

  test("on all addresses gives URLs that can be dialled", async () => {
    const server = await startServer({ host: "0.0.0.0" });
    expect(server.url).toBe(`ws://127.0.0.1:${server.port}/v1/opamp`);
    expect(server.httpUrl).toBe(`http://127.0.0.1:${server.port}/v1/opamp`);
  });
});
