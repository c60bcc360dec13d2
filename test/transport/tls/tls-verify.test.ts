import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import nodeTls, { TLSSocket } from "node:tls";
import { describe, expect, onTestFinished, test, vi } from "vitest";
import { testCertificates } from "../../../src/testing/certificates.js";
import { verifies } from "../../conformance/verifies.js";
import { dialled, failureOf, startTls } from "../dial-fixture.js";

const authority = await testCertificates();
const other = await testCertificates();
const SERVER = authority.server;

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), "dial-"));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return path;
}

function secured(socket: unknown): TLSSocket {
  if (!(socket instanceof TLSSocket)) throw new Error("no TLS");
  return socket;
}

describe("a server", () => {
  verifies("TLS-02", "of a private authority is trusted if that is given as text", async () => {
    const { port } = await startTls(SERVER);
    const socket = secured(await dialled(`wss://localhost:${port}`, { tls: { ca: authority.ca } }));
    expect(socket.authorized).toBe(true);
    expect(socket.alpnProtocol).toBe(false);
  });

  verifies("TLS-02", "of another authority is not trusted", async () => {
    const { port } = await startTls(SERVER);
    for (const tls of [undefined, { ca: other.ca }]) {
      const error = await failureOf(dialled(`https://localhost:${port}`, { tls }));
      expect(error.code).toMatch(/UNABLE_TO_(VERIFY_LEAF_SIGNATURE|GET_ISSUER_CERT_LOCALLY)/);
    }
  });

  test("of any of several authorities is trusted, in a list or in one text", async () => {
    const { port } = await startTls(SERVER);
    for (const ca of [[other.ca, authority.ca], `${other.ca}\n# ours\n${authority.ca}`]) {
      expect(secured(await dialled(`wss://localhost:${port}`, { tls: { ca } })).authorized).toBe(true);
    }
  });

  test("is trusted if its own certificate is given as authority", async () => {
    const { port } = await startTls(SERVER);
    expect(await dialled(`wss://localhost:${port}`, { tls: { ca: SERVER.cert } })).toBeInstanceOf(TLSSocket);
  });

  verifies("TLS-02", "is trusted by `ca` only, unless the system's authorities are included", async () => {
    const path = join(directory(), "extra.pem");
    writeFileSync(path, authority.ca);
    // On Node before 22.15 the file is read when asked for; later ones tell what they read, and are asked here.
    vi.stubEnv("NODE_EXTRA_CA_CERTS", path);
    const newer: { connect: unknown; getCACertificates?: (pool: string) => readonly string[] } = nodeTls;
    if (newer.getCACertificates !== undefined) vi.spyOn(newer, "getCACertificates").mockReturnValue([authority.ca]);
    onTestFinished(() => {
      vi.unstubAllEnvs();
      vi.restoreAllMocks();
    });
    const { port } = await startTls(SERVER);
    const url = `wss://localhost:${port}`;
    const error = await failureOf(dialled(url, { tls: { ca: other.ca } }));
    expect(error.code).toMatch(/UNABLE_TO/);
    await expect(dialled(url, { tls: { ca: other.ca, includeSystemCa: true } })).resolves.toBeInstanceOf(TLSSocket);
    await expect(dialled(url, { tls: { includeSystemCa: true } })).resolves.toBeInstanceOf(TLSSocket);
  });

  verifies("TLS-02", "with a self-signed certificate is not trusted, unless verification is off", async () => {
    const { port } = await startTls(await authority.issue({ selfSigned: true }));
    const error = await failureOf(dialled(`wss://localhost:${port}`, { tls: { ca: authority.ca } }));
    expect(error.code).toBe("DEPTH_ZERO_SELF_SIGNED_CERT");
    const socket = secured(await dialled(`wss://localhost:${port}`, { tls: { insecureSkipVerify: true } }));
    expect(socket.authorized).toBe(false);
  });

  test("with an expired certificate is not trusted, unless verification is off", async () => {
    const expired = await authority.issue({ notAfter: new Date(Date.now() - 60_000) });
    const { port } = await startTls(expired);
    const error = await failureOf(dialled(`wss://localhost:${port}`, { tls: { ca: authority.ca } }));
    expect(error.code).toBe("CERT_HAS_EXPIRED");
    await dialled(`wss://localhost:${port}`, { tls: { ca: authority.ca, insecureSkipVerify: true } });
  });

  test("is not trusted because of NODE_TLS_REJECT_UNAUTHORIZED", async () => {
    vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    vi.spyOn(process, "emitWarning").mockImplementation(() => undefined);
    onTestFinished(() => {
      vi.unstubAllEnvs();
      vi.restoreAllMocks();
    });
    const { port } = await startTls(SERVER);
    expect((await failureOf(dialled(`wss://localhost:${port}`))).code).toMatch(/UNABLE_TO/);
  });
});

describe("the server name", () => {
  const elsewhere = authority.issue({ hosts: ["opamp.example.com"] });

  test("must be the host's", async () => {
    const { port } = await startTls(await elsewhere);
    const tls = { ca: authority.ca };
    for (const host of ["localhost", "127.0.0.1"]) {
      const error = await failureOf(dialled(`wss://${host}:${port}`, { tls }));
      expect(error.code).toBe("ERR_TLS_CERT_ALTNAME_INVALID");
    }
    await dialled(`wss://localhost:${port}`, { tls: { ...tls, insecureSkipVerify: true } });
  });

  test("can be set, and is then requested and verified", async () => {
    const { port, secured: peers } = await startTls(await elsewhere);
    const tls = { ca: authority.ca, serverName: "opamp.example.com" };
    await dialled(`wss://127.0.0.1:${port}`, { tls });
    expect((await peers.next()).servername).toBe("opamp.example.com");
    const wrong = { ...tls, serverName: "opamp.example.org" };
    expect((await failureOf(dialled(`wss://127.0.0.1:${port}`, { tls: wrong }))).code).toBe(
      "ERR_TLS_CERT_ALTNAME_INVALID",
    );
  });

  test("is requested if the host is a name, and not if it is an address", async () => {
    const { port, secured: peers } = await startTls(SERVER);
    const tls = { ca: authority.ca };
    await dialled(`wss://localhost:${port}`, { tls });
    expect((await peers.next()).servername).toBe("localhost");
    await dialled(`wss://127.0.0.1:${port}`, { tls });
    expect((await peers.next()).servername).toBe(false);
  });
});

test("HTTP/1.1 is negotiated with a server that has a choice", async () => {
  const { port } = await startTls({ ...SERVER, ALPNProtocols: ["h2", "http/1.1"] });
  const socket = secured(await dialled(`https://localhost:${port}`, { tls: { ca: authority.ca } }));
  expect(socket.alpnProtocol).toBe("http/1.1");
});
