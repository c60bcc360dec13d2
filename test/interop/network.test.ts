import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { OpAMPClientOptions } from "../../src/index.js";
import { FaultProxy, testCertificates } from "../../src/testing/index.js";
import { verifies } from "../conformance/verifies.js";
import { next } from "../end-to-end/contract/meeting.js";
import {
  APPLIED,
  configHost,
  effectiveText,
  expectNoGap,
  offer,
  startAgent,
  startServer,
  tell,
  transports,
  untilMessage,
  untilStatus,
} from "./fixture.js";
import type { GoServer } from "./go-server.js";

const SECURE = { ws: "wss", http: "https" } as const;
const certificates = await testCertificates();
/** Longer than one packet and one buffer, and easily compressed. */
const LONG = "receivers: [otlp]\n".repeat(10_000);

const SMALL = LONG.length / 10;

/** Files that a Go program can read; they end with the test. */
function files(texts: Readonly<Record<string, string>>): Record<string, string> {
  const folder = mkdtempSync(join(tmpdir(), "opamp-interop-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const entries = Object.entries(texts).map(([name, text]) => {
    const path = join(folder, `${name}.pem`);
    writeFileSync(path, text);
    return [name, path] as const;
  });
  return Object.fromEntries(entries);
}

/** The reference server behind TLS, which demands a client certificate. */
async function secureServer(...more: string[]): Promise<GoServer> {
  const { cert = "", key = "", ca = "" } = files({ ...certificates.server, ca: certificates.ca });
  return startServer("-cert", cert, "-key", key, "-client-ca", ca, ...more);
}

describe.each(transports)("the reference server over %s", (transport) => {
  const secure = (
    server: GoServer,
    tls: OpAMPClientOptions["tls"],
    options: Omit<Partial<OpAMPClientOptions>, "clock"> = {},
  ) => startAgent(server, transport, { url: server.url(SECURE[transport]), ...(tls && { tls }), ...options });

  verifies("TLS-02", "behind TLS is reached with its authority and a client certificate", async () => {
    const server = await secureServer();
    const { client, errors } = secure(
      server,
      { ca: certificates.ca, ...certificates.client, minVersion: "1.3" },
      configHost().handlers,
    );
    await client.connected({ timeoutMs: 5_000 });
    expect(await server.until("connecting")).toMatchObject({ transport, tls: "TLS 1.3", client: "CN=test client" });
    await tell(server, transport, offer("h1", { "a.yaml": LONG }));
    const applied = await untilStatus(server, APPLIED, "h1");
    expect(effectiveText(applied)).toBe(LONG);
    expect(errors).toEqual([]);
    expectNoGap(server);
  });

  verifies("TLS-03", "behind TLS is reached with no newer version than the agent allows", async () => {
    const server = await secureServer();
    const { client } = secure(server, { ca: certificates.ca, ...certificates.client, maxVersion: "1.2" });
    await client.connected({ timeoutMs: 5_000 });
    expect((await server.until("connecting")).tls).toBe("TLS 1.2");
  });

  test("that requires a client certificate causes a clear error for a missing or foreign one", async () => {
    const server = await secureServer();
    const failures = [{}, (await testCertificates()).client].map((own) =>
      next(secure(server, { ca: certificates.ca, ...own }).client, "error"),
    );
    for (const failure of failures) {
      expect(await failure).toMatchObject({ code: "ERR_OPAMP_TLS", hint: expect.stringContaining("tls.cert") });
    }
    expect(server.events.map(({ event }) => event)).toEqual(["listening"]);
  });

  verifies("TLS-02", "whose authority is unknown is refused", async () => {
    const server = await secureServer();
    const failed = next(secure(server, { ...certificates.client }).client, "error");
    expect(await failed).toMatchObject({ code: "ERR_OPAMP_TLS", hint: expect.stringContaining("tls.ca") });
    expect(server.events.map(({ event }) => event)).toEqual(["listening"]);
  });

  verifies("TLS-02", "whose certificate has expired is refused", async () => {
    const late = await certificates.issue({ notAfter: new Date(Date.now() - 86_400_000) });
    const { cert = "", key = "" } = files({ ...late });
    const server = await startServer("-cert", cert, "-key", key);
    const failed = next(secure(server, { ca: certificates.ca }).client, "error");
    expect(await failed).toMatchObject({ code: "ERR_OPAMP_TLS", message: expect.stringContaining("expired") });
    expect(server.events.map(({ event }) => event)).toEqual(["listening"]);
  });

  verifies("TLS-02", "that restarts with certificates of a new authority is reached after their rotation", async () => {
    const first = await secureServer();
    const own = files({ ...certificates.client, ca: certificates.ca });
    const { client, errors } = secure(first, own);
    await client.connected({ timeoutMs: 5_000 });
    await first.stop();
    const renewed = await testCertificates();
    const { cert = "", key = "", ca = "" } = files({ ...renewed.server, ca: renewed.ca });
    const listen = `127.0.0.1:${first.port}`;
    const second = await startServer("-listen", listen, "-cert", cert, "-key", key, "-client-ca", ca);
    // Until the files are rotated the agent finds a server that it cannot trust.
    while (!errors.some(({ code }) => code === "ERR_OPAMP_TLS")) await next(client, "error");
    for (const [name, text] of Object.entries({ ...renewed.client, ca: renewed.ca })) {
      writeFileSync(own[name] ?? "", text);
    }
    expect(await second.until("connecting")).toMatchObject({ transport, client: "CN=test client" });
    await client.connected({ timeoutMs: 5_000 });
  });

  for (const agent of [true, false]) {
    for (const peer of [true, false]) {
      const who = `compressed by ${[agent && "the agent", peer && "the server"].filter(Boolean).join(" and ") || "nobody"}`;
      verifies(["HTTP-07", "HTTP-09"], `exchanges large configs ${who}, behind TLS`, async () => {
        const server = await secureServer(...(peer ? ["-compress"] : []));
        const wire = await FaultProxy.start({ target: server.url(SECURE[transport]) });
        onTestFinished(() => wire.close());
        const { client, errors } = secure(
          server,
          { ca: certificates.ca, ...certificates.client },
          { ...configHost({ "a.yaml": { body: LONG } }).handlers, compression: agent, url: wire.url },
        );
        await client.connected({ timeoutMs: 5_000 });
        const first = await untilMessage(server, (message) => message.effectiveConfig !== undefined);
        expect(effectiveText(first)).toBe(LONG);
        const up = wire.bytes.up.received;
        const { headers } = await server.until("connecting");
        if (transport === "http") expect(headers["Content-Encoding"]).toBe(agent ? "gzip" : undefined);
        if (transport === "http") expect(headers["Accept-Encoding"]).toBe(agent ? "gzip" : undefined);
        else expect(headers["Sec-Websocket-Extensions"]).toMatch(/^permessage-deflate/);
        const before = wire.bytes.down.received;
        await tell(server, transport, offer("h1", { "a.yaml": `${LONG}# 2` }));
        expect(effectiveText(await untilStatus(server, APPLIED, "h1"))).toBe(`${LONG}# 2`);
        const down = wire.bytes.down.received - before;
        // Over WebSocket both have to agree; over HTTP the library compresses where it is asked to.
        const isUpSmall = agent && (peer || transport === "http");
        const isDownSmall = transport === "http" ? agent : peer;
        expect(up < SMALL).toBe(isUpSmall);
        expect(down < SMALL).toBe(isDownSmall);
        expect(errors).toEqual([]);
        expectNoGap(server);
      });
    }
  }
});
