import { gzipSync } from "node:zlib";
import { Client } from "undici";
import { describe, expect, onTestFinished, test } from "vitest";
import { encodeAgentToServer } from "../../src/wire/codec.js";
import { carried, exchange, full, lean, post, UID_TEXT, uid } from "./bare-peers.js";
import { dial, startServer } from "./server-fixture.js";

describe("answers", () => {
  test("a POST is answered with one message in protobuf", async () => {
    const server = await startServer();
    const response = await post(server.httpUrl, encodeAgentToServer(full(1)));
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/x-protobuf");
    expect(response.headers.get("content-encoding")).toBeNull();
    expect(server.log).toMatchObject([
      { direction: "in", transport: "http", uid: UID_TEXT },
      { direction: "out", transport: "http", uid: UID_TEXT },
    ]);
    expect(server.agent(uid()).connected).toBe(false);
  });

  test("capabilities come in the first answer to each agent, and again when it starts over", async () => {
    const { httpUrl } = await startServer({ customCapabilities: ["com.example.a"] });
    expect(await exchange(httpUrl, full(1))).toMatchObject({
      capabilities: 0x7fn,
      customCapabilities: { capabilities: ["com.example.a"] },
    });
    expect(carried(await exchange(httpUrl, lean(2)))).toEqual(["instanceUid"]);
    expect(await exchange(httpUrl, full(1, { instanceUid: uid(2) }))).toMatchObject({ capabilities: 0x7fn });
    expect(await exchange(httpUrl, full(1))).toMatchObject({ capabilities: 0x7fn, flags: 0n });
  });

  test("capabilities do not come with a farewell, and come again when the agent is back", async () => {
    const { httpUrl } = await startServer();
    await exchange(httpUrl, full(1));
    expect(carried(await exchange(httpUrl, lean(2, { agentDisconnect: {} })))).toEqual(["instanceUid"]);
    expect(await exchange(httpUrl, full(3))).toMatchObject({ capabilities: 0x7fn });
    expect(carried(await exchange(httpUrl, lean(4)))).toEqual(["instanceUid"]);
  });

  test("a gap and lean first words make the answer ask for the full state", async () => {
    const { httpUrl } = await startServer();
    expect((await exchange(httpUrl, lean(1))).flags).toBe(1n);
    expect((await exchange(httpUrl, full(2))).flags).toBe(0n);
    expect((await exchange(httpUrl, lean(4))).flags).toBe(1n);
    expect((await exchange(httpUrl, lean(5))).flags).toBe(0n);
  });

  test("an agent that moves from HTTP to WebSocket stays the same agent", async () => {
    const server = await startServer();
    await exchange(server.httpUrl, full(1));
    const peer = await dial(server);
    expect(await peer.exchange(lean(2))).toMatchObject({ flags: 0n, capabilities: 0x7fn });
    expect(server.agents.size).toBe(1);
  });
});

describe("request bodies", () => {
  test("gzip is accepted", async () => {
    const server = await startServer();
    const body = gzipSync(encodeAgentToServer(full(1)));
    expect((await post(server.httpUrl, body, { "content-encoding": "gzip" })).status).toBe(200);
    expect(server.agent(uid()).sequenceNum).toBe(1n);
  });

  const big = encodeAgentToServer(full(1, { health: { status: "x".repeat(1000) } }));
  const rows: [string, Uint8Array, Record<string, string>, number][] = [
    ["a body that is not an AgentToServer", Buffer.from([0x0a, 0x10]), {}, 400],
    ["a uid of 15 bytes", encodeAgentToServer({ instanceUid: new Uint8Array(15) }), {}, 400],
    ["broken gzip", Buffer.from("no gzip"), { "content-encoding": "gzip" }, 400],
    ["another media type", encodeAgentToServer(full(1)), { "content-type": "application/json" }, 415],
    ["another encoding", encodeAgentToServer(full(1)), { "content-encoding": "br" }, 415],
    ["a body over the limit", big, {}, 413],
    ["a gzip body that inflates over the limit", gzipSync(big), { "content-encoding": "gzip" }, 413],
  ];
  test.each(rows)("%s is refused", async (_, body, headers, status) => {
    const server = await startServer({ maxMessageBytes: 500 });
    expect((await post(server.httpUrl, body, headers)).status).toBe(status);
    expect(server.agents.size).toBe(0);
    expect((await post(server.httpUrl, encodeAgentToServer(full(1)))).status).toBe(200);
  });

  test("parameters of the media type do not matter", async () => {
    const { httpUrl } = await startServer();
    const headers = { "content-type": "Application/X-Protobuf; charset=utf-8" };
    expect((await post(httpUrl, encodeAgentToServer(full(1)), headers)).status).toBe(200);
  });
});

test("other methods get 405 and other paths 404", async () => {
  const server = await startServer({ path: "/x" });
  const wrongMethod = await fetch(server.httpUrl);
  expect(wrongMethod.status).toBe(405);
  expect(wrongMethod.headers.get("allow")).toBe("POST");
  const wrongPath = await post(server.httpUrl.replace("/x", "/v1/opamp"), encodeAgentToServer(full(1)));
  expect(wrongPath.status).toBe(404);
  expect((await post(`${server.httpUrl}?key=1`, encodeAgentToServer(full(1)))).status).toBe(200);
});

test("a connection serves one request after the other", async () => {
  const server = await startServer();
  const { origin, pathname: path } = new URL(server.httpUrl);
  const client = new Client(origin);
  onTestFinished(() => client.destroy());
  const headers = { "content-type": "application/x-protobuf" };
  for (const sequenceNum of [1, 2]) {
    const body = encodeAgentToServer(full(sequenceNum));
    const answer = await client.request({ method: "POST", path, headers, body });
    await answer.body.dump();
  }
  expect(server.agent(uid()).messages.map(({ connection }) => connection)).toEqual([1, 1, 1, 1]);
  expect(server.sockets).toEqual({ open: 1, total: 1 });
});

test("requests of one agent that wait at the same time are counted", async () => {
  const releases: (() => void)[] = [];
  const server = await startServer({
    onMessage: () => new Promise((resolve) => releases.push(() => resolve(undefined))),
  });
  const answers = [exchange(server.httpUrl, full(1)), exchange(server.httpUrl, lean(2))];
  const agent = await server.agent(uid()).until(({ requests }) => requests.open === 2);
  for (const release of releases) release();
  await Promise.all(answers);
  expect(agent.requests).toEqual({ open: 0, total: 2, maxOpen: 2 });
  expect(server.requests).toEqual({ open: 0, total: 2, maxOpenPerAgent: 2 });
});

test("a request that its sender aborts is no longer counted, nor answered", async () => {
  const server = await startServer({ onMessage: () => null });
  const controller = new AbortController();
  const given = fetch(server.httpUrl, {
    method: "POST",
    body: new Uint8Array(encodeAgentToServer(full(1))),
    headers: { "content-type": "application/x-protobuf" },
    signal: controller.signal,
  });
  const agent = await server.agent(uid()).until(({ requests }) => requests.open === 1);
  controller.abort();
  await expect(given).rejects.toThrow();
  await agent.until(({ requests }) => requests.open === 0);
  expect(agent.sent).toEqual([]);
});
