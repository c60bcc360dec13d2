import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import { fetch } from "undici";
import { describe, expect, test } from "vitest";
import { WebSocket } from "ws";
import { Arrivals } from "../../transport/arrivals.js";
import { bodyOf, freePort, startHttp, startWebSocket } from "../../transport/raw-servers.js";
import { startBlockingGateway, type UpgradePolicy } from "./blocking-gateway.js";
import { startForwarder } from "./forwarder.js";

async function startEcho(): Promise<{ host: string; requests: Arrivals<IncomingMessage> }> {
  const requests = new Arrivals<IncomingMessage>();
  const { host } = await startHttp(async (request, response) => {
    requests.push(request);
    response.writeHead(201, { "retry-after": "3", "keep-alive": "timeout=7" });
    response.end(Buffer.concat([Buffer.from("echo "), await bodyOf(request)]));
  });
  return { host, requests };
}

/** How an upgrade ends: `open`, or a text that says what was answered. */
async function upgrade(url: string): Promise<string> {
  const webSocket = new WebSocket(url);
  const ended = new Promise<string>((resolve) => {
    webSocket.on("open", () => resolve("open"));
    webSocket.on("error", ({ message }) => resolve(message));
  });
  const outcome = await ended;
  webSocket.terminate();
  return outcome;
}

describe("a forwarder", () => {
  test("passes on method, path, headers and body, and the answer's status, headers and body", async () => {
    const server = await startEcho();
    const forwarder = await startForwarder(`http://${server.host}/v1/opamp`);
    expect(forwarder.url).toBe(`http://${forwarder.host}/v1/opamp`);
    const response = await fetch(`${forwarder.url}?x=1`, {
      method: "POST",
      body: "hello",
      headers: { "opamp-instance-uid": "abc", authorization: "Bearer t" },
    });
    expect(response.status).toBe(201);
    expect(response.headers.get("retry-after")).toBe("3");
    expect(await response.text()).toBe("echo hello");
    expect(forwarder.requests.all).toMatchObject([{ method: "POST", path: "/v1/opamp?x=1" }]);
    const { method, url, headers } = await server.requests.next();
    expect({ method, url }).toEqual({ method: "POST", url: "/v1/opamp?x=1" });
    expect(headers).toMatchObject({
      host: server.host,
      via: "1.1 test-forwarder",
      "opamp-instance-uid": "abc",
      authorization: "Bearer t",
    });
  });

  test("removes hop-by-hop headers", async () => {
    const server = await startEcho();
    const forwarder = await startForwarder(`http://${server.host}/`);
    const response = await fetch(forwarder.url, { headers: { te: "trailers", "proxy-authorization": "Basic x" } });
    expect(response.headers.get("keep-alive")).not.toBe("timeout=7");
    const { headers } = await server.requests.next();
    expect(Object.keys(headers)).not.toEqual(expect.arrayContaining(["te"]));
    expect(Object.keys(headers)).not.toEqual(expect.arrayContaining(["proxy-authorization"]));
  });

  test("answers 502 when the target is unreachable", async () => {
    const forwarder = await startForwarder(`http://127.0.0.1:${await freePort()}/`);
    expect(await fetch(forwarder.url)).toMatchObject({ status: 502 });
  });
});

describe("a gateway in the way of upgrades", () => {
  test("carries plain HTTP", async () => {
    const server = await startEcho();
    const gateway = await startBlockingGateway(`http://${server.host}/v1/opamp`);
    const response = await fetch(gateway.url("http"), { method: "POST", body: "hello" });
    expect(await response.text()).toBe("echo hello");
    expect(await server.requests.next()).toMatchObject({ url: "/v1/opamp", headers: { via: "1.1 test-gateway" } });
    expect(gateway.seen).toEqual({ upgrades: 0, requests: 1 });
  });

  test.each<[string, UpgradePolicy, string]>([
    ["refuses them with a status", 426, "Unexpected server response: 426"],
    ["makes plain requests of them", "strip", "Unexpected server response: 201"],
    ["closes the connection", "close", "socket hang up"],
  ])("%s", async (_, policy, outcome) => {
    const server = await startEcho();
    const gateway = await startBlockingGateway(`http://${server.host}/`, policy);
    expect(await upgrade(gateway.url("ws"))).toBe(outcome);
    expect(gateway.seen).toEqual({ upgrades: 1, requests: 0 });
  });

  test("leaves them unanswered", async () => {
    const gateway = await startBlockingGateway("http://127.0.0.1:1/", "hang");
    const webSocket = new WebSocket(gateway.url("ws"), { handshakeTimeout: 50 });
    const [error] = await once(webSocket, "error");
    expect(error).toMatchObject({ message: "Opening handshake has timed out" });
    expect(gateway.seen.upgrades).toBe(1);
  });

  test("can be opened, and closed again with the connections that passed", async () => {
    const server = await startWebSocket();
    const gateway = await startBlockingGateway(`http://${server.host}/`);
    gateway.upgrades = "pass";
    const webSocket = new WebSocket(gateway.url("ws"));
    const accepted = await server.accepted.next();
    webSocket.on("open", () => webSocket.send("hello"));
    const [message] = await once(accepted.socket, "message");
    expect(String(message)).toBe("hello");
    gateway.upgrades = 403;
    const closed = once(
      webSocket.on("error", () => undefined),
      "close",
    );
    gateway.drop();
    await closed;
    expect(await upgrade(gateway.url("ws"))).toBe("Unexpected server response: 403");
  });
});
