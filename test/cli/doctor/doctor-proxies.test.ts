import { expect, onTestFinished, test, vi } from "vitest";
import type { Diagnosis } from "../../../src/cli/doctor/diagnosis.js";
import { OpAMPServer, testCertificates } from "../../../src/testing/index.js";
import { startHttpProxy } from "../../end-to-end/proxies/http-proxy.js";
import { startSocksProxy } from "../../end-to-end/proxies/socks-proxy.js";
import { fileForTest } from "../files.js";
import { opamp } from "../terminal.js";

const { ca, server: certificate } = await testCertificates({ server: { hosts: ["opamp.test"] } });

/** The URLs of a server that only the proxies of these tests can find. */
async function hiddenServer(tls = false): Promise<{ url: string; httpUrl: string }> {
  const server = await OpAMPServer.start(tls ? { tls: certificate } : {});
  onTestFinished(() => server.close());
  const hidden = (url: string): string => url.replace("127.0.0.1", "opamp.test");
  return { url: hidden(server.url), httpUrl: hidden(server.httpUrl) };
}

async function diagnosis(...args: string[]): Promise<Diagnosis> {
  const { out } = await opamp("doctor", "--json", ...args);
  return JSON.parse(out);
}

/** What went wrong, if anything did. */
function failure({ steps }: Diagnosis) {
  return steps.find(({ status }) => status === "failed");
}

for (const transport of ["url", "httpUrl"] as const) {
  for (const start of [startHttpProxy, startSocksProxy]) {
    for (const tls of [false, true]) {
      const way = `${tls ? "the TLS " : "the "}${transport} through a proxy (${start.name})`;
      test(`the doctor finds nothing wrong with ${way}`, async () => {
        const [server, proxy] = [await hiddenServer(tls), await start()];
        const found = await diagnosis("--proxy", proxy.url, "--ca", fileForTest(ca), server[transport]);
        expect(failure(found)).toBeUndefined();
        expect(found.exitCode).toBe(0);
      });
    }
  }
}

test("the doctor opens no tunnel for plain http through an http proxy", async () => {
  const [server, proxy] = [await hiddenServer(), await startHttpProxy({ tunnels: false })];
  const found = await diagnosis("--proxy", proxy.url, server.httpUrl);
  expect(failure(found)).toBeUndefined();
  expect(proxy.connects.all).toEqual([]);
});

test("the doctor uses the proxy that the environment names for TLS, and no other", async () => {
  const [server, proxy] = [await hiddenServer(true), await startHttpProxy()];
  vi.stubEnv("HTTPS_PROXY", proxy.url);
  vi.stubEnv("HTTP_PROXY", "http://127.0.0.1:1");
  onTestFinished(() => void vi.unstubAllEnvs());
  const found = await diagnosis("--ca", fileForTest(ca), server.url);
  expect(failure(found)).toBeUndefined();
  // Connect, TLS and the link itself.
  expect(proxy.connects.all.map(({ target }) => target)).toEqual(Array(3).fill(new URL(server.url).host));
});

for (const [what, start, scheme] of [
  ["an http proxy", startHttpProxy, "http"],
  ["a SOCKS proxy", startSocksProxy, "socks5"],
] as const) {
  test(`the doctor exits with 4 where ${what} refuses the password, and does not show it`, async () => {
    const [server, proxy] = [await hiddenServer(), await start({ auth: "user:right" })];
    const { out, code } = await opamp("doctor", "--proxy", `${scheme}://user:wr0ng@${proxy.host}`, server.url);
    expect(code).toBe(4);
    expect(out).toMatch(/FAIL {2}connect .*\n +ERR_OPAMP_PROXY/);
    expect(out).not.toContain("wr0ng");
  });

  test(`the doctor reaches the server where ${what} accepts the password`, async () => {
    const [server, proxy] = [await hiddenServer(true), await start({ auth: "user:p@ss" })];
    const url = `${scheme}://user:p%40ss@${proxy.host}`;
    const found = await diagnosis("--proxy", url, "--ca", fileForTest(ca), server.url);
    expect(failure(found)).toBeUndefined();
    expect(JSON.stringify(found)).not.toMatch(/p@ss|p%40ss/);
  });
}
