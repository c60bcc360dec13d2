import { readFile } from "node:fs/promises";
import { expect, onTestFinished, test } from "vitest";
import { OpAMPError } from "../../src/errors.js";
import { FaultProxy, memoryTransport, OpAMPServer, testCertificates, virtualClock } from "../../src/testing/index.js";
import { uid } from "../server/bare-peers.js";
import { rejectionOf } from "./rejection.js";

// What callers in JavaScript get wrong, which the types would not let through.

type Call = (given: never) => unknown;

/** What a call throws, or what its promise rejects with. */
async function refusalOf(call: () => unknown): Promise<Error> {
  return rejectionOf((async () => call())());
}

async function expectRefusal(call: () => unknown, message: string): Promise<void> {
  const error = await refusalOf(call);
  expect(error).toBeInstanceOf(OpAMPError);
  expect(error).toMatchObject({ code: "ERR_OPAMP_OPTION" });
  expect(error.message).toContain(message);
}

const start: Call = (options) => OpAMPServer.start(options);
const startProxy: Call = (options) => FaultProxy.start(options);

test.each<[Call, unknown, string]>([
  [start, "4320", "options: must be an object, not string"],
  [start, { prot: 1 }, "prot: is not an option. Did you mean port?"],
  [start, { keepalive: true }, "keepalive: is not an option. Did you mean keepAlive?"],
  [start, { port: "4320" }, "port: must be a whole number from 0 to 65535, not string"],
  [start, { port: 70_000 }, "port: must be a whole number from 0 to 65535, not 70000"],
  [start, { host: 5 }, "host: must be a string, not number"],
  [start, { path: "opamp" }, "path: must begin with a slash"],
  [start, { capabilities: 3 }, "capabilities: must be a bigint, not number"],
  [start, { customCapabilities: "com.example.a" }, "customCapabilities: must be a list, not string"],
  [start, { customCapabilities: [5] }, "customCapabilities[0]: must be a string, not number"],
  [start, { maxMessageBytes: "1" }, "maxMessageBytes: must be a number, 0 or more, not string"],
  [start, { keepMessages: 1.5 }, "keepMessages: must be a whole number, 0 or more, or Infinity, not 1.5"],
  [start, { onMessage: {} }, "onMessage: must be a function, not object"],
  [start, { compression: "yes" }, "compression: must be true or false, not string"],
  [start, { clock: {} }, "clock.now: must be a function, not undefined"],
  [start, { auth: "secret" }, "auth: must be { bearer }, { basic }, { header, value } or a function, not string"],
  [start, { auth: { token: "secret" } }, "auth.token: is not an option; known are bearer, basic, header, value"],
  [start, { auth: { basic: { user: "me" } } }, "auth.basic.password: is required"],
  [start, { auth: { bearer: [5] } }, "auth.bearer[0]: must be a string, not number"],
  [start, { auth: { header: "x-key" } }, "auth.value: is required"],
  [start, { tls: { cert: "x" } }, "tls.key: is required"],
  [start, { tls: { cert: "x", key: "y", requestCert: true } }, "tls.requestCert: is not an option"],
  [start, { tls: { cert: "x", key: "y", requestClientCert: 1 } }, 'must be true, false or "require"'],
  [startProxy, undefined, "options: must be an object, not undefined"],
  [startProxy, {}, "target: is required"],
  [startProxy, { target: 5 }, "target: must be a URL, or an object with a port, not number"],
  [startProxy, { target: "127.0.0.1:4320" }, "target: is not a URL"],
  [startProxy, { target: { port: "4320" } }, "target.port: must be a whole number from 1 to 65535, not string"],
  [startProxy, { target: { port: 1 }, ports: 2 }, "ports: is not an option. Did you mean port?"],
  [startProxy, { target: { port: 1 }, random: 5 }, "random: must be a function, not number"],
  [testCertificates, { host: ["a"] }, "host: is not an option"],
  [testCertificates, { server: { host: ["a"] } }, "server.host: is not an option. Did you mean hosts?"],
  [testCertificates, { notAfter: "2020-01-01" }, "notAfter: must be a Date, not string"],
  [
    testCertificates,
    { client: { usage: "agent" } },
    'client.usage: must be one of "server", "client", "both", not "agent"',
  ],
  [(clock) => virtualClock(clock), "noon", "startMs: must be milliseconds since the Unix epoch"],
  [(server) => memoryTransport(server), {}, "server: must be an OpAMPServer, or a record of them by URL, not object"],
])("%o refuses %o", (call, given, message) => expectRefusal(() => call(given as never), message));

type ServerCall = (server: OpAMPServer, given: never) => unknown;

test.each<[string, ServerCall, unknown, string]>([
  ["setAuth", (server, auth) => server.setAuth(auth), "x", "auth: must be { bearer }"],
  ["setTls", (server, tls) => server.setTls(tls), {}, "tls: the server was started without TLS"],
  ["firstAgent", (server, given) => server.firstAgent(given), "5s", "server.firstAgent: must be given an object"],
  ["until", (server, given) => server.until(given), "5s", "server.until: must be given a function, not string"],
  ["revoke", (server, code) => server.revoke(code), 99, "code: must be a WebSocket close code"],
  ["refuseNext", (server, given) => server.refuseNext(given), 503, "refuseNext: must be an object, not number"],
  ["refuseNext", (server, given) => server.refuseNext(given), {}, "refuseNext.status: is required"],
  ["refuseNext", (server, given) => server.refuseNext(given), { status: 99 }, "a whole number from 200 to 599, not 99"],
  [
    "refuseNext",
    (server, given) => server.refuseNext(given),
    { status: 503, retryAfterMs: 1 },
    "refuseNext.retryAfterMs",
  ],
  [
    "refuseNext",
    (server, given) => server.refuseNext(given),
    { status: 503, retryAfter: "1" },
    "refuseNext.retryAfter",
  ],
  ["refuseNext", (server, given) => server.refuseNext({ status: 503 }, given), -1, "times: must be a whole number"],
  ["throttleNext", (server, given) => server.throttleNext(given), { retryAfter: 1 }, "Did you mean retryAfterMs?"],
  [
    "throttleNext",
    (server, given) => server.throttleNext(given),
    { transport: "wss" },
    'one of "ws", "http", not "wss"',
  ],
  ["misbehave", (server, given) => server.misbehave(given), "reset", "misbehave: must be given an object"],
  ["misbehave", (server, given) => server.misbehave(given), {}, "misbehave.mode: must be one of"],
  ["misbehave", (server, given) => server.misbehave(given), { mode: "redirect" }, 'not "redirect"'],
  [
    "misbehave",
    (server, given) => server.misbehave(given),
    { on: "reply", mode: "reset" },
    "misbehave.on: must be one of",
  ],
  ["misbehave", (server, given) => server.misbehave(given), { on: "connect", mode: "close" }, 'not "close"'],
  ["misbehave", (server, given) => server.misbehave(given), { mode: "reset", time: 2 }, "Did you mean times?"],
  ["misbehave", (server, given) => server.misbehave(given), { mode: "reset", times: -1 }, "misbehave.times: must be"],
  ["misbehave", (server, given) => server.misbehave(given), { mode: "close" }, "misbehave.code: is required"],
  ["misbehave", (server, given) => server.misbehave(given), { mode: "oversize", bytes: 0 }, "misbehave.bytes: must be"],
  [
    "misbehave on connect",
    (server, given) => server.misbehave(given),
    { on: "connect", mode: "reset", transport: "ws" },
    "misbehave.transport: is not an option",
  ],
])("a server's %s refuses a wrong value (%#)", async (_, call, given, message) => {
  await using server = await OpAMPServer.start();
  await expectRefusal(() => call(server, given as never), message);
});

type AgentCall = (agent: ReturnType<OpAMPServer["agent"]>, given: never) => unknown;

test.each<[string, AgentCall, unknown, string]>([
  ["offerConfig", (agent, given) => agent.offerConfig(given), "a: b", "files: must be a record of files by name"],
  [
    "offerConfig",
    (agent, given) => agent.offerConfig(given),
    { a: 5 },
    'files["a"]: must be a string, a Uint8Array or',
  ],
  ["offerConfig", (agent, given) => agent.offerConfig(given), { a: null }, "{ body, contentType }, not null"],
  [
    "offerConfig",
    (agent, given) => agent.offerConfig(given),
    { a: Promise.resolve("b") },
    "not a promise (is an await missing?)",
  ],
  ["offerConfig", (agent, given) => agent.offerConfig(given), { a: {} }, 'files["a"].body: is required'],
  [
    "offerConfig",
    (agent, given) => agent.offerConfig(given),
    { a: { body: 5 } },
    'files["a"].body: must be a string or',
  ],
  [
    "offerConfig",
    (agent, given) => agent.offerConfig(given),
    { a: { body: "", type: "x" } },
    'files["a"].type: is not',
  ],
  [
    "offerConfig",
    (agent, given) => agent.offerConfig({}, given),
    { hash: "ab" },
    "offerConfig.hash: must be a Uint8Array",
  ],
  [
    "offerHeartbeat",
    (agent, given) => agent.offerHeartbeat(given),
    "30s",
    "seconds: must be a whole number of seconds",
  ],
  [
    "sendCustom",
    (agent, given) => agent.sendCustom("com.example.a", "b", given),
    5,
    "data: must be a string or a Uint8Array",
  ],
  ["sendCustom", (agent, given) => agent.sendCustom(given, "b"), "nodots", "capability: must be a reverse domain name"],
  ["sendCustom", (agent, given) => agent.sendCustom(given, "b"), undefined, "capability: must be a string"],
  [
    "receiveCustom",
    (agent, given) => agent.receiveCustom("com.example.a", given),
    5,
    "type: must be a string, not number",
  ],
  [
    "receiveCustom",
    (agent, given) => agent.receiveCustom("com.example.a", "b", given),
    "5s",
    "must be given an object, not string",
  ],
  ["respondWithError", (agent, given) => agent.respondWithError(given), "busy", "type: must be a whole number"],
  ["misbehave", (agent, given) => agent.misbehave(given), { on: "connect", mode: "reset" }, 'must be "message", not'],
  ["send", (agent, given) => agent.send(given), "x", "send: must be given an object, not string"],
  ["send", (agent, given) => agent.send(given), { remotConfig: {} }, "Did you mean remoteConfig?"],
  ["sendRaw", (agent, given) => agent.sendRaw(given), "x", "bytes: must be a Uint8Array, not string"],
  ["sendText", (agent, given) => agent.sendText(given), 5, "text: must be a string, not number"],
  ["close", (agent, given) => agent.close(given), 1006, "code: must be a WebSocket close code"],
  ["close", (agent, given) => agent.close(1000, given), "x".repeat(124), "reason: must have at most 123 bytes"],
  ["hasApplied", (agent, given) => agent.hasApplied(given), "ab", "hash: must be a Uint8Array, not string"],
  ["hasFailed", (agent, given) => agent.hasFailed(given), "ab", "hash: must be a Uint8Array, not string"],
  ["until", (agent, given) => agent.until(() => true, given), 5, "agent.until: must be given an object, not number"],
])("an agent's %s refuses a wrong value (%#)", async (_, call, given, message) => {
  await using server = await OpAMPServer.start();
  await expectRefusal(() => call(server.agent(uid()), given as never), message);
});

type ProxyCall = (proxy: FaultProxy, given: never) => unknown;

test.each<[string, ProxyCall, unknown, string]>([
  ["latency", (proxy, given) => proxy.latency(given), "20", "ms: must be a number, 0 or more, not string"],
  [
    "latency",
    (proxy, given) => proxy.latency(1, given),
    { jitter: 1 },
    "latency.jitter: is not an option. Did you mean jitterMs",
  ],
  ["bandwidth", (proxy, given) => proxy.bandwidth(1, given), { direction: "left" }, 'one of "up", "down", not "left"'],
  ["blackhole", (proxy, given) => proxy.blackhole(given), "up", "blackhole: must be an object, not string"],
  ["cut", (proxy, given) => proxy.cut(given), { afterBytes: 5 }, "cut.afterBytes: is not an option"],
  ["cut", (proxy, given) => proxy.cut(given), { times: 5 }, "cut.times: goes with `after`"],
  ["reset", (proxy, given) => proxy.reset(given), { after: -1 }, "reset.after: must be a number, 0 or more, not -1"],
  ["corrupt", (proxy, given) => proxy.corrupt(given), 5, "corrupt: must be an object, not number"],
  ["halfClose", (proxy, given) => proxy.halfClose(given), {}, "halfClose.direction: must be one of"],
  ["refuse", (proxy, given) => proxy.refuse(given), "rest", 'refuse: must be one of "closed", "reset", not "rest"'],
  ["urlFor", (proxy, given) => proxy.urlFor(given), 5, "url: must be a URL"],
  ["until", (proxy, given) => proxy.until(given), 5, "proxy.until: must be given a function, not number"],
])("a proxy's %s refuses a wrong value (%#)", async (_, call, given, message) => {
  await using proxy = await FaultProxy.start({ target: { port: 1 } });
  await expectRefusal(() => call(proxy, given as never), message);
});

test("a memory transport refuses what is not an option, a number of times or a reason", async () => {
  const server = await OpAMPServer.start();
  onTestFinished(() => server.close());
  const wrong = (options: unknown) => () => memoryTransport(server, options as object);
  await expectRefusal(wrong({ duplexx: true }), "duplexx: is not an option. Did you mean duplex?");
  await expectRefusal(wrong({ duplex: 1 }), "duplex: must be true or false, not number");
  const transport = memoryTransport(server);
  await expectRefusal(() => transport.refuse(-1), "times: must be a whole number");
  const refuseWith = (reason: unknown) => () => transport.refuseWith(reason as { httpStatus: number });
  await expectRefusal(refuseWith(503), "reason: must be given an object such as { httpStatus }, not number");
  await expectRefusal(refuseWith({ status: 503 }), "reason.status: is not an option");
  await expectRefusal(refuseWith({ error: new Error("x") }), "reason.error: must be an OpAMPError, not Error");
});

test("an issued certificate refuses what is not an option", async () => {
  const { issue } = await testCertificates();
  await expectRefusal(() => issue({ hosts: "localhost" as never }), "issue.hosts: must be a list, not string");
  await expectRefusal(() => issue({ host: ["a"] } as object), "issue.host: is not an option. Did you mean hosts?");
});

test("the hint leads to what each option takes, those of the kit and those of the client", async () => {
  const error = await refusalOf(() => OpAMPServer.start({ signingRequests: { issue: "later" } } as object));
  expect(error).toHaveProperty("hint", "docs/api of the package says what each option takes");
  const described = async (file: string) => readFile(new URL(`../../docs/api/${file}`, import.meta.url), "utf8");
  expect(await described("testing.md")).toContain("SigningRequestsOptions");
  expect(await described("index.md")).toContain("OpAMPClientOptions");
});

test("no credential shows in the error about its option", async () => {
  const error = await refusalOf(() => OpAMPServer.start({ auth: { bearer: "hunter2", extra: "hunter2" } as never }));
  expect(`${error.message} ${error.stack}`).not.toContain("hunter2");
});
