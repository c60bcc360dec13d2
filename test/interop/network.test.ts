import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import type { OpAMPClientOptions } from "../../src/index.js";
import { testCertificates } from "../../src/testing/index.js";
import { verifies } from "../verifies.js";
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
    expect(await server.until("connecting")).toMatchObject({ transport, tls: "TLS 1.3", client: /CN=/ });
    await tell(server, transport, offer("h1", { "a.yaml": LONG }));
    const applied = await untilStatus(server, APPLIED, "h1");
    expect(effectiveText(applied)).toBe(LONG);
    expect(errors).toEqual([]);
    expectNoGap(server);
  });

  verifies("TLS-03", "behind TLS is spoken to in no newer version than the agent allows", async () => {
    const server = await secureServer();
    const { client } = secure(server, { ca: certificates.ca, ...certificates.client, maxVersion: "1.2" });
    await client.connected({ timeoutMs: 5_000 });
    expect((await server.until("connecting")).tls).toBe("TLS 1.2");
  });

  test("that demands a client certificate says so in words when there is none", async () => {
    const server = await secureServer();
    const { errors, client } = secure(server, { ca: certificates.ca });
    await expect(client.connected({ timeoutMs: 500 })).rejects.toThrow();
    expect(errors[0]).toMatchObject({ code: "ERR_OPAMP_TLS", hint: expect.stringMatching(/cert/) });
  });

  verifies("TLS-02", "whose authority is not known is not spoken to", async () => {
    const server = await secureServer();
    const { errors, client } = secure(server, { ...certificates.client });
    await expect(client.connected({ timeoutMs: 500 })).rejects.toThrow();
    expect(errors[0]).toMatchObject({ code: "ERR_OPAMP_TLS", hint: expect.stringMatching(/`tls.ca`/) });
    expect(server.events.map(({ event }) => event)).toEqual(["listening"]);
  });

  for (const agent of [true, false]) {
    for (const peer of [true, false]) {
      const who = `compressed by ${[agent && "the agent", peer && "the server"].filter(Boolean).join(" and ") || "nobody"}`;
      verifies(["HTTP-07", "HTTP-09"], `exchanges large configs ${who}, behind TLS`, async () => {
        const server = await secureServer(...(peer ? ["-compress"] : []));
        const { client, errors } = secure(
          server,
          { ca: certificates.ca, ...certificates.client },
          { ...configHost({ "a.yaml": { body: LONG } }).handlers, compression: agent },
        );
        await client.connected({ timeoutMs: 5_000 });
        const first = await untilMessage(server, (message) => message.effectiveConfig !== undefined);
        expect(effectiveText(first)).toBe(LONG);
        const { headers } = await server.until("connecting");
        if (transport === "http") expect(headers["Content-Encoding"]).toBe(agent ? "gzip" : undefined);
        if (transport === "http") expect(headers["Accept-Encoding"]).toBe("gzip");
        else expect(headers["Sec-Websocket-Extensions"]).toMatch(/^permessage-deflate/);
        await tell(server, transport, offer("h1", { "a.yaml": `${LONG}# 2` }));
        expect(effectiveText(await untilStatus(server, APPLIED, "h1"))).toBe(`${LONG}# 2`);
        expect(errors).toEqual([]);
        expectNoGap(server);
      });
    }
  }
});
