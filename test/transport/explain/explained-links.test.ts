import type { RequestListener } from "node:http";
import type { Socket } from "node:net";
import { createServer as createTlsServer, type TlsOptions as ServerTls } from "node:tls";
import { describe, expect, test } from "vitest";
import { testCertificates } from "../../../src/testing/certificates.js";
import type { Loss } from "../../../src/transport/transport.js";
import { verifies } from "../../conformance/verifies.js";
import { listenForTest } from "../../end-to-end/proxies/listening.js";
import { freePort, startHttp, startTcp } from "../raw-servers.js";
import { dial, type TestSettings } from "../recorder.js";

const authority = await testCertificates();
const stranger = await testCertificates();
const HOUR_MS = 3_600_000;

type Kind = "websocket" | "http";
const kinds: readonly Kind[] = ["websocket", "http"];

/** How an attempt over one transport fails; none of what is secret about it may show. */
async function failure(kind: Kind, isSecure: boolean, host: string, settings: TestSettings = {}): Promise<Loss> {
  const scheme = `${kind === "websocket" ? "ws" : "http"}${isSecure ? "s" : ""}`;
  const given = { authorization: "Basic hidden", headers: { "x-key": "hidden" }, ...settings };
  const { transport, ear } = dial(`${scheme}://${host}/v1/opamp?token=hidden`, given);
  if (kind === "http") {
    await ear.next("opened");
    transport.send(Uint8Array.of(1));
  }
  const loss = await ear.lost();
  expect(`${loss.error.message} ${loss.error.hint}`).not.toContain("hidden");
  return loss;
}

/** Where a TLS server is, which answers everything with 404. */
async function startTls(options: ServerTls): Promise<string> {
  const server = createTlsServer(options, (socket) => {
    socket.on("error", () => undefined);
    socket.on("data", () => socket.end("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"));
  });
  server.on("tlsClientError", () => undefined);
  return `localhost:${(await listenForTest(server)).port}`;
}

const answering = (bytes: string | Uint8Array) => (socket: Socket) => void socket.end(bytes);

describe.each(kinds)("over %s", (kind) => {
  const plainScheme = kind === "websocket" ? "ws://" : "http://";
  const secureScheme = kind === "websocket" ? "wss://" : "https://";

  describe("a TLS failure", () => {
    const tls = { ca: authority.ca };
    const failsWith = async (options: ServerTls, more: TestSettings["tls"] = {}) =>
      (await failure(kind, true, await startTls(options), { tls: { ...tls, ...more } })).error;

    verifies("TLS-02", "because of an untrusted authority has a hint to tls.ca", async () => {
      expect(await failsWith(stranger.server)).toMatchObject({
        code: "ERR_OPAMP_TLS",
        message: expect.stringContaining("from an authority that is not trusted here"),
        hint: expect.stringContaining("tls.ca"),
      });
    });

    test("because of a self-signed certificate says so", async () => {
      const error = await failsWith(await authority.issue({ selfSigned: true }));
      expect(error).toMatchObject({ code: "ERR_OPAMP_TLS", message: expect.stringContaining("self-signed") });
    });

    test("because of an expired or not yet valid certificate has the date", async () => {
      const now = Math.floor(Date.now() / 1_000) * 1_000;
      const expired = await failsWith(await authority.issue({ notAfter: new Date(now - HOUR_MS) }));
      const until = new Date(now - HOUR_MS).toISOString();
      expect(expired).toMatchObject({ code: "ERR_OPAMP_TLS", hint: expect.stringContaining("clock") });
      expect(expired.message).toContain(`certificate, valid until ${until}, has expired (CERT_HAS_EXPIRED)`);
      const future = await failsWith(await authority.issue({ notBefore: new Date(now + HOUR_MS) }));
      expect(future.message).toContain(`not yet valid: only from ${new Date(now + HOUR_MS).toISOString()} on`);
    });

    test("because of a certificate for other names lists them", async () => {
      const error = await failsWith(await authority.issue({ hosts: ["a.example.com", "10.1.2.3"] }));
      expect(error).toMatchObject({ code: "ERR_OPAMP_TLS", hint: expect.stringContaining("tls.serverName") });
      expect(error.message).toContain("certificate is for a.example.com, 10.1.2.3, not for localhost (");
    });

    const demanding = { ...authority.server, ca: authority.ca, requestCert: true, rejectUnauthorized: true };

    test("because of a missing client certificate says so, also after the handshake of TLS 1.3", async () => {
      expect(await failsWith(demanding)).toMatchObject({
        code: "ERR_OPAMP_TLS",
        message: expect.stringContaining("demands a client certificate"),
        hint: "give tls.cert and tls.key",
      });
      const older = await failsWith({ ...demanding, maxVersion: "TLSv1.2" });
      expect(older).toMatchObject({ code: "ERR_OPAMP_TLS", hint: expect.stringContaining("tls.cert") });
    });

    test("because of a refused client certificate has a hint to tls.cert", async () => {
      const error = await failsWith(demanding, { ...stranger.client });
      expect(error.hint).toContain("tls.cert");
    });

    test("because of no common version or cipher has a hint to the option", async () => {
      const version = await failsWith({ ...authority.server, minVersion: "TLSv1.3" }, { maxVersion: "1.2" });
      expect(version).toMatchObject({ code: "ERR_OPAMP_TLS", hint: expect.stringContaining("tls.minVersion") });
      const cipher = await failsWith(
        { ...authority.server, maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-AES128-GCM-SHA256" },
        { cipherSuites: ["TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"] },
      );
      expect(cipher).toMatchObject({ code: "ERR_OPAMP_TLS", hint: expect.stringContaining("tls.cipherSuites") });
    });

    test("because of a server without TLS has a hint to the plain scheme", async () => {
      const web = await startHttp((_request, response) => response.end());
      const other = await startTcp(answering("SSH-2.0-OpenSSH_9.6\r\n"));
      for (const { host } of [web, other]) {
        const { error, fate } = await failure(kind, true, host);
        expect(error).toMatchObject({ code: "ERR_OPAMP_TLS", hint: expect.stringContaining(`use ${plainScheme}`) });
        expect(fate).toBe("unsent");
      }
    });

    test("because of a server that hangs up in the handshake has a hint to tls.cert", async () => {
      const { host } = await startTcp((socket) => socket.destroy());
      const { error, fate } = await failure(kind, true, host);
      expect(error).toMatchObject({ hint: expect.stringContaining("tls.cert") });
      expect(fate).toBe("unsent");
    });
  });

  describe("a plain connection to a TLS server", () => {
    test("has a hint to the secure scheme if the server hangs up", async () => {
      const { error } = await failure(kind, false, await startTls(authority.server));
      expect(error.hint).toContain(`try ${secureScheme}`);
    });

    test("has a hint to the secure scheme if the server says so, in TLS or in HTTP", async () => {
      const alert = await startTcp(answering(Buffer.from("15030100020246", "hex")));
      const text = "Client sent an HTTP request to an HTTPS server.\n";
      const polite = await startTcp(answering(`HTTP/1.0 400 Bad Request\r\n\r\n${text}`));
      for (const { host } of [alert, polite]) {
        const { error } = await failure(kind, false, host);
        expect(error).toMatchObject({ code: "ERR_OPAMP_TLS", hint: `use ${secureScheme}` });
      }
    });
  });

  describe("an endpoint that is not an OpAMP server", () => {
    test("is reported as refused if nothing listens", async () => {
      const port = await freePort();
      const { error, fate } = await failure(kind, false, `127.0.0.1:${port}`);
      expect(error.message).toContain(`the connection was refused (ECONNREFUSED 127.0.0.1:${port})`);
      expect(error.hint).toContain("nothing listens");
      expect(fate).toBe("unsent");
    });

    test.each([
      ["HTTP/2", Buffer.from("000012040000000000000300000064", "hex"), "speaks HTTP/2 alone"],
      ["SSH", Buffer.from("SSH-2.0-OpenSSH_9.6\r\n"), "speaks SSH"],
      ["an unknown protocol", Buffer.from("hello there\r\n"), "does not speak HTTP"],
    ])("is reported if it speaks %s", async (_, bytes, says) => {
      const { host } = await startTcp(answering(bytes));
      const { error } = await failure(kind, false, host);
      expect(error).toMatchObject({ code: "ERR_OPAMP_NOT_OPAMP", message: expect.stringContaining(says) });
    });

    test("is reported if it echoes the request, without the credentials in it", async () => {
      const { host } = await startTcp((socket, bytes) => void socket.write(bytes));
      const { error } = await failure(kind, false, host);
      expect(error.message).toContain("sends back what it is sent");
    });

    const page: RequestListener = (_request, response) => {
      response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>OpAMP</title>");
    };

    test("is reported if it serves a web page", async () => {
      const { host } = await startHttp(page);
      const { error } = await failure(kind, false, host);
      expect(error).toMatchObject({
        code: "ERR_OPAMP_NOT_OPAMP",
        hint: expect.stringContaining("host, port and path"),
      });
    });
  });

  describe("the error for an answer", () => {
    const answered = async (status: number, headers: Record<string, string> = {}, body = "") => {
      const { host } = await startHttp((_request, response) => void response.writeHead(status, headers).end(body));
      return (await failure(kind, false, host)).error;
    };

    test("of 401 names the requested scheme", async () => {
      const error = await answered(401, { "www-authenticate": 'Bearer realm="hidden"' });
      expect(error).toMatchObject({ code: "ERR_OPAMP_UNAUTHORIZED", httpStatus: 401 });
      expect(error.message).toMatch(/it asks for Bearer$/);
    });

    test("of 502 names the gateway", async () => {
      expect((await answered(502, { server: "nginx/1.25.3" })).message).toContain("answered 502 (nginx): a gateway");
    });

    test("from a server for the other transport has a hint to its scheme", async () => {
      const otherScheme = kind === "websocket" ? "use http://" : "use ws://";
      for (const status of [400, 405, 426]) expect((await answered(status)).hint).toContain(otherScheme);
    });

    test("of 400 is explained by its body", async () => {
      const error = await answered(
        400,
        { "content-type": "text/html" },
        "<center>No required SSL certificate was sent</center>",
      );
      expect(error).toMatchObject({ code: "ERR_OPAMP_TLS", httpStatus: 400, hint: "give tls.cert and tls.key" });
    });
  });
});
