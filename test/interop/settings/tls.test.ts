import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { OpAMPClientOptions, OpAMPSettingsPolicy } from "../../../src/index.js";
import { folderForTest } from "../../agent/config-directory/folder.js";
import { verifies } from "../../conformance/verifies.js";
import { lastingStore } from "../../store/store-fixture.js";
import { mark, startServer, type TransportName, transports } from "../fixture.js";
import type { GoServer, IssuedCertificate } from "../go-server.js";
import {
  connections,
  moved,
  type OpAMPSettingsInit,
  offerSettings,
  secureServer,
  secureUrl,
  settingsStatuses,
  token,
  untilSettings,
} from "./moving.js";

/** What a server offers that issued a certificate. */
function certificateOf({ cert, key = "", ca }: IssuedCertificate) {
  return { certificate: { cert: Buffer.from(cert), privateKey: Buffer.from(key), caCert: Buffer.from(ca) } };
}

/** A Go server behind TLS, what leads an agent there, and where the agent comes from. */
async function secured(transport: TransportName, clients?: Parameters<typeof secureServer>[1]) {
  const folder = folderForTest();
  const [old, next] = await Promise.all([startServer(), secureServer(folder, clients)]);
  const ca = readFileSync(join(folder, "ca.pem"), "utf8");
  const there: OpAMPSettingsInit = { destinationEndpoint: secureUrl(next, transport), tls: { caPemContents: ca } };
  return { old, next, folder, ca, there };
}

/** An agent that was moved there with a first offer. */
async function movedBy(
  old: GoServer,
  next: GoServer,
  transport: TransportName,
  settings: OpAMPSettingsInit,
  { policy, more }: { policy?: OpAMPSettingsPolicy; more?: Omit<Partial<OpAMPClientOptions>, "clock"> } = {},
) {
  const agent = await moved(old, transport, policy, more);
  await offerSettings(old, transport, "h1", settings);
  await untilSettings(next, "APPLIED", "h1");
  return agent;
}

/** The fingerprints of the certificates that a server was shown, repetitions left out. */
async function shown(server: GoServer, since = 0): Promise<readonly (string | undefined)[]> {
  return [...new Set((await connections(server, since)).map(({ fingerprint }) => fingerprint))];
}

function plain(fingerprint: string | undefined): string | undefined {
  return fingerprint?.replaceAll(":", "").toLowerCase();
}

/** Why the first offer was not accepted. */
async function whyFailed(old: GoServer, transport: TransportName, settings: OpAMPSettingsInit): Promise<string> {
  await offerSettings(old, transport, "h1", settings);
  const { connectionSettingsStatus } = await untilSettings(old, "FAILED", "h1");
  return connectionSettingsStatus?.errorMessage ?? "";
}

describe.each(transports)("a Go server over %s moves its agent behind TLS", (transport) => {
  verifies("TLS-01", "with the authority that it offers, which counts until it offers another", async () => {
    const { old, next, there } = await secured(transport);
    const store = lastingStore();
    const { client } = await movedBy(old, next, transport, there, { more: { store } });
    await offerSettings(next, transport, "h2", token("second"));
    await untilSettings(next, "APPLIED", "h2");
    const other = await secureServer(folderForTest());
    await offerSettings(next, transport, "h3", { destinationEndpoint: secureUrl(other, transport) });
    await untilSettings(next, "FAILED", "h3");
    await client.stop();
    const since = await mark(next);
    await moved(old, transport, true, { store });
    const [again] = await connections(next, since);
    expect(again).toMatchObject({ tls: "TLS 1.3", headers: { Authorization: "Bearer second" } });
    expect(await connections(other)).toEqual([]);
  });

  verifies(["CERT-03", "CONN-14"], "with a certificate that it offers, key included", async () => {
    const { old, next, there } = await secured(transport, "known");
    const issued = await next.issue({ name: "agent 1" });
    const { client } = await movedBy(old, next, transport, { ...there, ...certificateOf(issued) });
    const [first] = await connections(next);
    expect(first).toMatchObject({ client: "CN=agent 1", transport });
    expect(first?.fingerprint).toBe(plain(client.connection?.certificate?.fingerprint));
    const renewed = await next.issue({ name: "agent 2" });
    const since = await mark(next);
    await offerSettings(next, transport, "h2", certificateOf(renewed));
    await untilSettings(next, "APPLIED", "h2");
    expect((await shown(next, since)).at(-1)).toBe(plain(client.connection?.certificate?.fingerprint));
    expect(await shown(next)).toHaveLength(2);
  });

  verifies("CONN-14", "with a certificate in place of that of the options", async () => {
    const { old, next, folder, there } = await secured(transport, "known");
    const { cert, key = "", ca } = await next.issue({ name: "own" });
    const own = await secureServer(folder, "known");
    const more = { url: secureUrl(own, transport), tls: { ca, cert, key } };
    const issued = await next.issue({ name: "offered" });
    await movedBy(own, next, transport, { ...there, ...certificateOf(issued) }, { more });
    expect((await connections(own)).map(({ client }) => client)).toContain("CN=own");
    for (const { client } of await connections(next)) expect(client).toBe("CN=offered");
    expect(old.events).toHaveLength(1);
  });

  verifies(["CONN-09", "CONN-14"], "which does not take the certificate: the old one is shown again", async () => {
    const { next, folder } = await secured(transport, "known");
    const { cert, key = "", ca } = await next.issue({ name: "own" });
    const foreign = await (await secureServer(folderForTest())).issue({ name: "foreign" });
    const old = await secureServer(folder, "known");
    await moved(old, transport, true, { url: secureUrl(old, transport), tls: { ca, cert, key } });
    const since = await mark(old);
    const offered = { destinationEndpoint: secureUrl(next, transport), ...certificateOf(foreign) };
    expect(await whyFailed(old, transport, offered)).toMatch(/certificate/);
    for (const { client } of await connections(old, since)) expect(client).toBe("CN=own");
    expect(await connections(next)).toEqual([]);
  });

  verifies("CERT-02", "not with the authority of a certificate", async () => {
    const { old, next, there } = await secured(transport, "known");
    const { tls: _, ...untrusted } = { ...there, ...certificateOf(await next.issue({ name: "agent" })) };
    await moved(old, transport);
    expect(await whyFailed(old, transport, untrusted)).toMatch(/certificate.*not trusted/);
    expect(await connections(next)).toEqual([]);
  });

  verifies("CONN-15", "and no certificate is shown once an offer names none", async () => {
    const { old, next, there } = await secured(transport, "optional");
    const issued = await next.issue({ name: "agent" });
    const { client } = await movedBy(old, next, transport, { ...there, ...certificateOf(issued) });
    const since = await mark(next);
    await offerSettings(next, transport, "h2", token("second"));
    await untilSettings(next, "APPLIED", "h2");
    const last = (await connections(next, since)).at(-1);
    expect([last?.fingerprint, last?.headers["Authorization"]]).toEqual([undefined, "Bearer second"]);
    expect(client.connection?.certificate).toBeUndefined();
  });

  test("and the certificate is kept where the agent is told so", async () => {
    const { old, next, there } = await secured(transport, "known");
    const issued = await next.issue({ name: "agent" });
    const policy = { keepCertificate: true };
    await movedBy(old, next, transport, { ...there, ...certificateOf(issued) }, { policy });
    await offerSettings(next, transport, "h2", token("second"));
    await untilSettings(next, "APPLIED", "h2");
    expect(await shown(next)).toHaveLength(1);
  });

  test("which demands the certificate that the offer takes away: that is told as the reason", async () => {
    const { old, next, there } = await secured(transport, "known");
    const issued = await next.issue({ name: "agent" });
    await movedBy(old, next, transport, { ...there, ...certificateOf(issued) });
    await offerSettings(next, transport, "h2", token("second"));
    const { connectionSettingsStatus } = await untilSettings(next, "FAILED", "h2");
    expect(connectionSettingsStatus?.errorMessage).toMatch(/the offer names no certificate, so none was shown$/);
    expect(await shown(next)).toHaveLength(1);
  });

  test.each([
    ["TLS 1.3", { minVersion: "1.3" }],
    ["TLS 1.2", { maxVersion: "1.2" }],
  ] as const)("with %s alone", async (version, versions) => {
    const { old, next, there, ca } = await secured(transport);
    await movedBy(old, next, transport, { ...there, tls: { caPemContents: ca, ...versions } });
    for (const { tls } of await connections(next)) expect(tls).toBe(version);
  });

  test("and cannot move it back to where there is none", async () => {
    const { old, next, there } = await secured(transport);
    const { client } = await movedBy(old, next, transport, there);
    const since = await mark(old);
    await offerSettings(next, transport, "h2", { destinationEndpoint: old.url(transport) });
    const { connectionSettingsStatus } = await untilSettings(next, "FAILED", "h2");
    expect(connectionSettingsStatus?.errorMessage).toMatch(/is not encrypted/);
    expect(client.connection).toMatchObject({ endpoint: secureUrl(next, transport), source: "server" });
    expect(await mark(old)).toBe(since);
    expect(await settingsStatuses(next)).toContain("APPLIED h1");
  });
});
