import { connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { testCertificates } from "../../src/testing/index.js";
import { encodeAgentToServer, frame } from "../../src/wire/codec.js";
import { BareSocket, full, lean, post, UID_TEXT, uid } from "../server/bare-peers.js";
import { dial, startServer } from "../server/server-fixture.js";
import { meetInMemory } from "./failing-waits.js";
import { rejectionOf } from "./rejection.js";

const NOW = { timeoutMs: 0 };
const never = (): boolean => false;

async function textOf(wait: Promise<unknown>): Promise<string> {
  return (await rejectionOf(wait)).message;
}

test("a wait for an agent that never spoke says what the server has seen", async () => {
  const server = await startServer();
  await post(server.httpUrl, encodeAgentToServer(full(1, { instanceUid: uid(2) })));
  await fetch(server.httpUrl.replace("/v1/opamp", "/elsewhere"), { method: "POST" });
  const text = await textOf(server.agent(uid()).until(never, NOW));
  expect(text).toContain(`agent ${UID_TEXT} has not said anything`);
  expect(text).toContain('2 attempts: 200, 404 for "/elsewhere"');
  expect(text).toContain(`other agents: agent ${UID_TEXT.slice(0, -1)}2 polls over HTTP`);
});

test("attempts that nobody answered and connections without an attempt are told", async () => {
  const server = await startServer();
  const idle = connect(server.port, "127.0.0.1");
  onTestFinished(() => void idle.destroy());
  await server.until(({ sockets }) => sockets.open === 1);
  expect(await textOf(server.firstAgent(NOW))).toContain("no attempt came in, over 1 TCP connection");
  server.misbehave({ on: "request", mode: "hang-up" });
  await fetch(server.httpUrl, { method: "POST" }).catch(() => undefined);
  expect(await textOf(server.firstAgent(NOW))).toContain("1 attempt: no answer");
});

test("of many attempts the last are told", async () => {
  const server = await startServer({ onConnect: () => ({ status: 503 }) });
  for (let attempt = 0; attempt < 12; attempt += 1) await fetch(server.httpUrl, { method: "POST" });
  const text = await textOf(server.firstAgent(NOW));
  expect(text).toContain(`12 attempts, the last 10: ${Array(10).fill("503").join(", ")}`);
});

test("custom messages and a restart that the agent takes no notice of are told", async () => {
  const server = await startServer();
  const peer = await dial(server);
  await peer.exchange(full(1, { customMessage: { capability: "com.example.ping", type: "Pong" } }));
  const agent = server.agent(uid());
  agent.sendCustom("com.example.other", "ping");
  agent.restart();
  const text = await textOf(agent.until(never, NOW));
  expect(text).toContain('custom messages that came: "com.example.ping" "Pong"');
  expect(text).toContain('a custom message was sent, but the agent has not announced "com.example.other"');
  expect(text).toContain("a restart was sent, but the agent does not accept it (no `restart` option)");
});

test("input that could not be read is told with its reason", async () => {
  const server = await startServer();
  const peer = await dial(server);
  peer.socket.send("hello");
  await server.until(({ malformed }) => malformed.length === 1);
  expect(await textOf(server.firstAgent(NOW))).toContain('malformed input 1: "a WebSocket text message"');
});

test("the state of an agent is told: gaps, a former uid, what waits for it and what it will suffer", async () => {
  const server = await startServer();
  const peer = await dial(server);
  await peer.exchange(full(1));
  await peer.exchange(full(3, { instanceUid: uid() }));
  const agent = server.agent(uid());
  agent.assignUid(uid(9));
  await peer.next();
  await peer.exchange(lean(4, { instanceUid: uid(9) }));
  agent.respondWithError(0, "busy");
  agent.misbehave({ mode: "reset", times: 3 });
  const text = await textOf(agent.until(never, NOW));
  expect(text).toContain(
    `agent ${UID_TEXT.slice(0, -1)}9 is connected, last sequence_num 4, gaps 1, formerly ${UID_TEXT}`,
  );
  expect(text).toContain("waiting for the agent's next message: 1 of the server");
  expect(text).toContain("still to come for this agent: misbehave on message: reset, 3 times");
});

test("what an agent says of itself is told without secrets and on one line each", async () => {
  const server = await startServer();
  const peer = await dial(server);
  const broken = { healthy: false, status: "StatusPermanentError", lastError: "no route\nto password=hunter2" };
  await peer.exchange(
    full(1, {
      health: { healthy: false, lastError: "ill", componentHealthMap: { well: { healthy: true }, pipe: broken } },
      connectionSettingsStatus: {
        status: 3,
        lastConnectionSettingsHash: uid(),
        errorMessage: "token=abcd1234 expired",
      },
      packageStatuses: { packages: { top: { name: "top", status: 3, errorMessage: "disk full" } } },
      customCapabilities: { capabilities: ["com.example.a"] },
    }),
  );
  const text = await textOf(server.agent(uid()).until(never, NOW));
  expect(text).not.toMatch(/hunter2|abcd1234/);
  expect(text.split("\n").slice(1)).toEqual([
    expect.stringContaining("is connected"),
    "  reported: description, health, package statuses, connection settings status",
    '  health: not healthy, error "ill"; "pipe" not healthy, status "StatusPermanentError", error "no route\\\\nto password=[REDACTED]"',
    '  package "top": install failed, error "disk full"',
    '  custom capabilities: "com.example.a"',
    "  remote config: none on offer, nothing reported on it",
    '  connection settings: none on offer, reported failed 00010203, error "token=[REDACTED] expired"',
    "  nothing was offered here: for what another server offered, give its hash, as in hasAppliedSettings(hash)",
    `  server on port ${server.port}: 1 attempt: 101`,
  ]);
});

test("an offer over HTTP that waits for the next poll is told so", async () => {
  const server = await startServer();
  await post(server.httpUrl, encodeAgentToServer(full(1)));
  const agent = server.agent(uid());
  agent.offerConfig({ a: "b" });
  expect(await textOf(agent.until(never, NOW))).toMatch(/remote config: [0-9a-f]{8} on offer, not sent yet/);
});

test("an agent that withholds the status of its config is told so", async () => {
  const { agent } = await meetInMemory({
    remoteConfig: { apply: () => undefined },
    withhold: ["reportsRemoteConfig"],
  });
  agent.offerConfig({ a: "b" });
  expect(await textOf(agent.until(never, NOW))).toContain("does not report what becomes of it");
});

test("a wait for a custom message says which", async () => {
  const { agent } = await meetInMemory();
  expect(await textOf(agent.receiveCustom("com.example.a", "pong", NOW))).toContain(
    'agent.receiveCustom("com.example.a", "pong") timed out after 0 ms',
  );
});

test("an agent that has disconnected, or is not connected, is told so", async () => {
  const server = await startServer();
  const peer = await BareSocket.open(server.url);
  await peer.exchange(full(1));
  const agent = server.agent(uid());
  peer.socket.terminate();
  await agent.until(({ connected }) => !connected);
  expect(await textOf(agent.until(never, NOW))).toContain(`agent ${UID_TEXT} is not connected`);
  const other = await dial(server);
  other.socket.send(frame(encodeAgentToServer(lean(2, { agentDisconnect: {} }))));
  await agent.until(({ disconnected }) => disconnected);
  expect(await textOf(agent.until(never, NOW))).toContain(`agent ${UID_TEXT} has disconnected`);
});

test("a TLS handshake that failed is told with its reason", async () => {
  const { server: tls } = await testCertificates();
  const server = await startServer({ tls });
  const plain = connect(server.port, "127.0.0.1", () => plain.write("POST / HTTP/1.1\r\n\r\n"));
  plain.on("error", () => undefined);
  onTestFinished(() => void plain.destroy());
  await server.until(({ tlsFailures }) => tlsFailures.length === 1);
  expect(await textOf(server.firstAgent(NOW))).toContain('TLS handshake 1: "a TLS handshake failed: ');
});

test("a wait for the wrong one of two agents names the other", async () => {
  const server = await startServer();
  const [one, other] = [await dial(server), await dial(server)];
  await one.exchange(full(1));
  await other.exchange(full(1, { instanceUid: uid(2) }));
  const text = await textOf(server.agent(uid()).until(never, NOW));
  const name = UID_TEXT.slice(0, -1);
  expect(text).toContain(`other agents: agent ${name}2 is connected`);
});
