import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { testCertificates } from "../../../src/testing/certificates.js";
import type { TlsOptions } from "../../../src/transport/settings/tls-options.js";
import { prepareTls } from "../../../src/transport/tls/tls.js";
import { verifies } from "../../conformance/verifies.js";
import { listenForTest } from "../../end-to-end/proxies/listening.js";
import { dialled, failureOf, refusalOf, startTls } from "../dial-fixture.js";

const authority = await testCertificates();
const other = await testCertificates();
const { ca, client } = authority;
const MUTUAL = { ...authority.server, ca, requestCert: true, rejectUnauthorized: true };
const PASSPHRASE = "correct horse";
const locked = await authority.issue({ usage: "client", commonName: "locked", passphrase: PASSPHRASE });

/** A directory that goes with the test, and how to put a file in it. */
function files(): (name: string, text: string) => string {
  const path = mkdtempSync(join(tmpdir(), "dial-"));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return (name, text) => {
    writeFileSync(join(path, name), text);
    return join(path, name);
  };
}

/** What a dial to nobody fails with on account of its options. */
function refusal(tls: TlsOptions) {
  return refusalOf(dialled("wss://127.0.0.1:1", { tls }));
}

describe("a client certificate", () => {
  test("is shown to a server that asks for one, from text and from files", async () => {
    const { port, secured } = await startTls(MUTUAL);
    const put = files();
    const paths = { cert: put("cert.pem", client.cert), key: put("key.pem", client.key) };
    for (const identity of [client, paths]) {
      await dialled(`wss://localhost:${port}`, { tls: { ca, ...identity } });
      expect((await secured.next()).getPeerCertificate().subject.CN).toBe("test client");
    }
  });

  test("may have a key that a passphrase opens", async () => {
    const { port, secured } = await startTls(MUTUAL);
    await dialled(`wss://localhost:${port}`, { tls: { ca, ...locked, passphrase: PASSPHRASE } });
    expect((await secured.next()).getPeerCertificate().subject.CN).toBe("locked");
  });
});

describe("files", () => {
  verifies("TLS-02", "are read again for every dial: a rotated authority counts at once", async () => {
    const { port } = await startTls(authority.server);
    const put = files();
    const url = `wss://localhost:${port}`;
    const tls = { ca: put("ca.pem", other.ca) };
    expect((await failureOf(dialled(url, { tls }))).code).toMatch(/UNABLE_TO/);
    put("ca.pem", ca);
    await dialled(url, { tls });
    put("ca.pem", other.ca);
    expect((await failureOf(dialled(url, { tls }))).code).toMatch(/UNABLE_TO/);
  });

  test("that are unchanged reuse the TLS context, and those that change do not", async () => {
    const put = files();
    const tls = { ca: put("ca.pem", ca) };
    const first = await prepareTls("tls", tls);
    expect((await prepareTls("tls", tls)).context).toBe(first.context);
    put("ca.pem", other.ca);
    const second = await prepareTls("tls", tls);
    expect(second.context).not.toBe(first.context);
    put("ca.pem", "nothing");
    await expect(prepareTls("tls", tls)).rejects.toMatchObject({ code: "ERR_OPAMP_TLS" });
    put("ca.pem", other.ca);
    expect((await prepareTls("tls", tls)).context).toBe(second.context);
  });

  test("hold the client certificate that the server sees, also after they were rotated", async () => {
    const { port, secured } = await startTls(MUTUAL);
    const put = files();
    const tls = { ca, cert: put("cert.pem", client.cert), key: put("key.pem", client.key) };
    await dialled(`wss://localhost:${port}`, { tls });
    const next = await authority.issue({ usage: "client", commonName: "rotated" });
    put("cert.pem", next.cert);
    put("key.pem", next.key);
    await dialled(`wss://localhost:${port}`, { tls });
    const seen = [await secured.next(), await secured.next()];
    expect(seen.map((peer) => peer.getPeerCertificate().subject.CN)).toEqual(["test client", "rotated"]);
  });

  test("that cannot be read fail the dial before the server hears of it", async () => {
    const { port, accepted } = await listenForTest(createServer());
    const error = await refusalOf(dialled(`wss://localhost:${port}`, { tls: { ca: "/nowhere/ca.pem" } }));
    expect(error.code).toBe("ERR_OPAMP_TLS");
    expect(error.message).toBe("tls.ca: cannot read /nowhere/ca.pem: ENOENT");
    expect(error.hint).toMatch(/no such file/);
    expect(accepted.all).toEqual([]);
  });
});

describe("unusable material", () => {
  const key = client.key.replaceAll(/-----.*-----|\n/g, "");
  const table: [title: string, tls: TlsOptions, message: RegExp, hint: RegExp][] = [
    ["a directory", { ca: tmpdir() }, /^tls\.ca: cannot read .*: EISDIR$/, /directory/],
    ["no PEM text", { ca: "package.json" }, /^tls\.ca \(package\.json\): holds no PEM text and no certificate$/, /DER/],
    [
      "a key for a certificate",
      { ...client, cert: client.key },
      /^tls\.cert: holds PRIVATE KEY and no certificate/,
      /^that is a key: give the file with the certificate$/,
    ],
    [
      "a certificate for a key",
      { ...client, key: client.cert },
      /^tls\.key: holds CERTIFICATE and no private key/,
      /^that is a certificate: give the file with the key$/,
    ],
    [
      "a key of another",
      { ...client, key: other.client.key },
      /^tls\.key: does not belong .* of tls\.cert$/,
      /made for/,
    ],
    ["no passphrase", { ...locked }, /^tls\.key: is encrypted$/, /tls\.passphrase/],
    [
      "a wrong passphrase",
      { ...locked, passphrase: "x" },
      /^tls\.key: is not opened by tls\.passphrase$/,
      /passphrase/,
    ],
    ["a key alone", { key: client.key }, /^tls\.key: has no certificate/, /certificates/],
    ["a certificate alone", { cert: client.cert }, /^tls\.cert: has no private key/, /certificates/],
    ["a key without its PEM lines", { ...client, key }, /^tls\.key: is neither PEM text nor the path/, /PEM/],
    [
      "the second of two authorities",
      { ca: [ca, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] },
      /^tls\.ca\[1\]: its certificate number 1 cannot be read/,
      /certificates/,
    ],
    [
      "a garbled key",
      { ...client, key: "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n" },
      /^tls\.key: its private key cannot be read/,
      /certificates/,
    ],
  ];
  test.each(table)("such as %s is reported and never shown", async (_title, tls, message, hint) => {
    const error = await refusal(tls);
    expect(error.code).toBe("ERR_OPAMP_TLS");
    expect(error.message).toMatch(message);
    expect(error.hint).toMatch(hint);
    const shown = `${error.message} ${error.hint} ${String(error.cause)}`;
    for (const secret of [key, PASSPHRASE, locked.key]) expect(shown).not.toContain(secret.slice(0, 40));
  });
});
