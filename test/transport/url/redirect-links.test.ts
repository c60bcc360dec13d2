import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { describe, expect, test } from "vitest";
import { testCertificates } from "../../../src/testing/certificates.js";
import { CLOSE_NOW } from "../../../src/transport/transport.js";
import { bodyOf, freePort, type RawServer, startHttp, startWebSocket } from "../raw-servers.js";
import { connect, dial, type TestSettings, UID_TEXT } from "../recorder.js";

const PROTOBUF = { "content-type": "application/x-protobuf" };
const SECRETS = { authorization: "Bearer secret", headers: { cookie: "session=secret", "x-api-key": "secret" } };

interface Taken {
  request: IncomingMessage;
  body: Buffer;
}

/** An HTTP server that redirects some paths and answers the others with one byte. */
async function serve(
  locations: Readonly<Record<string, string>>,
  status = 307,
): Promise<RawServer & { taken: Taken[] }> {
  const taken: Taken[] = [];
  const answer = (request: IncomingMessage, body: Buffer, response: ServerResponse): void => {
    taken.push({ request, body });
    const location = locations[request.url ?? ""];
    if (location === undefined) response.writeHead(200, PROTOBUF).end(Uint8Array.of(7));
    else response.writeHead(status, { location }).end("elsewhere");
  };
  const server = await startHttp((request, response) => {
    void bodyOf(request).then((body) => answer(request, body, response));
  });
  return { ...server, taken };
}

const pathsOf = (taken: readonly Taken[]): string[] => taken.map(({ request }) => request.url ?? "");

describe("a redirect over HTTP", () => {
  test.each([301, 302, 307, 308])("with %i repeats the POST with its body on the same connection", async (status) => {
    const server = await serve({ "/a": "/b?x=1" }, status);
    const { transport, ear } = await connect(`http://${server.host}/a`, SECRETS);
    transport.send(Uint8Array.of(1, 2));
    expect(await ear.payload()).toEqual([7]);
    expect(server.taken.map(({ request, body }) => [request.method, request.url, [...body]])).toEqual([
      ["POST", "/a", [1, 2]],
      ["POST", "/b?x=1", [1, 2]],
    ]);
    expect(server.taken[1]?.request.headers).toMatchObject({ ...SECRETS.headers, authorization: "Bearer secret" });
    expect(server.sockets).toHaveLength(1);
  });

  test("to another origin has the message without the credentials", async () => {
    const target = await serve({});
    const guide = await serve({ "/": `http://${target.host}/there` });
    const { transport, ear } = await connect(`http://${guide.host}/`, SECRETS);
    transport.send(Uint8Array.of(1));
    expect(await ear.payload()).toEqual([7]);
    const { request, body } = target.taken[0] ?? {};
    expect([...(body ?? [])]).toEqual([1]);
    expect(request?.headers).toMatchObject({ ...PROTOBUF, "opamp-instance-uid": UID_TEXT, host: target.host });
    expect(JSON.stringify(request?.rawHeaders)).not.toContain("secret");
  });

  test("is not cached, and each origin's connection is reused", async () => {
    const target = await serve({});
    const guide = await serve({ "/": `http://${target.host}/there` }, 301);
    const { transport, ear } = await connect(`http://${guide.host}/`);
    for (let i = 0; i < 3; i++) {
      transport.send(Uint8Array.of(i));
      await ear.payload();
    }
    expect([guide.taken.length, target.taken.length]).toEqual([3, 3]);
    expect([guide.sockets.length, target.sockets.length]).toEqual([1, 1]);
    const closed = Promise.all([guide, target].map(({ sockets: [socket] }) => socket && once(socket, "close")));
    transport.close(CLOSE_NOW, "enough");
    await closed;
  });

  test("in a loop ends", async () => {
    const server = await serve({ "/a": "/b", "/b": "/a" });
    const { transport, ear } = await connect(`http://${server.host}/a`, { maxRedirects: 3 });
    transport.send(Uint8Array.of(1));
    const { error, fate } = await ear.lost();
    expect(error).toMatchObject({ code: "ERR_OPAMP_HTTP_STATUS", httpStatus: 307 });
    expect(error.message).toContain("more than 3 in one attempt");
    expect(fate).toBe("answered");
    expect(pathsOf(server.taken)).toEqual(["/a", "/b", "/a", "/b"]);
  });

  test("is not followed if the limit is 0", async () => {
    const server = await serve({ "/a": "/b" });
    const { transport, ear } = await connect(`http://${server.host}/a`, { maxRedirects: 0 });
    transport.send(Uint8Array.of(1));
    expect((await ear.lost()).error.hint).toContain("raise maxRedirects");
    expect(pathsOf(server.taken)).toEqual(["/a"]);
  });

  test("to an unreachable server is reported with its address, and the message as unsent", async () => {
    const port = await freePort();
    const server = await serve({ "/": `http://127.0.0.1:${port}/` });
    const { transport, ear } = await connect(`http://${server.host}/`);
    transport.send(Uint8Array.of(1));
    const { error, fate } = await ear.lost();
    expect({ fate, code: error.code }).toEqual({ fate: "unsent", code: "ERR_OPAMP_CONNECT" });
    expect(error.message).toContain(`127.0.0.1:${port}`);
  });

  test("to a server that refuses does not refresh the credentials, which were not sent there", async () => {
    const target = await startHttp((_request, response) => response.writeHead(401).end());
    const guide = await serve({ "/": `http://${target.host}/` });
    const { transport, ear } = await connect(`http://${guide.host}/`, { headers: async () => ({ "x-key": "k" }) });
    transport.send(Uint8Array.of(1));
    const loss = await ear.lost();
    expect(loss.error).toMatchObject({
      code: "ERR_OPAMP_UNAUTHORIZED",
      hint: expect.stringContaining("another origin"),
    });
    expect(loss.renewed).toBeUndefined();
  });

  test("from http to https is followed, but not back", async () => {
    const { ca, server: identity } = await testCertificates();
    const plain = await serve({});
    const secure = await startHttp((request, response) => {
      if (request.url === "/back") response.writeHead(307, { location: `http://${plain.host}/` }).end();
      else response.writeHead(200, PROTOBUF).end(Uint8Array.of(8));
    }, identity);
    const guide = await serve({ "/": `https://${secure.host}/`, "/round": `https://${secure.host}/back` });
    const to = async (path: string) => {
      const { transport, ear } = await connect(`http://${guide.host}${path}`, { tls: { ca } });
      transport.send(Uint8Array.of(1));
      return ear;
    };
    expect(await (await to("/")).payload()).toEqual([8]);
    expect((await (await to("/round")).lost()).error.message).toContain("without TLS");
    expect(plain.sockets).toEqual([]);
  });
});

describe.each(["http", "ws"])("a redirect over %s", (scheme) => {
  /** What a report to a server fails with that redirects to this place. */
  async function failure(location: string, settings: TestSettings = {}) {
    const guide = await startHttp((_request, response) => response.writeHead(302, { location }).end());
    const { transport, ear } = dial(`${scheme}://${guide.host}/`, settings);
    if (scheme === "http") {
      await ear.next("opened");
      transport.send(Uint8Array.of(1));
    }
    return { ...(await ear.lost()), guide: guide.host };
  }

  test("to a host that does not resolve names both", async () => {
    const { error, fate, guide } = await failure("http://opamp.invalid:4320/v1/opamp");
    expect(fate).toBe("unsent");
    expect(error.message).toContain(
      `redirected by ${guide} to opamp.invalid:4320: no connection to opamp.invalid:4320`,
    );
    expect(error.message).toMatch(/name does not resolve|DNS gives no answer/);
    expect(error.hint).toMatch(
      new RegExp(`^${guide} redirects there, so a login page or a proxy may stand in the way; `),
    );
  });

  test("to a server that refuses names both, as one within a server does not", async () => {
    const target = await startHttp((_request, response) => response.writeHead(404).end());
    const { error, guide } = await failure(`http://${target.host}/v1/x`);
    expect(error).toMatchObject({ code: "ERR_OPAMP_HTTP_STATUS", httpStatus: 404 });
    expect(error.message).toMatch(
      new RegExp(`^redirected by ${guide} to ${target.host}: ${target.host}/v1/x answered 404`),
    );
    const within = await failure("/", { maxRedirects: 1 });
    expect(within.error.message).not.toContain("redirected by");
  });
});

describe("a redirect over WebSocket", () => {
  test.each([301, 302, 307, 308])("with %i is followed with the same headers on the same origin", async (status) => {
    const server = await startWebSocket({
      refuse: ({ url }) => (url === "/a" ? { status, headers: { location: "/b?x=1" } } : undefined),
    });
    const { ear } = await connect(`ws://${server.host}/a`, SECRETS);
    const { socket, request } = await server.accepted.next();
    socket.send(Uint8Array.of(0, 7));
    expect(await ear.payload()).toEqual([7]);
    expect(request.url).toBe("/b?x=1");
    expect(request.headers).toMatchObject({ ...SECRETS.headers, authorization: "Bearer secret" });
    expect(ear.heard).toEqual(["opened", "payload"]);
  });

  test("to an http URL is followed as ws, without credentials on another origin, and only one connection stays", async () => {
    const target = await startWebSocket();
    const guide = await startHttp((_request, response) => {
      response.writeHead(302, { location: `http://${target.host}/there` }).end("x".repeat(100_000));
    });
    const { transport, ear } = await connect(`ws://${guide.host}/`, SECRETS);
    const { request, socket } = await target.accepted.next();
    expect(request.url).toBe("/there");
    expect(JSON.stringify(request.rawHeaders)).not.toContain("secret");
    const [first] = guide.sockets;
    if (first !== undefined && !first.destroyed) await once(first, "close");
    const received = once(socket, "message");
    transport.send(Uint8Array.of(1));
    expect([...((await received)[0] as Buffer)]).toEqual([0, 1]);
    expect(ear.heard).toEqual(["opened"]);
  });

  test("is not cached", async () => {
    const target = await startWebSocket();
    let guided = 0;
    const guide = await startHttp((_request, response) => {
      guided += 1;
      response.writeHead(301, { location: `ws://${target.host}/` }).end();
    });
    const { transport, ear } = await connect(`ws://${guide.host}/`);
    transport.close(CLOSE_NOW, "again");
    await ear.lost();
    transport.open(ear.sink);
    await ear.next("opened");
    expect(guided).toBe(2);
  });

  test("in a loop ends, and one to an unreachable server is reported with its address", async () => {
    const port = await freePort();
    const server = await startWebSocket({
      refuse: ({ url }) => ({
        status: 307,
        headers: { location: url === "/dead" ? `ws://127.0.0.1:${port}/` : "/loop" },
      }),
    });
    const loop = await dial(`ws://${server.host}/loop`, { maxRedirects: 2 }).ear.lost();
    expect(loop.error.message).toContain("more than 2 in one attempt");
    expect(server.upgrades).toHaveLength(3);
    const dead = await dial(`ws://${server.host}/dead`).ear.lost();
    expect(dead).toMatchObject({ fate: "unsent", error: { code: "ERR_OPAMP_CONNECT" } });
    expect(dead.error.message).toContain(`127.0.0.1:${port}`);
  });

  test("leads to a connection that reports its own end", async () => {
    const server = await startWebSocket({
      refuse: ({ url }) => (url === "/a" ? { status: 307, headers: { location: "/b" } } : undefined),
    });
    const { ear } = await connect(`ws://${server.host}/a`);
    server.sockets.at(-1)?.destroy();
    expect((await ear.lost()).error.message).toContain("without a Close frame");
  });

  test("that is cut on the way is not followed", async () => {
    const target = await startWebSocket();
    const guide = await startHttp((_request, response) => {
      response.writeHead(307, { location: `ws://${target.host}/` }).end();
      transport.close(CLOSE_NOW, "never mind");
    });
    const { transport, ear } = dial(`ws://${guide.host}/`);
    expect((await ear.lost()).error.message).toBe("closed from this side: never mind");
    await connect(`ws://${target.host}/`);
    expect(target.upgrades).toHaveLength(1);
  });

  test("from ws to wss is followed, but not back", async () => {
    const { ca, server: tls } = await testCertificates();
    const plain = await startWebSocket();
    const secure = await startWebSocket({
      tls,
      refuse: ({ url }) =>
        url === "/back" ? { status: 307, headers: { location: `ws://${plain.host}/` } } : undefined,
    });
    const guide = await startWebSocket({
      refuse: ({ url }) => ({ status: 307, headers: { location: `https://${secure.host}${url ?? ""}` } }),
    });
    await connect(`ws://${guide.host}/`, { tls: { ca } });
    const { error } = await dial(`ws://${guide.host}/back`, { tls: { ca } }).ear.lost();
    expect(error.message).toContain("without TLS");
    expect(plain.sockets).toEqual([]);
  });
});
