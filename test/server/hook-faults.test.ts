import { describe, expect, test } from "vitest";
import type { OpAMPServerOptions } from "../../src/testing/index.js";
import { OpAMPServer } from "../../src/testing/index.js";
import { encodeAgentToServer } from "../../src/wire/codec.js";
import { rejectionOf } from "../testing/rejection.js";
import { exchange, full, post, uid } from "./bare-peers.js";
import { refusedUpgrade } from "./raw-peers.js";
import { startServer } from "./server-fixture.js";

const NOW = { timeoutMs: 0 };
const broken = (): never => {
  throw new Error("broken hook");
};

/** What hooks written in JavaScript do, which the types refuse. */
function untyped(options: Record<string, unknown>): OpAMPServerOptions {
  return options;
}

async function textOf(wait: Promise<unknown>): Promise<string> {
  return (await rejectionOf(wait)).message;
}

const asks: [string, Record<string, unknown>, string][] = [
  ["onConnect throws", { onConnect: broken }, 'onConnect threw: "broken hook", 2 times'],
  ["onConnect returns a number", { onConnect: () => 503 }, "an object such as { status: 503 }, not number"],
  ["onConnect returns false", { onConnect: () => false }, "an object such as { status: 503 }, not boolean"],
  [
    "onConnect is async",
    { onConnect: async () => undefined },
    'onConnect returned what it must not: "a promise: it must not be async"',
  ],
  [
    "onConnect rejects",
    { onConnect: async () => broken() },
    'onConnect returned what it must not: "a promise: it must not be async"',
  ],
  [
    "onConnect misspells",
    { onConnect: () => ({ statusCode: 503 }) },
    "refusal.statusCode: is not an option; known are status",
  ],
  ["onConnect names a header with a space", { onConnect: () => ({ status: 503, headers: { "a b": "" } }) }, "a b"],
  ["onConnect returns a line break", { onConnect: () => ({ status: 503, headers: { a: "b\r\nc" } }) }, "must not have"],
  ["onConnect returns a text to wait", { onConnect: () => ({ status: 503, retryAfter: "5" }) }, "refusal.retryAfter"],
  ["auth throws", { auth: broken }, 'auth threw: "broken hook", 2 times'],
  ["auth is async", { auth: async () => true }, 'auth returned what it must not: "a promise: it must not be async"'],
  ["auth returns a number", { auth: () => 1 }, "an object such as { status: 503 }, not number"],
  ["auth returns a header that Node refuses", { auth: () => ({ status: 401, headers: { a: "–" } }) }, "must not have"],
];

test.each(asks)("%s: the answer is 500, and a wait tells why", async (_, options, told) => {
  const server = await startServer(untyped(options));
  expect((await refusedUpgrade(server.url)).statusCode).toBe(500);
  expect((await post(server.httpUrl, encodeAgentToServer(full(1)))).status).toBe(500);
  expect(await textOf(server.firstAgent(NOW))).toContain(told);
});

test.each([
  ["throws", broken, 'onMessage threw: "broken hook"'],
  ["rejects", () => Promise.reject(new Error("token=abcd1234")), 'onMessage rejected: "token=[REDACTED]"'],
  ["misspells", () => ({ flag: 1n }), "reply.flag: is not an option. Did you mean flags?"],
  ["misspells later", async () => ({ flag: 1n }), "reply.flag: is not an option. Did you mean flags?"],
  ["returns a number", () => 5, "not number"],
  ["returns what cannot be encoded", () => ({ flags: -1n }), "onMessage returned what cannot be sent"],
])("onMessage %s: the answer is an error, and a wait tells why", async (_, onMessage, told) => {
  const server = await startServer(untyped({ onMessage }));
  expect(await exchange(server.httpUrl, full(1))).toMatchObject({ errorResponse: { type: 0 } });
  expect(await textOf(server.agent(uid()).until(() => false, NOW))).toContain(told);
  expect(await textOf(server.until(() => false, NOW))).toContain(told);
});

test("a function for auth that returns nothing asks for credentials", async () => {
  const server = await startServer(untyped({ auth: () => undefined }));
  expect((await post(server.httpUrl, encodeAgentToServer(full(1)))).status).toBe(401);
});

test("of many faults the newest are told", async () => {
  let calls = 0;
  const onConnect = () => {
    throw new Error(`fault ${++calls}`);
  };
  const server = await startServer({ onConnect });
  for (let attempt = 0; attempt < 7; attempt += 1) await fetch(server.httpUrl, { method: "POST" });
  const told = (await textOf(server.firstAgent(NOW))).match(/fault \d/g);
  expect(told).toEqual(["fault 3", "fault 4", "fault 5", "fault 6", "fault 7"]);
});

describe("refuseNext", () => {
  test.each([
    ["a name with a space", { "Retry After": "1" }, /^refuseNext\.headers\["Retry After"\]: is not a valid name/],
    ["an empty name", { "": "1" }, /^refuseNext\.headers\[""\]: is not a valid name/],
    ["a line break", { a: "a\r\nb" }, /^refuseNext\.headers\["a"\]: has characters that a header must not have/],
    ["a dash", { a: "grün – ✓" }, /^refuseNext\.headers\["a"\]: has characters that a header must not have/],
  ])("refuses %s in a header at the call", async (_, headers, message) => {
    const server = await startServer();
    expect(() => server.refuseNext({ status: 503, headers })).toThrow(
      expect.objectContaining({ code: "ERR_OPAMP_OPTION", message: expect.stringMatching(message) }),
    );
  });

  test("is like a redirect, whose target is a header too", async () => {
    const server = await startServer();
    const order = () => server.misbehave({ on: "request", mode: "redirect", to: "http://grün – ✓" });
    expect(order).toThrow(/^misbehave\.to: has characters that a header must not have/);
  });

  test("answers 500 where Node refuses headers that contradict each other", async () => {
    const server = await startServer();
    server.refuseNext({ status: 503, headers: { trailer: "a", "content-length": "1" } }, 2);
    expect((await refusedUpgrade(server.url)).statusCode).toBe(500);
    const answer = await fetch(server.httpUrl, { method: "POST" });
    expect([answer.status, await answer.text()]).toEqual([500, expect.stringContaining("cannot answer with 503")]);
  });
});

test.each([
  ["is async", async () => true, "must not be async"],
  // biome-ignore lint/suspicious/noThenProperty: a promise of another library.
  ["returns a thenable", () => ({ then: () => undefined }), "must not be async"],
  ["rejects", () => Promise.reject(new Error("unheard")), "must not be async"],
  ["returns a function", () => () => true, "the predicate returned a function: call it"],
])("a predicate that %s is refused", async (_, predicate, message) => {
  const server = await OpAMPServer.start();
  const wait = Reflect.apply(server.until, server, [predicate, NOW]);
  await expect(wait).rejects.toMatchObject({ code: "ERR_OPAMP_OPTION", message: expect.stringContaining(message) });
  await server.close();
});
