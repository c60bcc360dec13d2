import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { hexOf, sha256 } from "../../../src/base/bytes.js";
import { fingerprintOf } from "../../../src/connection-settings/fingerprint.js";
import { encodePlain, type Snapshot } from "../../../src/connection-settings/snapshot.js";
import { REQUEST_BLOB } from "../../../src/store/blob-format.js";
import { type FileStore, fileStore } from "../../../src/store/file-store.js";
import type { StoredConnection } from "../../../src/store/store.js";
import type { TlsOptions } from "../../../src/transport/settings/tls-options.js";
import { folderForTest } from "../../agent/config-directory/folder.js";

export const SECRET = "s3cret-t0ken";
export const SINCE = "2026-03-01T12:00:00Z";
const NO_TRIAL = { phase: "none", from: "", to: "", hash: "", crashes: 0 };

export interface Given {
  endpoint: string;
  accepted?: Snapshot;
  candidate?: Snapshot;
  /** What of a signing request is not as usual. */
  request?: { readonly state: string; readonly origin?: string };
  settings?: string;
  epoch?: string;
  /** Below `server.ws`, and the TLS options that it comes to. */
  ws?: string;
  tls?: TlsOptions;
}

/** A file of `opamp agent`, and the state that a run of it left. */
export async function configured(given: Given) {
  const { endpoint, accepted, candidate, request, settings = "accept: true", epoch = "", ws = "", tls } = given;
  const folder = folderForTest();
  const path = join(folder, "opamp.yaml");
  writeFileSync(
    path,
    `server: { ws: { endpoint: "${endpoint}", headers: { X-File: "${SECRET}" }, ${ws} } }
connection_settings: { ${settings} }
storage: { directory: ${folder}/state }
`,
  );
  mkdirSync(join(folder, "state"));
  const store = fileStore(join(folder, "state"));
  await store.load();
  const at = Date.parse(SINCE);
  const own = { url: endpoint, headers: undefined, tls, proxy: "env" as const };
  const fingerprint = fingerprintOf(own, undefined, epoch);
  if (request !== undefined) {
    const rest = { about: "this", keyType: "ec-p256", at, server: "issuer.example.com", origin: fingerprint };
    const record = { ...rest, key: SECRET, csr: "CSR", ...request };
    await store.blobs.write(REQUEST_BLOB, new TextEncoder().encode(JSON.stringify(record)));
  }
  const connection: StoredConnection = {
    fingerprint,
    trial: NO_TRIAL,
    switchedAt: [],
    ...(accepted && { accepted: { blob: await kept(store, accepted), at } }),
    ...(candidate && { candidate: { blob: await kept(store, candidate), offer: "connection-offer-00", at } }),
  };
  await store.save({ connection, connectionSettings: { hash: new Uint8Array([7]), status: "applied", error: "" } });
  // The agent may be running: its store stays open, and locked.
  onTestFinished(() => store.close());
  return { folder, path };
}

async function kept({ blobs }: FileStore, snapshot: Snapshot): Promise<string> {
  const bytes = encodePlain(snapshot);
  const name = `connection-${hexOf(sha256([bytes])).slice(0, 32)}`;
  await blobs?.write(name, bytes);
  return name;
}
