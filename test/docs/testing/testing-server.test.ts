import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import {
  type ConnectMisbehaviour,
  type MessageMisbehaviour,
  OpAMPServer,
  type RequestMisbehaviour,
} from "../../../src/testing/index.js";
import { runSnippet, snippetNamed } from "../snippets.js";

async function run(name: string): Promise<{ server: OpAMPServer; values: Readonly<Record<string, unknown>> }> {
  const values = await runSnippet(snippetNamed(name));
  const { server } = values;
  if (!(server instanceof OpAMPServer)) throw new Error("the snippet makes no server");
  expect(server.sockets.open).toBe(0);
  return { server, values };
}

test.concurrent("the page's server and client close themselves", async () => {
  const { values } = await run("server-using");
  expect(values["agent"]).toMatchObject({ disconnected: true });
});

test.concurrent("the page's agent presents its certificate and survives a rotation of credentials", async () => {
  const { server, values } = await run("server-tls-auth");
  expect(values["shown"]).toBe("CN=test client");
  expect(server.attempts.filter(({ status }) => status === 101)).toHaveLength(2);
});

test.concurrent("the page's agent keeps the pause that it is asked for", async () => {
  const { server, values } = await run("server-throttling");
  expect(server.attempts.map(({ status }) => status)).toEqual([503, 101]);
  expect(values["pauseMs"]).toBeGreaterThanOrEqual(1000);
});

test.concurrent("the page's agent gets over each misbehaviour", async () => {
  const { server } = await run("server-misbehaviour");
  expect(server.sockets.total).toBe(4);
  expect(server.attempts.map(({ status }) => status)).toEqual([undefined, 101, 101]);
});

test.concurrent("the page names every misbehaviour", async () => {
  const connect = { silence: 1, garbage: 1, "hang-up": 1, reset: 1 } satisfies Record<ConnectMisbehaviour["mode"], 1>;
  const request = { ...connect, redirect: 1 } satisfies Record<RequestMisbehaviour["mode"], 1>;
  const message = { ...connect, oversize: 1, close: 1 } satisfies Record<MessageMisbehaviour["mode"], 1>;
  const page = await readFile(new URL("../../../docs/testing.md", import.meta.url), "utf8");
  const modesOf = (on: string) => {
    const row = page.split("\n").find((line) => line.startsWith(`| \`"${on}"\``));
    return [...(row?.split("|")[2]?.matchAll(/`([^`]+)`/g) ?? [])].map(([, mode]) => mode);
  };
  expect(modesOf("connect")).toEqual(Object.keys(connect));
  expect([...modesOf("connect"), ...modesOf("request")]).toEqual(Object.keys(request));
  expect(modesOf("message")).toEqual(Object.keys(message));
});

test.concurrent("the page's hour of virtual time passes at once", async () => {
  const { values } = await run("virtual-time");
  expect(values["dialsWithinTheHour"]).toBe(1);
  expect(values["agent"]).toMatchObject({ disconnected: true });
});
