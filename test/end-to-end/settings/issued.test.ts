import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { attempt } from "../../../src/base/checks.js";
import { keyTypes } from "../../../src/connection-settings/certificates/key-types.js";
import { newKey, signingRequest } from "../../../src/connection-settings/certificates/signing-request.js";
import { type CertificateOptions, fileStore, OpAMPClient, type OpAMPClientOptions } from "../../../src/index.js";
import { type OpAMPServerOptions, type TestCertificates, testCertificates } from "../../../src/testing/index.js";
import { folderForTest } from "../../agent/config-directory/folder.js";
import { verifies } from "../../conformance/verifies.js";
import { PATIENCE, watchedServer } from "./watched-server.js";

let authority: TestCertificates;

beforeAll(async () => {
  authority = await testCertificates();
});

/** A server over TLS that the agent trusts. @param ca the authority of those that it lets in */
function server(options: OpAMPServerOptions = {}, ca?: string) {
  const { cert, key } = authority.server;
  const tls = ca === undefined ? { cert, key } : { cert, key, ca, requestClientCert: "require" as const };
  return watchedServer({ tls, ...options });
}

function agent(
  url: string,
  path: string,
  certificates: CertificateOptions = {},
  more: Partial<OpAMPClientOptions> = {},
): OpAMPClient {
  const client = new OpAMPClient({
    url,
    headers: { authorization: "Bearer bootstrap" },
    tls: { ca: authority.ca },
    heartbeat: { intervalMs: 100, minMs: 100 },
    backoff: { minMs: 20, maxMs: 100 },
    description: { identifying: { "service.name": "issued" } },
    store: fileStore(path),
    connectionSettings: { opamp: true, certificates: { request: true, ...certificates } },
    ...more,
  });
  onTestFinished(() => client.stop());
  client.start();
  return client;
}

describe.each([
  ["wss", "url"],
  ["https", "httpUrl"],
] as const)("over %s", (_, kind) => {
  verifies(
    ["CERT-03", "CERT-04", "CERT-05", "CERT-07"],
    "an agent with a bootstrap token is issued a certificate, and shows that alone from then on, also after a restart",
    async () => {
      const first = await server({ signingRequests: { issue: "by hand" } });
      const second = await server({}, first.ca);
      const path = folderForTest();
      const client = agent(first[kind], path);
      await client.connected(PATIENCE);
      const asking = first.agent(client.instanceUid);
      await asking.until(({ signingRequest }) => signingRequest !== undefined, PATIENCE);
      expect(asking.signingRequest).toMatchObject({ subject: `CN=${client.instanceUid}`, problem: undefined });
      const headers = { authorization: "Bearer own" };
      await asking.issueCertificate({ opamp: { endpoint: second[kind], headers } });
      const moved = second.agent(client.instanceUid);
      await moved.until(({ connectionSettings }) => connectionSettings?.status === "applied", PATIENCE);
      expect(moved.link?.tls?.clientCertificate?.subject).toBe(`CN=${client.instanceUid}`);
      expect(client.connection?.certificateRequest).toBeUndefined();
      await client.stop();
      const files = readdirSync(path).filter((name) => name.startsWith("blob-"));
      const keys = files.filter((name) => readFileSync(join(path, name), "utf8").includes("PRIVATE KEY"));
      expect(keys).toEqual([expect.stringMatching(/^blob-connection-/)]);
      expect(statSync(join(path, keys[0] ?? "")).mode & 0o777).toBe(0o600);
      expect(readFileSync(join(path, "state.json"), "utf8")).not.toContain("PRIVATE KEY");
      const attempts = first.seen.length;
      const again = agent(first[kind], path);
      await again.connected(PATIENCE);
      expect(again.connection).toMatchObject({ source: "server", state: "accepted" });
      expect([first.seen.length, JSON.stringify(second.seen).includes("bootstrap")]).toEqual([attempts, false]);
    },
    30_000,
  );

  verifies("CERT-05", "a server whose certificate is not trusted never gets a request", async () => {
    const { server: foreign } = await testCertificates();
    const { cert, key } = foreign;
    const first = await server({ tls: { cert, key }, signingRequests: { issue: "at once" } });
    const client = agent(first[kind], folderForTest());
    const failed = new Promise((resolve) => client.once("error", resolve));
    expect(await failed).toMatchObject({ code: "ERR_OPAMP_TLS" });
    expect(first.log).toEqual([]);
  });
});

test("a certificate that is issued with the answer to the request is in force at once, and is followed by the next", async () => {
  const first = await server({ signingRequests: { issue: "at once" } });
  const client = agent(first.url, folderForTest());
  const seen = first.agent(client.instanceUid);
  await seen.until(({ connectionSettings }) => connectionSettings?.status === "applied", PATIENCE);
  const { fingerprint } = client.connection?.certificate ?? {};
  client.requestCertificate();
  const isOther = () => (client.connection?.certificate?.fingerprint ?? fingerprint) !== fingerprint;
  await seen.until(isOther, PATIENCE);
  expect(client.connection?.certificateRequest).toBeUndefined();
});

verifies("CERT-08", "a refused request leaves the connection, and the rest of the report, as they are", async () => {
  const first = await server({ signingRequests: { issue: "refuse" } });
  const client = agent(first.url, folderForTest());
  const codes: string[] = [];
  client.on("warning", ({ code }) => codes.push(code));
  const seen = first.agent(client.instanceUid);
  await seen.until(({ health }) => health === undefined && codes.includes("certificate-refused"), PATIENCE);
  client.setHealth({ healthy: true });
  await seen.until(({ health }) => health?.healthy === true, PATIENCE);
  const requests = first.log.filter(
    ({ message }) => "connectionSettingsRequest" in message && message.connectionSettingsRequest,
  );
  expect([client.phase, requests.length, client.connection?.source]).toEqual(["online", 1, "options"]);
});

const openssl = attempt(() => execFileSync("openssl", ["version"]).toString());

describe.runIf(openssl !== undefined)("openssl", () => {
  test.each(keyTypes)("verifies a request for a key of the kind %s, and reads its names", async (type) => {
    const subject = {
      commonName: "a",
      organization: "M\u00fcnchen",
      dnsNames: ["a.example.com"],
      uris: ["urn:uuid:1"],
    };
    const input = signingRequest(type, await newKey(type), subject);
    const text = execFileSync("openssl", ["req", "-noout", "-verify", "-text", "-nameopt", "utf8"], {
      input,
      stdio: "pipe",
    });
    expect(text.toString()).toMatch(/O\s*=\s*M\u00fcnchen, CN\s*=\s*a\n/);
    expect(text.toString()).toContain("DNS:a.example.com, URI:urn:uuid:1");
  });
});
