import dns from "node:dns";
import { once } from "node:events";
import { TLSSocket } from "node:tls";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { testCertificates } from "../../../src/testing/certificates.js";
import { verifies } from "../../conformance/verifies.js";
import { startHttpProxy } from "../../end-to-end/proxies/http-proxy.js";
import { dialled, failureOf, refusalOf, startPlain, startTls } from "../dial-fixture.js";
import { freePort } from "../raw-servers.js";

const authority = await testCertificates();
const { ca } = authority;
const proxyOnly = await testCertificates();
const echo = () => startPlain((socket, bytes) => void socket.write(bytes));

describe("a tunnel", () => {
  verifies(["PROXY-01", "PROXY-02"], "carries TLS to the server, and nothing of the proxy's headers", async () => {
    const server = await startTls(authority.server);
    const proxy = await startHttpProxy();
    for (const url of [`http://127.0.0.1:${proxy.port}`, `127.0.0.1:${proxy.port}`]) {
      const socket = await dialled(`wss://localhost:${server.port}`, {
        tls: { ca },
        proxy: { url, headers: { "X-Tenant": "blue" } },
      });
      expect(socket).toBeInstanceOf(TLSSocket);
      const { target, headers } = await proxy.connects.next();
      expect(target).toBe(`localhost:${server.port}`);
      expect(headers).toMatchObject({ host: `localhost:${server.port}`, "x-tenant": "blue" });
      expect(headers).not.toHaveProperty("proxy-authorization");
      socket.write("first");
      const [said] = (await once(await server.secured.next(), "data")) as [Buffer];
      expect(said.toString()).toBe("first");
    }
  });

  test("carries plain WebSocket too, both ways, also to an IPv6 address", async () => {
    const server = await echo();
    const proxy = await startHttpProxy();
    const socket = await dialled(`ws://[::1]:${server.port}`, { proxy: { url: `127.0.0.1:${proxy.port}` } });
    expect((await proxy.connects.next()).target).toBe(`[::1]:${server.port}`);
    socket.write("there and back");
    expect(String((await once(socket, "data"))[0])).toBe("there and back");
  });

  test("is given the credentials of the proxy's URL, decoded", async () => {
    const server = await echo();
    const proxy = await startHttpProxy();
    await dialled(`ws://127.0.0.1:${server.port}`, { proxy: { url: `http://us%40er:p%3Aw@127.0.0.1:${proxy.port}` } });
    const sent = (await proxy.connects.next()).headers["proxy-authorization"];
    expect(sent).toBe(`Basic ${Buffer.from("us@er:p:w").toString("base64")}`);
  });

  test("is not made for plain HTTP, which the proxy passes on by itself", async () => {
    const proxy = await startHttpProxy();
    const socket = await dialled("http://opamp.example.com/", { proxy: { url: `http://127.0.0.1:${proxy.port}` } });
    expect(socket.remotePort).toBe(proxy.port);
    expect(proxy.connects.all).toEqual([]);
  });
});

describe("an https proxy", () => {
  verifies("PROXY-02", "is verified with the client's own TLS options, under its own name", async () => {
    const server = await startTls(await authority.issue({ hosts: ["opamp.example.com"] }));
    const proxy = await startHttpProxy({ tls: authority.server });
    const socket = await dialled(`wss://127.0.0.1:${server.port}`, {
      tls: { ca, serverName: "opamp.example.com" },
      proxy: { url: `https://localhost:${proxy.port}`, headers: { "x-tenant": "blue" } },
    });
    expect((await proxy.connects.next()).headers["x-tenant"]).toBe("blue");
    expect((await server.secured.next()).servername).toBe("opamp.example.com");
    socket.write("x");
  });

  verifies("PROXY-02", "is verified with options of its own, if it has any", async () => {
    const server = await startTls(authority.server);
    const { port } = await startHttpProxy({ tls: proxyOnly.server });
    const url = `https://localhost:${port}`;
    const target = `wss://localhost:${server.port}`;
    await dialled(target, { tls: { ca }, proxy: { url, tls: { ca: proxyOnly.ca } } });
    const error = await refusalOf(dialled(target, { tls: { ca }, proxy: { url } }));
    expect(error.code).toBe("ERR_OPAMP_PROXY");
    expect(error.hint).toContain("proxy.tls.ca");
    expect(error.cause).toHaveProperty("code", expect.stringMatching(/^UNABLE_TO/));
  });

  test("with unusable options is reported with their name", async () => {
    const tls = { ca: "/nowhere/ca.pem" };
    const dial = dialled("ws://127.0.0.1:1", { proxy: { url: "https://127.0.0.1:1", tls } });
    const { code, message } = await refusalOf(dial);
    expect([code, message]).toEqual(["ERR_OPAMP_TLS", "proxy.tls.ca: cannot read /nowhere/ca.pem: ENOENT"]);
  });
});

describe("a proxy that makes no tunnel", () => {
  const table: [status: number, userinfo: string, hint: RegExp][] = [
    [407, "", /requires credentials: put user and password into the proxy's URL/],
    [407, "joe:hunter2@", /does not accept the user and password/],
    [403, "joe:hunter2@", /does not allow this host and port/],
    [502, "", /cannot reach the server/],
    [504, "", /cannot reach the server/],
    [405, "", /is not a proxy that can tunnel/],
    [302, "", /HTTPS_PROXY/],
  ];
  test.each(table)("with a status leads to a matching hint (%i, %j)", async (status, userinfo, hint) => {
    const proxy = await startHttpProxy({ refuse: status });
    const url = `http://${userinfo}127.0.0.1:${proxy.port}`;
    const error = await refusalOf(dialled("wss://opamp.example.com", { proxy: { url } }));
    expect(error).toMatchObject({ code: "ERR_OPAMP_PROXY", httpStatus: status });
    expect(error.message).toBe(`the proxy 127.0.0.1:${proxy.port} answered ${status} to CONNECT opamp.example.com:443`);
    expect(error.hint).toMatch(hint);
    expect(JSON.stringify([error.message, error.hint])).not.toContain("hunter2");
  });

  test("is reported as unreachable if nothing listens there", async () => {
    const url = `127.0.0.1:${await freePort()}`;
    const error = await refusalOf(dialled("wss://opamp.example.com", { proxy: { url } }));
    expect(error.code).toBe("ERR_OPAMP_PROXY");
    expect(error.message).toMatch(`no connection to the proxy ${url}: connect ECONNREFUSED`);
    expect(error.hint).toMatch(/proxy is up/);
  });

  test("is reported with the resolver's error if its name does not resolve", async () => {
    const unknown = Object.assign(new Error("getaddrinfo ENOTFOUND"), { code: "ENOTFOUND" });
    vi.spyOn(dns, "lookup").mockImplementation(((_host: string, _options: object, done: (error: Error) => void) =>
      process.nextTick(done, unknown)) as never);
    onTestFinished(() => void vi.restoreAllMocks());
    const error = await refusalOf(dialled("wss://opamp.example.com", { proxy: { url: "http://proxy.invalid:1" } }));
    expect(error.message).toBe("no connection to the proxy proxy.invalid:1: getaddrinfo ENOTFOUND");
    expect(error.hint).toMatch(/resolve/);
  });

  test.each([
    ["in HTTP", "SSH-2.0-OpenSSH_9.6\r\n", /did not answer CONNECT .* in HTTP/, /does not speak HTTP.*https:\/\//],
    ["at all", "", /broke off on CONNECT/, /is not a proxy that can tunnel/],
  ])("is reported if it does not answer %s", async (_title, answer, message, hint) => {
    const { port } = await startPlain((socket) => void socket.end(answer));
    const dial = dialled("wss://opamp.example.com", { proxy: { url: `http://127.0.0.1:${port}` } });
    const error = await refusalOf(dial);
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(hint);
  });

  test("leads to a hint to the other scheme if it expects TLS, or has none", async () => {
    const secure = await startHttpProxy({ tls: authority.server });
    const plain = await startHttpProxy();
    const toSecure = await refusalOf(dialled("ws://a", { proxy: { url: `http://127.0.0.1:${secure.port}` } }));
    expect(toSecure.hint).toMatch(/https:\/\//);
    const toPlain = await refusalOf(dialled("ws://a", { proxy: { url: `https://127.0.0.1:${plain.port}` } }));
    expect(toPlain.hint).toMatch(/http:\/\//);
  });
});

test("a failure behind the tunnel is reported as without a proxy", async () => {
  const server = await startTls(authority.server);
  const proxy = await startHttpProxy();
  const error = await failureOf(
    dialled(`wss://localhost:${server.port}`, { proxy: { url: `127.0.0.1:${proxy.port}` } }),
  );
  expect(error.code).toMatch(/^UNABLE_TO/);
});
