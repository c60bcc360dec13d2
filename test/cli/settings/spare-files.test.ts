import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Diagnosis } from "../../../src/cli/doctor/diagnosis.js";
import type { Snapshot } from "../../../src/connection-settings/snapshot.js";
import { testCertificates } from "../../../src/testing/index.js";
import { startServer } from "../../server/server-fixture.js";
import { opamp } from "../terminal.js";
import { configured, type Given, SECRET } from "./configured.js";

const { ca, server, client } = await testCertificates();
const identity = { cert: client.cert, key: client.key };
const TLS = { ca: "/gone/ca.pem", cert: "/gone/cert.pem", key: "/gone/key.pem" };
const FILES = `tls: { ca_file: ${TLS.ca}, cert_file: ${TLS.cert}, key_file: ${TLS.key} }`;
const SPARE = "not needed while what the server offered is in force";

/** A dry run of an agent whose file names files that are gone. */
async function dryRun(accepted: Snapshot, more: Partial<Given> = {}) {
  const { path } = await configured({ endpoint: "wss://127.0.0.1:1/v1/opamp", ws: FILES, tls: TLS, accepted, ...more });
  const { code, err } = await opamp("agent", "--config", path, "--dry-run");
  const lines = err.split("\n").filter((line) => line.includes("/gone/"));
  return { code, lines: lines.map((line) => line.slice("2026-01-01T00:00:00.000Z ".length)) };
}

const offeredTls = { ca, includeSystemCa: false, insecureSkipVerify: false };

test("files that something offered has replaced are a warning in a dry run, and others stop it", async () => {
  const both = await dryRun({ tls: offeredTls, certificate: identity });
  expect(both).toEqual({
    code: 0,
    lines: [
      expect.stringMatching(new RegExp(`^WARN  server\\.ws\\.tls .*ca_file.*ENOENT.*; ${SPARE}$`)),
      expect.stringMatching(new RegExp(`^WARN  server\\.ws\\.tls .*(cert|key)_file.*ENOENT.*; ${SPARE}$`)),
    ],
  });
  const one = await dryRun({ tls: offeredTls });
  expect(one.code).toBe(2);
  expect(one.lines.map((line) => line.slice(0, 5)).sort()).toEqual(["ERROR", "WARN "]);
});

test("files are needed again once the file counts", async () => {
  const { code, lines } = await dryRun({ tls: offeredTls, certificate: identity }, { epoch: "1" });
  expect([code, lines.map((line) => line.slice(0, 5))]).toEqual([2, ["ERROR", "ERROR"]]);
});

test("a token that is gone is a warning of dry run and doctor while headers were offered", async () => {
  const { url } = await startServer({ tls: server, auth: { bearer: SECRET } });
  const accepted = { endpoint: url, headers: { authorization: `Bearer ${SECRET}` }, tls: offeredTls };
  const { folder, path } = await configured({ endpoint: url, accepted });
  const extension = `bearertokenauth: { filename: ${join(folder, "gone")} }`;
  const opampOf = `opamp: { server: { ws: { endpoint: "${url}", auth: bearertokenauth } } }`;
  writeFileSync(
    path,
    `extensions: { ${extension}, ${opampOf} }
connection_settings: { accept: true }
storage: { directory: ${folder}/state }
`,
  );
  const run = await opamp("agent", "--config", path, "--dry-run");
  expect([run.code, run.err]).toEqual([0, expect.stringMatching(new RegExp(`WARN .*gone.*${SPARE}`))]);
  const { steps, exitCode }: Diagnosis = JSON.parse((await opamp("doctor", "--config", path, "--json")).out);
  const files = steps.filter(({ name }) => name === "files").map(({ status, detail }) => [status, detail]);
  expect(files).toEqual([["warning", expect.stringContaining(SPARE)]]);
  expect(exitCode).toBe(0);
});
