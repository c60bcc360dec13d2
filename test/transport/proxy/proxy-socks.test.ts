import { once } from "node:events";
import { TLSSocket } from "node:tls";
import { inspect } from "node:util";
import { describe, expect, test } from "vitest";
import { testCertificates } from "../../../src/testing/certificates.js";
import { verifies } from "../../conformance/verifies.js";
import { startHttpProxy } from "../../end-to-end/proxies/http-proxy.js";
import { startSocksProxy } from "../../end-to-end/proxies/socks-proxy.js";
import { dialled, refusalOf, startPlain, startTls } from "../dial-fixture.js";

const authority = await testCertificates();
const LOGIN = "joe:hunter2";

describe("a SOCKS proxy", () => {
  verifies("PROXY-01", "is given the server's name, and carries TLS to it", async () => {
    const server = await startTls(await authority.issue({ hosts: ["opamp.example.com"] }));
    const proxy = await startSocksProxy();
    for (const scheme of ["socks5", "socks5h"]) {
      const socket = await dialled(`wss://opamp.example.com:${server.port}`, {
        tls: { ca: authority.ca },
        proxy: { url: `${scheme}://127.0.0.1:${proxy.port}` },
      });
      expect(socket).toBeInstanceOf(TLSSocket);
      expect(await proxy.targets.next()).toBe(`opamp.example.com:${server.port}`);
      socket.write("first");
      expect(String((await once(await server.secured.next(), "data"))[0])).toBe("first");
    }
  });

  test.each(["ws", "http"])("carries plain %s, both ways", async (scheme) => {
    const server = await startPlain((socket, bytes) => void socket.write(bytes));
    const proxy = await startSocksProxy();
    const socket = await dialled(`${scheme}://127.0.0.1:${server.port}`, {
      proxy: { url: `socks5://127.0.0.1:${proxy.port}` },
    });
    socket.write("there and back");
    expect(String((await once(socket, "data"))[0])).toBe("there and back");
  });

  test("is given an IPv6 address as one", async () => {
    const server = await startPlain();
    const proxy = await startSocksProxy();
    await dialled(`ws://[::1]:${server.port}`, { proxy: { url: `socks5://127.0.0.1:${proxy.port}` } });
    expect(await proxy.targets.next()).toBe(`[::1]:${server.port}`);
  });

  test("is given user and password, decoded", async () => {
    const server = await startPlain();
    const proxy = await startSocksProxy({ auth: "us@er:p:w" });
    const url = `socks5://us%40er:p%3Aw@127.0.0.1:${proxy.port}`;
    await dialled(`ws://127.0.0.1:${server.port}`, { proxy: { url } });
    expect(await proxy.logins.next()).toBe("us@er:p:w");
  });
});

describe("a SOCKS proxy that makes no connection", () => {
  const table: [reply: number, words: string, hint: RegExp][] = [
    [1, "general failure", /HTTPS_PROXY/],
    [2, "not allowed", /does not allow/],
    [3, "network unreachable", /cannot reach the server/],
    [4, "host unreachable", /cannot reach the server/],
    [5, "connection refused", /cannot reach the server/],
    [6, "TTL expired", /cannot reach the server/],
    [7, "command not supported", /is not a proxy that can tunnel/],
    [8, "address type not supported", /by a name/],
  ];
  test.each(table)("is reported with its reason: reply %i", async (reply, words, hint) => {
    const proxy = await startSocksProxy({ refuse: reply });
    const dial = dialled("ws://opamp.example.com", { proxy: { url: `socks5://127.0.0.1:${proxy.port}` } });
    const error = await refusalOf(dial);
    expect(error.code).toBe("ERR_OPAMP_PROXY");
    expect(error.message).toBe(
      `the proxy 127.0.0.1:${proxy.port} made no connection to opamp.example.com:80: ${words}`,
    );
    expect(error.hint).toMatch(hint);
  });

  test.each([
    ["missing credentials", "", /none of the authentication methods/, /requires credentials/],
    ["wrong credentials", "joe:hunter3@", /login refused/, /does not accept/],
  ])("is reported for %s, without showing them", async (_title, userinfo, message, hint) => {
    const proxy = await startSocksProxy({ auth: LOGIN });
    const url = `socks5://${userinfo}127.0.0.1:${proxy.port}`;
    const error = await refusalOf(dialled("ws://opamp.example.com", { proxy: { url } }));
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(hint);
    expect(inspect(error, { depth: 10 })).not.toContain("hunter");
  });

  test("is reported if it speaks HTTP", async () => {
    const proxy = await startPlain((socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
    const dial = dialled("ws://opamp.example.com", { proxy: { url: `socks5://127.0.0.1:${proxy.port}` } });
    const error = await refusalOf(dial);
    expect(error.message).toMatch(/its answer is not SOCKS 5/);
    expect(error.hint).toMatch(/write http:\/\//);
  });

  test("is reported if it hangs up, or if the name is too long", async () => {
    const closing = await startPlain((socket) => socket.destroy());
    const proxy = { url: `socks5://127.0.0.1:${closing.port}` };
    expect((await refusalOf(dialled("ws://opamp.example.com", { proxy }))).code).toBe("ERR_OPAMP_PROXY");
    const long = `${"a.".repeat(130)}example`;
    expect((await refusalOf(dialled(`ws://${long}`, { proxy }))).message).toMatch(/too long/);
  });
});

test("an HTTP proxy used as SOCKS is a proxy error for an https server too", async () => {
  const proxy = await startHttpProxy();
  const dial = dialled("wss://opamp.example.com", { proxy: { url: `socks5://127.0.0.1:${proxy.port}` } });
  expect((await refusalOf(dial)).code).toBe("ERR_OPAMP_PROXY");
});
