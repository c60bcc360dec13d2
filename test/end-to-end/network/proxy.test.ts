import { describe, expect, test, vi } from "vitest";
import { OpAMPClient } from "../../../src/index.js";
import { testCertificates } from "../../../src/testing/index.js";
import { refusal } from "../../client/refusal.js";
import { verifies } from "../../conformance/verifies.js";
import { startServer } from "../../server/server-fixture.js";
import { freePort } from "../../transport/raw-servers.js";
import { startHttpProxy } from "../proxies/http-proxy.js";
import { startSocksProxy } from "../proxies/socks-proxy.js";
import { startTimed, until, urlOf, ways } from "./network-fixture.js";

/** Leads nowhere without a proxy, and to this machine through one. */
const HIDDEN = "opamp.test";
const authority = await testCertificates({ server: { hosts: ["127.0.0.1", HIDDEN] } });
const { ca } = authority;

const hidden = (url: string): string => url.replace("127.0.0.1", HIDDEN);

describe.each(ways)("over $name", (way) => {
  verifies("PROXY-01", "a proxy may be given as a URL or as host and port, and gets every connection", async () => {
    const server = await startServer();
    const proxy = await startHttpProxy();
    for (const url of [proxy.url, proxy.host]) {
      const timed = startTimed({ url: hidden(urlOf(server, way)), proxy: { url } });
      await timed.settled();
      expect([timed.client.phase, timed.errors]).toEqual(["online", []]);
    }
    const asked = [...proxy.connects.all, ...proxy.forwards.all].map(({ method, target }) => `${method} ${target}`);
    const once = way.duplex ? `CONNECT ${HIDDEN}:${server.port}` : `POST ${hidden(server.httpUrl)}`;
    expect(asked).toEqual([once, once]);
    expect(server.attempts.length).toBe(2);
  });

  verifies("PROXY-01", "an empty proxy is refused", () => {
    const make = () =>
      new OpAMPClient({
        url: `${way.transport}://127.0.0.1:1/`,
        proxy: { url: "" },
        description: { identifying: { "service.name": "agent" } },
      });
    expect(refusal(make)).toMatchObject({ code: "ERR_OPAMP_OPTION", message: expect.stringContaining("proxy.url") });
  });

  verifies(
    "PROXY-02",
    "an https proxy of a trusted authority is used, and its headers do not reach the server",
    async () => {
      const seen: string[] = [];
      const server = await startServer({
        tls: authority.server,
        onConnect: ({ rawHeaders }) => void seen.push(...rawHeaders),
      });
      const proxy = await startHttpProxy({ tls: authority.server, auth: "agent:open" });
      const timed = startTimed({
        url: hidden(urlOf(server, way)),
        tls: { ca },
        proxy: { url: proxy.url.replace("://", "://agent:open@"), headers: { "X-Tenant": "blue" } },
      });
      await timed.settled();
      expect([timed.client.phase, timed.errors]).toEqual(["online", []]);
      expect(proxy.connects.all).toMatchObject([
        { target: `${HIDDEN}:${server.port}`, headers: { "x-tenant": "blue" } },
      ]);
      expect(seen.join(" ")).not.toMatch(/tenant|blue|proxy/i);
    },
  );

  verifies("PROXY-02", "an https proxy of another authority is refused", async () => {
    const stranger = await testCertificates();
    const server = await startServer({ tls: authority.server });
    const proxy = await startHttpProxy({ tls: stranger.server });
    const timed = startTimed({ url: hidden(urlOf(server, way)), tls: { ca }, proxy: { url: proxy.url } });
    await timed.settled();
    expect([timed.client.phase, server.sockets.total, proxy.connects.all]).toEqual(["waiting", 0, []]);
    expect(timed.errors[0]?.code).toMatch(/ERR_OPAMP_(TLS|PROXY)/);
  });

  test("a proxy that requires a login is reported, and is used once the agent has one", async () => {
    const server = await startServer();
    const proxy = await startHttpProxy({ auth: "agent:open" });
    const timed = startTimed({ url: hidden(urlOf(server, way)), proxy: { url: proxy.url } });
    await timed.settled();
    expect(timed.errors).toMatchObject([{ code: "ERR_OPAMP_PROXY", message: expect.stringContaining("407") }]);
    proxy.behave({ auth: undefined });
    await timed.nextAttempt();
    expect([timed.client.phase, server.agents.size]).toEqual(["online", 1]);
  });

  test("a SOCKS proxy resolves the name, and carries the agent's reconnects", async () => {
    const server = await startServer();
    const proxy = await startSocksProxy({ auth: "agent:open" });
    const url = proxy.url.replace("://", "://agent:open@");
    const timed = startTimed({ url: hidden(urlOf(server, way)), proxy: { url } });
    await timed.settled();
    server.drop();
    if (way.duplex) {
      await until(() => timed.client.phase === "waiting");
      await timed.nextAttempt();
    } else {
      await until(() => proxy.sockets.every((socket) => socket.destroyed));
      await timed.clock.advance(30_000);
    }
    const agent = server.agent(timed.client.instanceUid);
    // Whether a poll finds its connection gone, or is the first to notice.
    await until(() => timed.client.phase === "waiting" || agent.received.length > 1);
    if (timed.client.phase === "waiting") await timed.nextAttempt();
    await agent.until(({ received }) => received.length > 1);
    expect([...new Set(proxy.targets.all)]).toEqual([`${HIDDEN}:${server.port}`]);
    expect(proxy.targets.all.length).toBeGreaterThan(1);
  });

  test("an unreachable proxy is reported as such, without its password", async () => {
    const url = `http://agent:s3cret@127.0.0.1:${await freePort()}`;
    const timed = startTimed({ url: `${way.transport}://${HIDDEN}/`, proxy: { url } });
    await timed.settled();
    expect(timed.errors).toMatchObject([{ code: "ERR_OPAMP_PROXY" }]);
    expect(`${timed.errors[0]?.message} ${timed.errors[0]?.hint}`).not.toContain("s3cret");
  });

  test("the environment's proxy is used except for NO_PROXY, for loopback and if turned off", async () => {
    const server = await startServer();
    const proxy = await startHttpProxy();
    for (const name of ["http_proxy", "https_proxy", "all_proxy", "no_proxy"]) vi.stubEnv(name, "");
    vi.stubEnv("HTTP_PROXY", proxy.url);
    vi.stubEnv("NO_PROXY", "other.test");
    const url = urlOf(server, way);
    try {
      const through = startTimed({ url: hidden(url) });
      const local = startTimed({ url });
      const excepted = startTimed({ url: url.replace("127.0.0.1", "other.test") });
      const unwanted = startTimed({ url: hidden(url), proxy: false });
      await Promise.all([through, local, excepted, unwanted].map((timed) => timed.settled()));
      const phases = [through, local, excepted, unwanted].map(({ client }) => client.phase);
      expect(phases).toEqual(["online", "online", "waiting", "waiting"]);
      expect(proxy.connects.all.length + proxy.forwards.all.length).toBe(1);
    } finally {
      vi.unstubAllEnvs();
    }
  });
});
