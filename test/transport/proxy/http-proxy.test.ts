import type { IncomingMessage } from "node:http";
import { describe, expect, onTestFinished, test } from "vitest";
import { openFetch } from "../../../src/auth/token-request.js";
import { bodyOf, freePort, type RawServer, startHttp } from "../raw-servers.js";
import { connect, UID_TEXT } from "../recorder.js";

interface Seen {
  request: IncomingMessage;
  body: Buffer;
}

/** What stands where a proxy should, and answers every request itself. */
async function startProxy(status = 200, headers: Record<string, string> = {}): Promise<RawServer & { seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = await startHttp(async (request, response) => {
    seen.push({ request, body: await bodyOf(request) });
    response.writeHead(status, { "content-type": "application/x-protobuf", ...headers }).end(Uint8Array.of(7));
  });
  return { ...server, seen };
}

// A name that resolves nowhere: only the proxy can be asked.
const SERVER = "http://opamp.invalid:4320/v1/opamp?tenant=a";

describe("plain HTTP through an HTTP proxy", () => {
  test("is requested in absolute form, with the target's Host and the proxy's own headers", async () => {
    const proxy = await startProxy();
    const { transport, ear } = await connect(SERVER, {
      proxy: { url: `http://me:pass@${proxy.host}`, headers: { "X-Proxy": "yes" } },
      authorization: "Bearer mine",
    });
    for (const payload of [1, 2]) {
      transport.send(Uint8Array.of(payload));
      expect(await ear.payload()).toEqual([7]);
    }
    expect(proxy.seen.map(({ request, body }) => [request.method, request.url, ...body])).toEqual([
      ["POST", SERVER, 1],
      ["POST", SERVER, 2],
    ]);
    const { headers, headersDistinct } = proxy.seen[0]?.request ?? {};
    expect(headersDistinct?.host).toEqual(["opamp.invalid:4320"]);
    expect(headers).toMatchObject({
      "x-proxy": "yes",
      "proxy-authorization": `Basic ${Buffer.from("me:pass").toString("base64")}`,
      authorization: "Bearer mine",
      "opamp-instance-uid": UID_TEXT,
    });
    expect(proxy.sockets).toHaveLength(1);
  });

  test("is requested likewise by requests other than polls", async () => {
    const proxy = await startProxy();
    const url = "http://token.invalid:8080/token?x=1";
    const beside = await openFetch(new URL(url), {
      tls: undefined,
      proxy: { url: `http://me:pass@${proxy.host}`, headers: { "X-Proxy": "yes" } },
      keepAlive: false,
    });
    onTestFinished(() => beside.close());
    const response = await beside.fetch(url, { method: "POST", headers: { "x-own": "1" }, body: "a=b" });
    expect([...new Uint8Array(await response.arrayBuffer())]).toEqual([7]);
    const { request, body } = proxy.seen[0] ?? {};
    expect([request?.method, request?.url, String(body)]).toEqual(["POST", url, "a=b"]);
    expect(request?.headersDistinct.host).toEqual(["token.invalid:8080"]);
    expect(request?.headers).toMatchObject({
      "x-own": "1",
      "x-proxy": "yes",
      "proxy-authorization": `Basic ${Buffer.from("me:pass").toString("base64")}`,
    });
  });

  test("fails unsent if the proxy refuses the credentials", async () => {
    const proxy = await startProxy(407, { "proxy-authenticate": "Basic" });
    const { transport, ear } = await connect(SERVER, { proxy: { url: `http://me:secret@${proxy.host}` } });
    transport.send(Uint8Array.of(1));
    const { error, fate } = await ear.lost();
    expect({ fate, code: error.code, status: error.httpStatus }).toEqual({
      fate: "unsent",
      code: "ERR_OPAMP_PROXY",
      status: 407,
    });
    expect(`${error.message} ${error.hint}`).not.toContain("secret");
  });

  test("fails as a proxy error if the proxy is unreachable", async () => {
    const { transport, ear } = await connect(SERVER, { proxy: { url: `http://127.0.0.1:${await freePort()}` } });
    transport.send(Uint8Array.of(1));
    expect(await ear.lost()).toMatchObject({ fate: "unsent", error: { code: "ERR_OPAMP_PROXY" } });
  });
});
