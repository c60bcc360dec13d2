import { once } from "node:events";
import { request as sendRequest } from "node:http";
import { request as sendSecureRequest } from "node:https";
import type { Socket } from "node:net";
import { testCertificates } from "opamp-client/testing";
import { type Dispatcher, ProxyAgent, request } from "undici";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { bodyOf, freePort, startHttp, startWebSocket } from "../../transport/raw-servers.js";
import { type HttpProxy, startHttpProxy } from "./http-proxy.js";

type Certificates = Awaited<ReturnType<typeof testCertificates>>;

let certificates: Certificates;
beforeAll(async () => {
  certificates = await testCertificates();
});

/** A client's way through the proxy, which ends with the test. */
function through(proxy: HttpProxy, options: Partial<ProxyAgent.Options> = {}): Dispatcher {
  const agent = new ProxyAgent({
    uri: proxy.url,
    proxyTls: { ca: certificates.ca, servername: "localhost" },
    ...options,
  });
  onTestFinished(() => agent.destroy());
  return agent;
}

/** Sends a CONNECT of its own. @returns the answer's status, and the tunnel */
async function connectBy(proxy: HttpProxy, path: string): Promise<{ status: number; socket: Socket }> {
  const send = proxy.url.startsWith("https:") ? sendSecureRequest : sendRequest;
  const sent = send(`${proxy.url}/`, { method: "CONNECT", path, ca: certificates.ca, servername: "localhost" });
  const [answer, socket] = await once(sent.end(), "connect");
  return { status: answer.statusCode, socket };
}

async function startEcho(): Promise<string> {
  const server = await startHttp(async (incoming, response) => {
    response.setHeader("seen", JSON.stringify(incoming.headers));
    response.end(Buffer.concat([Buffer.from("echo "), await bodyOf(incoming)]));
  });
  return server.host;
}

describe.each(["http", "https"])("an %s proxy", (scheme) => {
  const start = (options: Parameters<typeof startHttpProxy>[0] = {}): Promise<HttpProxy> =>
    startHttpProxy(scheme === "https" ? { tls: certificates.server, ...options } : options);

  test("tunnels an undici request, whatever the name resolves to", async () => {
    const proxy = await start();
    const port = (await startEcho()).split(":")[1];
    const response = await request(`http://opamp.test:${port}/x`, {
      dispatcher: through(proxy, { proxyTunnel: true }),
      method: "POST",
      body: "hello",
    });
    expect(await response.body.text()).toBe("echo hello");
    expect(proxy.connects.all).toMatchObject([{ method: "CONNECT", target: `opamp.test:${port}` }]);
    expect(proxy.forwards.all).toEqual([]);
  });

  test("forwards a request in absolute form, without its proxy headers", async () => {
    const proxy = await start({ auth: "user:secret" });
    const port = (await startEcho()).split(":")[1];
    const send = scheme === "https" ? sendSecureRequest : sendRequest;
    const headers = {
      host: `opamp.test:${port}`,
      "opamp-instance-uid": "abc",
      "proxy-authorization": `Basic ${btoa("user:secret")}`,
    };
    const sent = send(proxy.url, {
      method: "POST",
      path: `http://opamp.test:${port}/x?y=1`,
      headers,
      ca: certificates.ca,
      servername: "localhost",
    });
    const [response] = await once(sent.end("hello"), "response");
    expect(String(await bodyOf(response))).toBe("echo hello");
    expect(proxy.forwards.all).toMatchObject([{ method: "POST", target: `http://opamp.test:${port}/x?y=1` }]);
    const seen = JSON.parse(response.headers.seen);
    expect(seen).toMatchObject({ host: `opamp.test:${port}`, "opamp-instance-uid": "abc", via: "1.1 test-proxy" });
    expect(Object.keys(seen)).not.toContain("proxy-authorization");
  });

  test("handles undici's own proxy requests", async () => {
    const proxy = await start();
    const host = await startEcho();
    const dispatcher = through(proxy, { proxyTunnel: false });
    const { body } = await request(`http://${host}/`, { dispatcher, method: "POST", body: "hello" });
    expect(await body.text()).toBe("echo hello");
    // To an https proxy undici speaks in tunnels only.
    expect([proxy.connects.all.length, proxy.forwards.all.length]).toEqual(scheme === "https" ? [1, 0] : [0, 1]);
  });

  test("tunnels a WebSocket", async () => {
    const proxy = await start();
    const server = await startWebSocket();
    const { status, socket } = await connectBy(proxy, server.host);
    expect(status).toBe(200);
    const webSocket = new WebSocket(`ws://${server.host}/`, { createConnection: () => socket });
    const accepted = await server.accepted.next();
    webSocket.on("open", () => webSocket.send("hello"));
    const [message] = await once(accepted.socket, "message");
    expect(String(message)).toBe("hello");
    webSocket.terminate();
  });

  test("requires a login and names the scheme", async () => {
    const proxy = await start({ auth: "user:secret" });
    expect(await connectBy(proxy, "opamp.test:1")).toMatchObject({ status: 407 });
    const send = scheme === "https" ? sendSecureRequest : sendRequest;
    const [response] = await once(send(`${proxy.url}/x`, { ca: certificates.ca }).end(), "response");
    response.resume();
    expect(response).toMatchObject({ statusCode: 407, headers: { "proxy-authenticate": 'Basic realm="test"' } });
  });

  test("refuses with a given status until changed", async () => {
    const proxy = await start({ refuse: 503 });
    const host = await startEcho();
    expect(await connectBy(proxy, host)).toMatchObject({ status: 503 });
    proxy.behave({ refuse: undefined });
    const { status, socket } = await connectBy(proxy, host);
    expect(status).toBe(200);
    socket.destroy();
  });

  test("reports that a target is unreachable", async () => {
    const proxy = await start();
    const port = await freePort();
    expect(await connectBy(proxy, `opamp.test:${port}`)).toMatchObject({ status: 502 });
  });

  test("answers with garbage if configured so", async () => {
    const proxy = await start({ garbage: true });
    await expect(connectBy(proxy, "opamp.test:1")).rejects.toThrow("Expected HTTP/");
  });

  test("hangs if configured so", async () => {
    const proxy = await start({ hang: true });
    const send = scheme === "https" ? sendSecureRequest : sendRequest;
    const sent = send(`${proxy.url}/`, { method: "CONNECT", path: "opamp.test:1", ca: certificates.ca });
    const answers: unknown[] = [];
    sent.on("connect", (answer) => answers.push(answer)).end();
    const failed = once(sent, "error");
    expect(await proxy.connects.next()).toMatchObject({ target: "opamp.test:1" });
    sent.destroy();
    expect([await failed, answers]).toMatchObject([[{ code: "ECONNRESET" }], []]);
  });
});
