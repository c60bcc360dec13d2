import { describe, expect, test } from "vitest";
import { fileWords } from "../../../src/cli/surface-words.js";
import { offeredHints } from "../../../src/client/connection/offered-hints.js";
import { laidOver, type OwnSettings } from "../../../src/connection-settings/laid-over.js";
import type { Snapshot } from "../../../src/connection-settings/snapshot.js";
import type { Use } from "../../../src/core/io.js";
import { OpAMPError } from "../../../src/errors.js";
import { testCertificates } from "../../../src/testing/index.js";
import { statusRefused } from "../../../src/transport/explain/connect-error.js";
import { explainNetwork } from "../../../src/transport/explain/explain-network.js";

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
      /^the offer names no client certificate, so none is shown \(connection_settings\.keep_certificate\): have/,
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
