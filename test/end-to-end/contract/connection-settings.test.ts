import { describe, expect, test } from "vitest";
import type { OpAMPClient, OpAMPClientOptions } from "../../../src/index.js";
import { memoryTransport, type OpAMPServer } from "../../../src/testing/index.js";
import { verifies } from "../../conformance/verifies.js";
import { lastingStore } from "../../store/store-fixture.js";
import { another } from "./meeting.js";
import { type ContractServer, type ContractTransport, everyTransport, type Way } from "./transports.js";

const [UNSET, APPLIED, APPLYING, FAILED] = [0, 1, 2, 3];
const TENANT = { headers: [{ key: "x-tenant", value: "next" }] };

/** Two servers that are reached in the same way, and a client of the first. */
interface Neighbours {
  client: OpAMPClient;
  old: ContractServer;
  next: ContractServer;
  /** The URL of the next one, as an offer names it. */
  endpoint: string;
}

async function meet(transport: ContractTransport, verifyMs = 30_000): Promise<Neighbours> {
  const [old, next] = await Promise.all([transport.start(), transport.start()]);
  const endpoint = transport.way === undefined ? "wss://next.test/v1/opamp" : offered(transport.way, next);
  const client = another(old, {
    store: lastingStore(),
    // What is reached with a certificate of the options is reached so from there, too.
    connectionSettings: { opamp: { endpoints: ["*"], verifyMs, keepCertificate: true, keepHeaders: "own" } },
    ...(transport.way === undefined && inMemory(transport.duplex, old.server, next.server)),
  });
  client.start();
  await client.connected();
  return { client, old, next, endpoint };
}

/** Where upgrades do not get through, an offer has to say so: what it names is not tried in another way. */
function offered({ between }: Way, { options: { url } }: ContractServer): string {
  return between === "blocking gateway" ? String(url).replace(/^ws/, "http") : String(url);
}

function inMemory(duplex: boolean, old: OpAMPServer, next: OpAMPServer): Partial<OpAMPClientOptions> {
  return {
    url: "wss://old.test/v1/opamp",
    transport: ({ endpoint: { url } }) => memoryTransport(url.hostname === "next.test" ? next : old, { duplex }),
  };
}

function offerAt({ server }: ContractServer, { client }: Neighbours, opamp: object, hash = 1): void {
  server.agent(client.instanceUid).send({ connectionSettings: { hash: Uint8Array.of(hash), opamp } });
}

/** Waits for a status with the hash of an offer. */
async function hears({ server }: ContractServer, { client }: Neighbours, status: number, hash?: number) {
  const agent = server.agent(client.instanceUid);
  await agent.until(({ connectionSettingsStatus: told }) => {
    return told?.status === status && told.lastConnectionSettingsHash[0] === hash;
  });
  return agent;
}

function linksOf({ server: { connections, requests } }: ContractServer): number {
  return connections.total + requests.total;
}

describe.each(everyTransport)("over $name", (transport) => {
  verifies(
    ["CONN-04", "CONN-06", "CONN-07", "CONN-08", "CONN-13"],
    "settings that are proved are kept, are not tried again for their hash, and can be forgotten",
    async () => {
      const both = await meet(transport);
      const { client, old, next, endpoint } = both;
      offerAt(old, both, { destinationEndpoint: endpoint, headers: TENANT });
      const at = await hears(next, both, APPLIED, 1);
      const left = await hears(old, both, APPLYING, 1);
      await left.until(({ disconnected }) => disconnected);
      expect(client.connection).toMatchObject({ state: "accepted", source: "server" });
      const { attempts } = next.server;
      if (transport.way !== undefined) {
        for (const { headers } of attempts) expect(headers["x-tenant"]).toBe("next");
      }
      const before = linksOf(old);
      offerAt(next, both, { destinationEndpoint: endpoint, headers: TENANT });
      offerAt(next, both, { heartbeatIntervalSeconds: 60n }, 2);
      await hears(next, both, APPLIED, 2);
      expect([client.phase, at.disconnected, linksOf(old)]).toEqual(["online", false, before]);
      client.forgetConnectionSettings();
      await hears(old, both, UNSET);
      expect(client.connection).toMatchObject({ state: undefined, source: "options" });
    },
  );

  verifies("CONN-09", "settings whose server refuses everybody are rolled back, and reported failed", async () => {
    const both = await meet(transport, 150);
    const { client, old, next, endpoint } = both;
    next.outage(true);
    if (transport.way === undefined) await next.server.close();
    offerAt(old, both, { destinationEndpoint: endpoint, headers: TENANT });
    const at = await hears(old, both, FAILED, 1);
    expect(at.connectionSettingsStatus?.errorMessage).toMatch(/^not proved within 150 ms: /);
    expect(client.connection).toMatchObject({ state: "rolledBack", source: "options" });
    for (const { headers } of old.server.attempts) expect(headers["x-tenant"]).toBeUndefined();
    offerAt(old, both, { heartbeatIntervalSeconds: 60n }, 2);
    await hears(old, both, APPLIED, 2);
  });

  test("settings that are refused, and an interval alone, leave the connection as it is", async () => {
    const both = await meet(transport);
    const { client, old, next } = both;
    const phases: string[] = [];
    client.on("phase", ({ phase }) => void phases.push(phase));
    offerAt(old, both, { destinationEndpoint: "ftp://next.test/" });
    await hears(old, both, FAILED, 1);
    offerAt(old, both, { heartbeatIntervalSeconds: 60n }, 2);
    const at = await hears(old, both, APPLIED, 2);
    expect(at.disconnected).toBe(false);
    expect([phases, linksOf(next)]).toEqual([[], 0]);
  });
});
