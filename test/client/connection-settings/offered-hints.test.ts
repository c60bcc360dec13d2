import { describe, expect, test } from "vitest";
import { fileWords } from "../../../src/cli/surface-words.js";
import { offeredHints } from "../../../src/client/connection/offered-hints.js";
import { laidOver, type OwnSettings } from "../../../src/connection-settings/laid-over.js";
import type { Snapshot } from "../../../src/connection-settings/snapshot.js";
import type { Use } from "../../../src/core/io.js";
import { OpAMPError } from "../../../src/errors.js";
import { testCertificates } from "../../../src/testing/index.js";
import { dialFailed, statusRefused } from "../../../src/transport/explain/connect-error.js";
import { explainNetwork } from "../../../src/transport/explain/explain-network.js";
import { proxyFor } from "../../../src/transport/proxy/proxy.js";
import { connectRefused, proxyUnreachable } from "../../../src/transport/proxy/proxy-error.js";

const OLD = "wss://old.example.com/v1/opamp";
const NEW = "wss://new.example.com/v1/opamp";
const TOKEN = { authorization: "Bearer s3cret-t0ken" };
const FAILURE = {
  code: "ECONNRESET",
  text: "",
  addresses: [],
  certificate: undefined,
  host: undefined,
  bytes: new Uint8Array(),
};
const { server } = await testCertificates();

/** The hint, in the words of the agent's file, of a failure with such settings. */
function hintFor(error: OpAMPError, snapshot: Snapshot, own: Partial<OwnSettings> = {}, use: Use = "committed") {
  const options: OwnSettings = { url: OLD, headers: undefined, tls: undefined, proxy: false, ...own };
  const hinted = offeredHints(options, laidOver(options, snapshot, false), use, () => Date.UTC(2500, 1));
  return fileWords((hinted?.(error) ?? error).hint);
}

const refused = (status: number): OpAMPError => statusRefused(status, {}, new URL(NEW), 0).error;

function hungUp(): OpAMPError {
  const { code = "ERR_OPAMP_CONNECT", says = "", hint } = explainNetwork(FAILURE, new URL(NEW), "dialling") ?? {};
  return new OpAMPError(code, says, { hint });
}

describe("a refusal of credentials", () => {
  test("is for the server to correct where the headers that count were offered", () => {
    const back = "write another connection_settings.epoch to go back to the file";
    expect(hintFor(refused(401), { headers: TOKEN })).toBe(`have the server offer credentials that count, or ${back}`);
    expect(hintFor(refused(403), { headers: TOKEN })).toContain(`${back}; and check `);
    expect(hintFor(refused(401), { headers: TOKEN }, {}, "candidate")).toBe(
      "have the server offer credentials that count",
    );
  });

  test("says that the file's headers were withheld from another server", () => {
    const why =
      "the offer names no headers, and those of the file go to their own server alone (connection_settings.keep_headers)";
    const todo = ": have the server offer headers for this endpoint";
    for (const headers of [TOKEN, () => TOKEN]) {
      expect(hintFor(refused(401), { endpoint: NEW }, { headers: [headers] }, "candidate")).toBe(why + todo);
    }
    const url = "wss://user:s3cret@old.example.com/";
    expect(hintFor(refused(401), { endpoint: NEW }, { url }, "candidate")).toBe(why + todo);
    expect(hintFor(refused(401), { endpoint: NEW }, {}, "candidate")).toBe(`the offer names no headers${todo}`);
  });

  test("is for the operator to correct where the file's headers count", () => {
    const usual = "check the credentials in headers and auth";
    expect(hintFor(refused(401), {}, { headers: [TOKEN] })).toBe(usual);
    expect(hintFor(refused(401), { endpoint: `${OLD}/other` }, { headers: [TOKEN] })).toBe(usual);
    expect(hintFor(refused(401), {})).toBe(usual);
  });
});

describe("a server that hangs up", () => {
  test("says when the certificate that was offered ended", () => {
    const { cert, key } = server;
    expect(hintFor(hungUp(), { certificate: { cert, key } })).toMatch(
      /^the client certificate that the server offered ended on \d{4}-.*: have the server offer another one, or write an/,
    );
  });

  test("says that an offer without a certificate took it away", () => {
    expect(hintFor(hungUp(), { certificate: null }, { tls: { cert: "/c.pem", key: "/k.pem" } })).toMatch(
      /^the offer names no certificate, so none was shown \(connection_settings\.keep_certificate\): have/,
    );
  });

  test("has the operator look at cert_file where that counts", () => {
    expect(hintFor(hungUp(), { endpoint: NEW }, { tls: { cert: "/c.pem", key: "/k.pem" } })).toContain("cert_file");
  });
});

test("an authority that is not trusted is for the server to offer where it offered those that are", () => {
  const error = new OpAMPError("ERR_OPAMP_TLS", "x", { hint: "give that authority's certificate as tls.ca" });
  expect(hintFor(error, { tls: { ca: server.cert, includeSystemCa: false, insecureSkipVerify: false } })).toContain(
    "have the server offer this one too, in tls.ca_pem_contents",
  );
  expect(hintFor(error, { headers: TOKEN }, { tls: { ca: "/ca.pem" } })).toBe(
    "give that authority's certificate as ca_file",
  );
});

/** A dial that fails with this code of Node. */
const dialled = (code: string): OpAMPError => dialFailed(Object.assign(new Error(code), { code }), new URL(NEW)).error;

describe("while settings are on trial, a hint is for who offers them", () => {
  test.each([
    ["SELF_SIGNED_CERT_IN_CHAIN", /^have the server offer its authority in tls\.ca_pem_contents, and send/],
    ["DEPTH_ZERO_SELF_SIGNED_CERT", /^have the server offer its authority in tls\.ca_pem_contents/],
    ["ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED", /^have the server offer one$/],
    ["ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE", /^have the server offer one$/],
    ["ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE", /client certificate \(have the server offer one\), or/],
    ["ERR_TLS_CERT_ALTNAME_INVALID", /^use a name that the certificate has, or give the server one for this name$/],
    ["ERR_SSL_TLSV1_UNRECOGNIZED_NAME", /^check the host in the URL$/],
  ])("of %s", (code, hint) => {
    const error = dialled(code);
    expect(hintFor(error, { endpoint: NEW }, {}, "candidate")).toMatch(hint);
    expect(hintFor(error, {}, {})).toBe(fileWords(error.hint));
  });

  test("of a certificate that is the agent's own", () => {
    const own = { tls: { cert: "/c.pem", key: "/k.pem" } };
    expect(hintFor(dialled("ERR_SSL_TLSV1_ALERT_UNKNOWN_CA"), { endpoint: NEW }, own, "candidate")).toBe(
      "the client certificate is the agent's own: have the server accept it, or offer another one",
    );
  });
});

describe("a proxy that was offered", () => {
  const URL_OF_PROXY = "http://proxy.example.com:3128";
  const refusedBy = async (status: number, headers = {}) => {
    const proxy = await proxyFor(new URL(NEW), { proxy: { url: URL_OF_PROXY, headers }, tls: undefined });
    if (proxy === undefined) throw new Error("there is no proxy");
    return [
      connectRefused(proxy, "new.example.com:443", status),
      proxyUnreachable(proxy, Object.assign(new Error("x"), { code: "ENOTFOUND" })),
    ] as const;
  };
  const offered = { proxy: { url: URL_OF_PROXY, headers: {} } };

  test.each([403, 407])("and answers %s is for the server to replace", async (status) => {
    const [error] = await refusedBy(status);
    const hint = hintFor(error, offered, {}, "candidate");
    expect(hint).toMatch(/have the server offer another proxy, or credentials for it$/);
    expect(hintFor(error, offered)).toMatch(/, or write another connection_settings\.epoch to go back to the file$/);
    expect(hint).not.toMatch(/NO_PROXY|URL/);
  });

  test("and does not accept the header that was offered is not said to have a user in its URL", async () => {
    const [error] = await refusedBy(407, { "Proxy-Authorization": TOKEN.authorization });
    expect(hintFor(error, offered, {}, "candidate")).toBe(
      "the proxy does not accept the Proxy-Authorization header that it is given",
    );
  });

  test("and is gone leaves the way back to the file", async () => {
    const [, error] = await refusedBy(403);
    expect(hintFor(error, offered)).toMatch(
      /^the proxy's name does not resolve.*; the server offered this connection: to leave it, write another connection_settings\.epoch to go back to the file$/,
    );
    expect(hintFor(error, offered, {}, "candidate")).not.toContain("epoch");
    expect(hintFor(error, {}, offered)).not.toContain("epoch");
  });
});

test.each([[dialled("ECONNREFUSED")], [refused(404)], [dialled("CERT_HAS_EXPIRED")]])(
  "an endpoint that was offered and where no server is leaves the way back to the file: %s",
  (error) => {
    const back = "; the server offered this connection: to leave it, write another connection_settings.epoch";
    expect(hintFor(error, { endpoint: NEW })).toBe(`${fileWords(error.hint)}${back} to go back to the file`);
    expect(hintFor(error, { headers: TOKEN })).toBe(fileWords(error.hint));
    expect(hintFor(error, { endpoint: NEW }, {}, "candidate")).toBe(fileWords(error.hint));
    const options: OwnSettings = { url: OLD, headers: undefined, tls: undefined, proxy: false };
    const hinted = offeredHints(options, laidOver(options, { endpoint: NEW }, false), "committed", () => 0);
    expect(hinted?.(error).hint).toMatch(
      /settingsEpoch, or call forgetConnectionSettings\(\), to go back to the options$/,
    );
  },
);

test("a server in force that is busy, or breaks off, is not to be left", () => {
  expect(hintFor(refused(429), { endpoint: NEW })).toBe("the client comes back by itself after the pause");
});
