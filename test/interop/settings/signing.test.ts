import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect } from "vitest";
import type { CertificateOptions } from "../../../src/index.js";
import { folderForTest } from "../../agent/config-directory/folder.js";
import { verifies } from "../../conformance/verifies.js";
import { next } from "../../end-to-end/contract/meeting.js";
import { lastingStore } from "../../store/store-fixture.js";
import { mark, messages, startAgent, startServer, type TransportName, transports, untilCount } from "../fixture.js";
import type { GoServer, MessageEvent } from "../go-server.js";
import { connections, moved, offerSettings, secureServer, secureUrl, untilSettings } from "./moving.js";

const OFFERS_WITHOUT_REQUESTS = `${0x3f}`;
const OTHER_UID = Uint8Array.from({ length: 16 }, (_, index) => 0xa0 + index);
const BAD_REQUEST = 1;
const SHORT_SECONDS = 4;

function csrIn({ connectionSettingsRequest }: MessageEvent["message"]): Uint8Array | undefined {
  return connectionSettingsRequest?.opamp?.certificateRequest?.csr;
}

/** The next request for a certificate. */
async function request(server: GoServer, since = 0): Promise<Uint8Array> {
  const { message } = await server.until("message", ({ message }) => csrIn(message) !== undefined, { since });
  return csrIn(message) ?? expect.fail("no request");
}

async function requests(server: GoServer): Promise<number> {
  await mark(server);
  return messages(server).filter(({ message }) => csrIn(message) !== undefined).length;
}

interface Given {
  /** Flags of the server. */
  args?: readonly string[];
  /** Called before the agent starts. */
  ready?(server: GoServer): Promise<void>;
}

/** An agent that asks an authority's server for a certificate. */
async function asking(
  transport: TransportName,
  certificates: CertificateOptions = {},
  { args = [], ready }: Given = {},
) {
  const [folder, store] = [folderForTest(), lastingStore()];
  const server = await secureServer(folder, "optional", ...args);
  await ready?.(server);
  const ca = readFileSync(join(folder, "ca.pem"), "utf8");
  const start = () => {
    return moved(server, transport, true, {
      url: secureUrl(server, transport),
      tls: { ca },
      store,
      // Over HTTP a certificate comes with an answer.
      heartbeat: { intervalMs: 20 },
      connectionSettings: { opamp: true, certificates: { request: true, ...certificates } },
    });
  };
  return { server, folder, start, agent: await start() };
}

/** Has the authority issue what was requested, and offers it. */
async function issue(
  server: GoServer,
  transport: TransportName,
  hash: string,
  csr: Uint8Array,
  { seconds = 3_600, endpoint = "" } = {},
): Promise<void> {
  const { cert, ca } = await server.issue({ csr }, seconds);
  const certificate = { cert: Buffer.from(cert), caCert: Buffer.from(ca) };
  await offerSettings(server, transport, hash, { certificate, destinationEndpoint: endpoint });
}

async function shown(server: GoServer, since = 0): Promise<readonly (string | undefined)[]> {
  return [...new Set((await connections(server, since)).map(({ client }) => client))];
}

describe.each(transports)("an agent that asks a Go server for a certificate over %s", (transport) => {
  describe.each(["ec-p256", "ed25519", "rsa-3072"] as const)("for a key of the type %s", (keyType) => {
    verifies(["CERT-05", "CERT-06", "CERT-07"], "is moved to a server that demands it, and keeps it", async () => {
      const { server, folder, agent, start } = await asking(transport, { keyType });
      const csr = await request(server);
      const demanding = await secureServer(folder, "known");
      await issue(server, transport, "h1", csr, { endpoint: secureUrl(demanding, transport) });
      await untilSettings(demanding, "APPLIED", "h1");
      const uid = agent.client.instanceUid;
      expect(await shown(demanding)).toEqual([`CN=${uid}`]);
      const { fingerprint } = agent.client.connection?.certificate ?? {};
      const [first] = await connections(demanding);
      expect(first?.fingerprint).toBe(fingerprint?.replaceAll(":", "").toLowerCase());
      // Once, and the key is nowhere in it.
      expect([await requests(server), await requests(demanding)]).toEqual([1, 0]);
      expect(Buffer.from(csr).toString()).not.toContain("PRIVATE");
      await agent.client.stop();
      const since = await mark(demanding);
      await start();
      expect(await shown(demanding, since)).toEqual([`CN=${uid}`]);
      expect(await requests(demanding)).toBe(0);
    });
  });

  verifies(["CERT-05", "CERT-07"], "takes it with the answer to the request itself", async () => {
    const ready = (to: GoServer) => to.sign({ connectionSettings: { hash: Buffer.from("h1") } });
    const { server, agent } = await asking(transport, { subject: { commonName: "agent 7" } }, { ready });
    await untilSettings(server, "APPLIED", "h1");
    expect(await shown(server)).toEqual([undefined, "CN=agent 7"]);
    expect(agent.client.connection?.certificateRequest).toBeUndefined();
    expect(await requests(server)).toBe(1);
  });

  verifies("CERT-06", "sends no request to a server that takes none", async () => {
    const { server } = await asking(transport, {}, { args: ["-capabilities", OFFERS_WITHOUT_REQUESTS] });
    await untilCount(server, 5);
    expect(await requests(server)).toBe(0);
  });

  verifies("CERT-05", "sends no request without TLS, and says so", async () => {
    const server = await startServer();
    const { client } = await moved(server, transport, true, {
      heartbeat: { intervalMs: 20 },
      connectionSettings: { opamp: true, certificates: {} },
    });
    const warnings: string[] = [];
    client.on("warning", ({ code }) => warnings.push(code));
    client.requestCertificate();
    await untilCount(server, 5, await mark(server));
    expect(await requests(server)).toBe(0);
    await expect.poll(() => warnings).toEqual(["certificate-not-requested"]);
  });

  verifies("CERT-07", "waits for it across a restart, and has the key for it then", async () => {
    const { server, agent, start } = await asking(transport);
    const csr = await request(server);
    // The answer has come with whatever followed the request.
    await untilCount(server, 3, await mark(server));
    await agent.client.stop();
    const { client } = await start();
    await issue(server, transport, "h1", csr);
    await untilSettings(server, "APPLIED", "h1");
    expect((await shown(server)).at(-1)).toBe(`CN=${client.instanceUid}`);
    expect(await requests(server)).toBe(1);
  });

  verifies("CERT-07", "takes none for another key, and none that has ended", async () => {
    const { server, agent } = await asking(transport);
    const csr = await request(server);
    const { cert, ca } = await server.issue({ name: "somebody" });
    const foreign = { cert: Buffer.from(cert), caCert: Buffer.from(ca) };
    await offerSettings(server, transport, "h1", { certificate: foreign });
    const { connectionSettingsStatus } = await untilSettings(server, "FAILED", "h1");
    expect(connectionSettingsStatus?.errorMessage).toMatch(/certificate/);
    await issue(server, transport, "h2", csr, { seconds: -7_200 });
    const { connectionSettingsStatus: ended } = await untilSettings(server, "FAILED", "h2");
    expect(ended?.errorMessage).toMatch(/ended on/);
    expect(await shown(server)).toEqual([undefined]);
    expect(agent.client.connection).toMatchObject({ source: "options", certificateRequest: { state: "requested" } });
    await issue(server, transport, "h3", csr);
    await untilSettings(server, "APPLIED", "h3");
  });

  verifies("CERT-08", "that is refused does not repeat the request until its host asks", async () => {
    const { server, agent } = await asking(transport, { request: false });
    const warnings: string[] = [];
    agent.client.on("warning", ({ code, message }) => warnings.push(`${code} ${message}`));
    await server.reply({ errorResponse: { type: BAD_REQUEST, errorMessage: "unknown tenant" } }, { times: 0 });
    agent.client.requestCertificate();
    const first = await request(server);
    await expect.poll(() => warnings).toEqual([expect.stringMatching(/^certificate-refused .*unknown tenant/)]);
    await server.clear();
    await untilCount(server, 5, await mark(server));
    expect(await requests(server)).toBe(1);
    const again = await mark(server);
    agent.client.requestCertificate();
    const second = await request(server, again);
    expect(Buffer.from(second).equals(Buffer.from(first))).toBe(false);
    await issue(server, transport, "h1", second);
    await untilSettings(server, "APPLIED", "h1");
  });

  verifies("CERT-08", "asks for the next one before the end, with another key", async () => {
    // After half of the time for which it can be of use, at the earliest.
    const { server } = await asking(transport, { renewBefore: 3_600_000 });
    await issue(server, transport, "h1", await request(server), { seconds: SHORT_SECONDS });
    await untilSettings(server, "APPLIED", "h1");
    const [first] = (await connections(server)).filter(({ client }) => client !== undefined);
    const since = await mark(server);
    await issue(server, transport, "h2", await request(server, since));
    await untilSettings(server, "APPLIED", "h2");
    const last = (await connections(server)).at(-1);
    expect(last?.client).toBe(first?.client);
    expect(last?.fingerprint).not.toBe(first?.fingerprint);
    for (const { fingerprint } of await connections(server, since)) {
      expect([first?.fingerprint, last?.fingerprint]).toContain(fingerprint);
    }
  });

  verifies("CERT-09", "asks again under another instance uid, with the certificate that it has", async () => {
    const { server, agent } = await asking(transport);
    await issue(server, transport, "h1", await request(server));
    await untilSettings(server, "APPLIED", "h1");
    const was = agent.client.instanceUid;
    const since = await mark(server);
    await server.reply({ agentIdentification: { newInstanceUid: OTHER_UID } });
    const csr = await request(server, since);
    expect(await shown(server, since)).toEqual(transport === "ws" ? [] : [`CN=${was}`]);
    await issue(server, transport, "h2", csr);
    await untilSettings(server, "APPLIED", "h2");
    expect((await shown(server)).at(-1)).toBe(`CN=${agent.client.instanceUid}`);
    expect(agent.client.instanceUid).not.toBe(was);
  });
});

verifies("CERT-05", "a Go server that is not trusted gets no request", async () => {
  const [server, other] = [await secureServer(folderForTest()), folderForTest()];
  await (await secureServer(other)).stop();
  const { client } = startAgent(server, "ws", {
    url: secureUrl(server, "ws"),
    tls: { ca: readFileSync(join(other, "ca.pem"), "utf8") },
    store: lastingStore(),
    connectionSettings: { opamp: true, certificates: { request: true } },
  });
  expect(await next(client, "error")).toMatchObject({ code: "ERR_OPAMP_TLS" });
  expect(await requests(server)).toBe(0);
});
