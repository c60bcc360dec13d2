import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { type ServerTlsOptions, testCertificates } from "../../../src/testing/index.js";
import { verifies } from "../../conformance/verifies.js";
import { startServer } from "../../server/server-fixture.js";
import { startTimed, until, urlOf, ways } from "./network-fixture.js";

const authority = await testCertificates();
const stranger = await testCertificates();
const MUTUAL: ServerTlsOptions = { ...authority.server, ca: authority.ca, requestClientCert: "require" };

/** A file that can be written again; it ends with the test. */
function pemFile(text: string): { path: string; rewrite(text: string): void } {
  const folder = mkdtempSync(join(tmpdir(), "opamp-tls-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "file.pem");
  writeFileSync(path, text);
  return { path, rewrite: (changed) => writeFileSync(path, changed) };
}

describe.each(ways)("over $name", (way) => {
  verifies("TLS-02", "a server of a private authority is reached with that authority, and only with it", async () => {
    const server = await startServer({ tls: authority.server });
    const url = urlOf(server, way);
    const [trusting, doubting, misled] = [
      startTimed({ url, tls: { ca: authority.ca } }),
      startTimed({ url }),
      startTimed({ url, tls: { ca: stranger.ca } }),
    ];
    await Promise.all([trusting, doubting, misled].map((timed) => timed.settled()));
    expect([trusting, doubting, misled].map(({ client }) => client.phase)).toEqual(["online", "waiting", "waiting"]);
    for (const { errors } of [doubting, misled]) expect(errors).toMatchObject([{ code: "ERR_OPAMP_TLS" }]);
    expect(server.agents.size).toBe(1);
  });

  verifies("TLS-02", "a self-signed server is reached only with verification off, which causes a warning", async () => {
    const server = await startServer({ tls: await authority.issue({ selfSigned: true }) });
    const url = urlOf(server, way);
    const refusing = startTimed({ url });
    const careless = startTimed({ url, tls: { insecureSkipVerify: true } });
    await Promise.all([refusing.settled(), careless.settled()]);
    expect([refusing.client.phase, careless.client.phase]).toEqual(["waiting", "online"]);
    expect(refusing.errors).toMatchObject([{ code: "ERR_OPAMP_TLS", hint: expect.stringContaining("tls.ca") }]);
    expect([refusing, careless].map(({ warnings }) => warnings.map(({ code }) => code))).toEqual([
      [],
      ["insecure-skip-verify"],
    ]);
  });

  verifies("TLS-03", "versions and suites are those that the options name", async () => {
    const server = await startServer({ tls: { ...authority.server, minVersion: "TLSv1.2" } });
    const url = urlOf(server, way);
    const { ca } = authority;
    const suite = "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256";
    const older = startTimed({ url, tls: { ca, maxVersion: "TLSv1.2" } });
    const listed = startTimed({ url, tls: { ca, cipherSuites: [suite] } });
    const newest = startTimed({ url, tls: { ca, minVersion: "1.3" } });
    await Promise.all([older, listed, newest].map((timed) => timed.settled()));
    const sessions = [older, listed, newest].map(({ client }) => server.agent(client.instanceUid).link?.tls);
    expect(sessions.map((session) => session?.protocol)).toEqual(["TLSv1.2", "TLSv1.2", "TLSv1.3"]);
    expect(sessions[1]?.cipher).toBe(suite);
  });

  verifies("TLS-03", "a server that knows nothing newer than TLS 1.1 is refused", async () => {
    // Node itself has to be told to speak anything as old.
    const old = {
      ...authority.server,
      minVersion: "TLSv1",
      maxVersion: "TLSv1.1",
      ciphers: "DEFAULT@SECLEVEL=0",
    } as const;
    const server = await startServer({ tls: old });
    const { client, errors, settled } = startTimed({ url: urlOf(server, way), tls: { ca: authority.ca } });
    await settled();
    expect([client.phase, errors[0]?.code, server.agents.size]).toEqual(["waiting", "ERR_OPAMP_TLS", 0]);
  });

  test("a server that requires a certificate gets one, and a missing one is reported", async () => {
    const server = await startServer({ tls: MUTUAL });
    const url = urlOf(server, way);
    const { ca, client: own } = authority;
    const locked = await authority.issue({ usage: "client", passphrase: "open", commonName: "locked" });
    const known = startTimed({ url, tls: { ca, ...own } });
    const opened = startTimed({ url, tls: { ca, ...locked, passphrase: "open" } });
    const bare = startTimed({ url, tls: { ca } });
    const foreign = startTimed({ url, tls: { ca, ...stranger.client } });
    await Promise.all([known, opened, bare, foreign].map((timed) => timed.settled()));
    const shown = [known, opened].map(({ client }) => server.agent(client.instanceUid).link?.tls?.clientCertificate);
    expect(shown).toMatchObject([
      { subject: "CN=test client", trusted: true },
      { subject: "CN=locked", trusted: true },
    ]);
    await until(() => bare.errors.length > 0 && foreign.errors.length > 0);
    expect(bare.errors[0]).toMatchObject({ code: "ERR_OPAMP_TLS", hint: expect.stringContaining("tls.cert") });
    // This server refuses a foreign one by hanging up.
    expect(foreign.errors[0]?.hint).toContain("tls.cert");
    expect([bare.client.phase, foreign.client.phase]).toEqual(["waiting", "waiting"]);
    expect(server.agents.size).toBe(2);
  });

  verifies("TLS-02", "an authority that is rotated on disk counts with the next dial", async () => {
    const server = await startServer({ tls: authority.server });
    const ca = pemFile(authority.ca);
    const { client, errors, ...timed } = startTimed({ url: urlOf(server, way), tls: { ca: ca.path } });
    await timed.settled();
    expect(client.phase).toBe("online");
    server.setTls(stranger.server);
    server.drop();
    if (!way.duplex) await timed.clock.advance(30_000);
    await until(() => client.phase === "waiting");
    await timed.nextAttempt();
    expect([client.phase, errors.at(-1)?.code]).toEqual(["waiting", "ERR_OPAMP_TLS"]);
    ca.rewrite(stranger.ca);
    await timed.nextAttempt();
    expect(client.phase).toBe("online");
  });

  test("an expired certificate and one for another name are reported differently", async () => {
    const { ca } = authority;
    const tls = await authority.issue({ notAfter: new Date(Date.now() - 86_400_000) });
    const late = startTimed({ url: urlOf(await startServer({ tls }), way), tls: { ca } });
    const other = await startServer({ tls: await authority.issue({ hosts: ["opamp.example.com"] }) });
    const elsewhere = startTimed({ url: urlOf(other, way), tls: { ca } });
    const named = startTimed({ url: urlOf(other, way), tls: { ca, serverName: "opamp.example.com" } });
    await Promise.all([late, elsewhere, named].map((timed) => timed.settled()));
    expect([late, elsewhere, named].map(({ client }) => client.phase)).toEqual(["waiting", "waiting", "online"]);
    expect(late.errors[0]).toMatchObject({ code: "ERR_OPAMP_TLS", message: expect.stringMatching(/expired/) });
    expect(elsewhere.errors[0]).toMatchObject({
      code: "ERR_OPAMP_TLS",
      message: expect.stringMatching(/opamp\.example\.com/),
    });
  });

  test("a mismatch between plain and TLS is reported as such, either way", async () => {
    const plain = await startServer();
    const secure = await startServer({ tls: authority.server });
    const tooSecure = startTimed({ url: urlOf(plain, way).replace("://", "s://") });
    const tooPlain = startTimed({ url: urlOf(secure, way).replace("s://", "://") });
    await Promise.all([tooSecure.settled(), tooPlain.settled()]);
    await until(() => tooPlain.errors.length > 0);
    expect(tooSecure.errors[0]).toMatchObject({ code: "ERR_OPAMP_TLS" });
    expect(tooPlain.errors[0]?.hint).toMatch(way.duplex ? /wss/ : /https/);
  });
});
