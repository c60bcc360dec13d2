import { createPrivateKey, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { connect, createServer, type SecureContextOptions, type TLSSocket } from "node:tls";
import { testCertificates } from "opamp-client/testing";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";

type Certificates = Awaited<ReturnType<typeof testCertificates>>;

let own: Certificates;
let others: Certificates;
beforeAll(async () => {
  [own, others] = await Promise.all([testCertificates(), testCertificates()]);
});

/** A handshake over loopback. @returns the names of who was shown to whom; rejects with what the client was told */
async function shake(
  server: SecureContextOptions,
  client: SecureContextOptions & { servername?: string; host?: string } = {},
  { requestCert = false }: { requestCert?: boolean } = {},
): Promise<{ server: string; client: string | undefined }> {
  const { host = "127.0.0.1" } = client;
  let shown: string | undefined;
  const listener = createServer({ ...server, requestCert, rejectUnauthorized: requestCert }, (peer) => {
    shown = requestCert ? commonNameOf(peer) : undefined;
    peer.on("error", () => undefined).end("welcome");
  });
  listener.on("tlsClientError", () => undefined);
  await once(listener.listen(0, host), "listening");
  const address = listener.address();
  if (typeof address !== "object" || address === null) throw new Error("no port");
  const socket = connect({ host, port: address.port, ...client });
  onTestFinished(() => {
    socket.destroy();
    listener.close();
  });
  // With TLS 1.3 a client learns only from the first bytes whether its certificate was taken.
  const welcome = await Promise.race([once(socket, "data"), once(socket, "end")]);
  if (welcome.length === 0) throw new Error("turned away after the handshake");
  return { server: commonNameOf(socket), client: shown };
}

function commonNameOf(socket: TLSSocket): string {
  return String(socket.getPeerCertificate().subject.CN);
}

describe("the initial certificates", () => {
  test.each(["127.0.0.1", "::1"])(
    "the server's is accepted at %s by a client that trusts the authority",
    async (host) => {
      await expect(shake(own.server, { ca: own.ca, host })).resolves.toMatchObject({ server: "localhost" });
    },
  );

  test("the server's is accepted as localhost", async () => {
    await expect(shake(own.server, { ca: own.ca, servername: "localhost" })).resolves.toBeDefined();
  });

  test("the server's is refused by a client that trusts another authority", async () => {
    await expect(shake(own.server, { ca: others.ca })).rejects.toMatchObject({
      code: "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
    });
  });

  test("the client's is accepted by a server that requires one", async () => {
    const demanding = { ...own.server, ca: own.ca };
    const shown = await shake(demanding, { ca: own.ca, ...own.client }, { requestCert: true });
    expect(shown).toEqual({ server: "localhost", client: "test client" });
  });

  test.each([
    ["another authority's client certificate", () => others.client],
    ["a certificate that is for servers", () => own.server],
  ])("%s is refused by a server that requires one", async (_, certificate) => {
    const demanding = { ...own.server, ca: own.ca };
    await expect(shake(demanding, { ca: own.ca, ...certificate() }, { requestCert: true })).rejects.toThrow(
      "turned away",
    );
  });

  test("their names, hosts and dates, and the authority's, can be configured", async () => {
    const certificates = await testCertificates({
      commonName: "My authority",
      notAfter: new Date("2020-01-01"),
      server: { commonName: "proxy", hosts: ["proxy.test"] },
      client: { commonName: "agent 7" },
    });
    const [ca, server, client] = [certificates.ca, certificates.server.cert, certificates.client.cert].map(
      (pem) => new X509Certificate(pem),
    );
    expect(ca).toMatchObject({ subject: "CN=My authority", validTo: "Jan  1 00:00:00 2020 GMT" });
    expect(server).toMatchObject({ subject: "CN=proxy", subjectAltName: "DNS:proxy.test" });
    expect(client).toMatchObject({ subject: "CN=agent 7", subjectAltName: undefined });
  });
});

describe("issuing", () => {
  test("a certificate for other hosts is accepted there and nowhere else", async () => {
    const server = await own.issue({ hosts: ["opamp.test", "10.1.2.3"] });
    await expect(shake(server, { ca: own.ca, servername: "opamp.test" })).resolves.toMatchObject({
      server: "opamp.test",
    });
    await expect(shake(server, { ca: own.ca })).rejects.toMatchObject({ code: "ERR_TLS_CERT_ALTNAME_INVALID" });
  });

  test.each([
    ["one that has expired", { notAfter: new Date("2020-02-03") }, "CERT_HAS_EXPIRED"],
    ["one that is not valid yet", { notBefore: new Date("2999-02-03") }, "CERT_NOT_YET_VALID"],
    ["one that is self-signed", { selfSigned: true }, "DEPTH_ZERO_SELF_SIGNED_CERT"],
  ])("%s is refused as such", async (_, options, code) => {
    await expect(shake(await own.issue(options), { ca: own.ca })).rejects.toMatchObject({ code });
  });

  test("a self-signed one is accepted by a client that trusts it", async () => {
    const server = await own.issue({ selfSigned: true });
    await expect(shake(server, { ca: server.cert })).resolves.toBeDefined();
  });

  test("a certificate for both ends is accepted as a server's and as a client's", async () => {
    const both = { ...(await own.issue({ usage: "both", commonName: "either" })), ca: own.ca };
    const shown = await shake(both, both, { requestCert: true });
    expect(shown).toEqual({ server: "either", client: "either" });
  });

  test("a key with a passphrase can be read only with it", async () => {
    const { cert, key } = await own.issue({ passphrase: "open sesame" });
    expect(() => createPrivateKey({ key, passphrase: "wrong" })).toThrow();
    await expect(shake({ cert, key, passphrase: "open sesame" }, { ca: own.ca })).resolves.toBeDefined();
  });

  test("every certificate has a serial number and a key of its own", async () => {
    const pems = [own.ca, own.server.cert, own.client.cert, (await own.issue()).cert];
    const certificates = pems.map((pem) => new X509Certificate(pem));
    expect(new Set(certificates.map(({ serialNumber }) => serialNumber))).toHaveLength(pems.length);
    expect(new Set(certificates.map(({ publicKey }) => publicKey.export({ format: "jwk" })["x"]))).toHaveLength(
      pems.length,
    );
  });
});
