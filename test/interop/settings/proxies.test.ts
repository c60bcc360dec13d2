import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { testCertificates } from "../../../src/testing/index.js";
import { folderForTest } from "../../agent/config-directory/folder.js";
import { verifies } from "../../conformance/verifies.js";
import { startHttpProxy } from "../../end-to-end/proxies/http-proxy.js";
import { startSocksProxy } from "../../end-to-end/proxies/socks-proxy.js";
import { mark, startServer, transports } from "../fixture.js";
import {
  connections,
  moved,
  offerSettings,
  secureServer,
  secureUrl,
  token,
  untilSettings,
  valuesSeen,
} from "./moving.js";

const LOGIN = "agent:s3cret";
const connectHeaders = {
  headers: [
    { key: "X-Team", value: "for the proxy" },
    { key: "Proxy-Authorization", value: `Basic ${Buffer.from(LOGIN).toString("base64")}` },
  ],
};

describe.each(transports)("a Go server over %s moves its agent through", (transport) => {
  verifies(
    ["PROXY-01", "PROXY-02", "TLS-01"],
    "a proxy, which alone sees what is for it, and stays when other headers are offered",
    async () => {
      const folder = folderForTest();
      const [old, next, proxy] = await Promise.all([
        startServer(),
        secureServer(folder),
        startHttpProxy({ auth: LOGIN }),
      ]);
      const { client } = await moved(old, transport);
      await offerSettings(old, transport, "h1", {
        destinationEndpoint: secureUrl(next, transport),
        tls: { caPemContents: readFileSync(join(folder, "ca.pem"), "utf8") },
        proxy: { url: proxy.host, connectHeaders },
        ...token("offered"),
      });
      await untilSettings(next, "APPLIED", "h1");
      expect(await proxy.connects.next()).toMatchObject({
        target: `127.0.0.1:${next.port}`,
        headers: { "x-team": "for the proxy" },
      });
      expect(client.connection?.proxy).toBe(proxy.host);
      const since = await mark(next);
      await offerSettings(next, transport, "h2", token("second"));
      await untilSettings(next, "APPLIED", "h2");
      expect((await proxy.connects.next()).target).toBe(`127.0.0.1:${next.port}`);
      expect(await valuesSeen(next, since)).toContain("Bearer second");
      const words = [...(await valuesSeen(next))].join();
      expect(words).not.toMatch(/for the proxy|Basic/);
    },
  );

  verifies("PROXY-02", "a proxy behind TLS of the offered authority", async () => {
    const folder = folderForTest();
    const authority = await testCertificates();
    const [old, next, proxy] = await Promise.all([
      startServer(),
      secureServer(folder),
      startHttpProxy({ tls: authority.server }),
    ]);
    await moved(old, transport);
    const offered = { destinationEndpoint: secureUrl(next, transport), proxy: { url: proxy.url } };
    const ca = readFileSync(join(folder, "ca.pem"), "utf8");
    await offerSettings(old, transport, "h1", { ...offered, tls: { caPemContents: ca } });
    const { connectionSettingsStatus } = await untilSettings(old, "FAILED", "h1");
    expect(connectionSettingsStatus?.errorMessage).toMatch(/proxy/);
    await offerSettings(old, transport, "h2", { ...offered, tls: { caPemContents: `${ca}\n${authority.ca}` } });
    await untilSettings(next, "APPLIED", "h2");
    await proxy.connects.next();
  });

  test("a SOCKS proxy", async () => {
    const [old, next, proxy] = await Promise.all([startServer(), startServer(), startSocksProxy()]);
    await moved(old, transport);
    await offerSettings(old, transport, "h1", {
      destinationEndpoint: next.url(transport),
      proxy: { url: proxy.url },
    });
    await untilSettings(next, "APPLIED", "h1");
    expect(await proxy.targets.next()).toBe(`127.0.0.1:${next.port}`);
  });

  test("not through a proxy that wants a login", async () => {
    const [old, next, proxy] = await Promise.all([startServer(), startServer(), startHttpProxy({ auth: LOGIN })]);
    const { client } = await moved(old, transport);
    await offerSettings(old, transport, "h1", {
      destinationEndpoint: next.url(transport),
      proxy: { url: proxy.url },
    });
    const { connectionSettingsStatus } = await untilSettings(old, "FAILED", "h1");
    expect(connectionSettingsStatus?.errorMessage).toMatch(/proxy.*407|407.*proxy/);
    expect(await connections(next)).toEqual([]);
    expect(client.connection).toMatchObject({ state: "rolledBack", proxy: undefined });
  });
});
