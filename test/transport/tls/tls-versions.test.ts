import { createSecureContext } from "node:tls";
import { describe, expect, test } from "vitest";
import { testCertificates } from "../../../src/testing/certificates.js";
import type { TlsOptions } from "../../../src/transport/settings/tls-options.js";
import { cipherSuite, ianaNameOf } from "../../../src/transport/tls/cipher-suites.js";
import { verifies } from "../../conformance/verifies.js";
import { Arrivals } from "../arrivals.js";
import { dialled, dialling, failureOf, refusalOf, startPlain, startTls, type TlsServer } from "../dial-fixture.js";

const { ca, server: SERVER } = await testCertificates();
/** As servers of old are; OpenSSL 3 allows it at its lowest level only. */
const OLD = { ...SERVER, minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT:@SECLEVEL=0" } as const;
const SUITE = "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384";

async function reach({ port, secured }: TlsServer, tls: TlsOptions) {
  await dialled(`wss://localhost:${port}`, { tls: { ca, ...tls } });
  return secured.next();
}

/** The numbers of the suites in a ClientHello (RFC 5246, 7.4.1.2). */
function offeredSuites(hello: Buffer): number[] {
  const sessionId = 5 + 4 + 2 + 32;
  const list = sessionId + 1 + hello.readUInt8(sessionId);
  const count = hello.readUInt16BE(list) / 2;
  return Array.from({ length: count }, (_, index) => hello.readUInt16BE(list + 2 + 2 * index));
}

describe("versions", () => {
  verifies("TLS-03", "a server that knows nothing newer than TLS 1.1 is refused", async () => {
    const { port } = await startTls(OLD);
    const error = await failureOf(dialled(`wss://localhost:${port}`, { tls: { ca } }));
    expect(error.code).toMatch(/ERR_SSL_(TLSV1_ALERT_PROTOCOL_VERSION|UNSUPPORTED_PROTOCOL)/);
  });

  verifies("TLS-03", "such a server is reached if older versions are allowed", async () => {
    for (const minVersion of ["1.1", "TLSv1.1", "1.0", "TLSv1"] as const) {
      expect((await reach(await startTls(OLD), { minVersion })).getProtocol()).toBe("TLSv1.1");
    }
  });

  verifies("TLS-03", "the newest allowed version is used", async () => {
    const server = await startTls(SERVER);
    expect((await reach(server, {})).getProtocol()).toBe("TLSv1.3");
    for (const maxVersion of ["1.2", "TLSv1.2"] as const) {
      expect((await reach(server, { maxVersion })).getProtocol()).toBe("TLSv1.2");
    }
  });

  verifies("TLS-03", "a minimum of 1.3 refuses 1.2", async () => {
    const { port } = await startTls({ ...SERVER, maxVersion: "TLSv1.2" });
    const error = await failureOf(dialled(`wss://localhost:${port}`, { tls: { ca, minVersion: "1.3" } }));
    expect(error.code).toBe("ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION");
  });
});

describe("cipher suites", () => {
  verifies("TLS-03", "only a listed one is offered", async () => {
    const hellos = new Arrivals<Buffer>();
    const { port } = await startPlain((_socket, bytes) => hellos.push(bytes));
    dialling(`wss://localhost:${port}`, { tls: { maxVersion: "1.2", cipherSuites: [SUITE] } });
    // Next to it stands what is not a suite but a sign that renegotiation is secure (RFC 5746, 3.3).
    expect(offeredSuites(await hellos.next())).toEqual([0xc02c, 0x00ff]);
    const peer = await reach(await startTls(SERVER), { maxVersion: "1.2", cipherSuites: [SUITE] });
    expect(peer.getCipher().standardName).toBe(SUITE);
  });

  test("of TLS 1.2 alone restrict the version to 1.2", async () => {
    const peer = await reach(await startTls(SERVER), { cipherSuites: [SUITE] });
    expect([peer.getProtocol(), peer.getCipher().standardName]).toEqual(["TLSv1.2", SUITE]);
  });

  test("of TLS 1.3 alone restrict the version to 1.3", async () => {
    const cipherSuites = ["TLS_CHACHA20_POLY1305_SHA256"];
    const peer = await reach(await startTls(SERVER), { cipherSuites });
    expect([peer.getProtocol(), peer.getCipher().standardName]).toEqual(["TLSv1.3", ...cipherSuites]);
    const { port } = await startTls({ ...SERVER, maxVersion: "TLSv1.2" });
    expect((await failureOf(dialled(`wss://localhost:${port}`, { tls: { ca, cipherSuites } }))).code).toBe(
      "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION",
    );
  });

  test("of both allow both versions", async () => {
    const cipherSuites = [SUITE, "TLS_AES_128_GCM_SHA256"];
    expect((await reach(await startTls(SERVER), { cipherSuites })).getProtocol()).toBe("TLSv1.3");
    const old = await startTls({ ...SERVER, maxVersion: "TLSv1.2" });
    expect((await reach(old, { cipherSuites })).getCipher().standardName).toBe(SUITE);
  });

  verifies("TLS-03", "an unknown one fails the dial", async () => {
    const error = await refusalOf(dialled("wss://127.0.0.1:1", { tls: { cipherSuites: ["TLS_ROT_13"] } }));
    expect([error.code, error.message]).toEqual(["ERR_OPAMP_TLS", expect.stringContaining('"TLS_ROT_13"')]);
  });

  test("correspond to Node's names for them", () => {
    const names = ["TLS_AES_128_GCM_SHA256", SUITE, "TLS_RSA_WITH_AES_128_CBC_SHA", "TLS_DHE_RSA_WITH_AES_128_CCM"];
    for (const name of names) {
      const suite = cipherSuite(name);
      expect(ianaNameOf(suite?.opensslName ?? "")).toBe(name);
      expect(() => createSecureContext({ ciphers: suite?.opensslName ?? "" })).not.toThrow();
    }
    expect(cipherSuite("toString")).toBeUndefined();
  });
});
