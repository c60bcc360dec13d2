import { existsSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished } from "vitest";
import { AgentCapabilities } from "../../../src/gen/opamp/v1/opamp_pb.js";
import type { ServerToAgentFields } from "../../../src/testing/index.js";
import { verifies } from "../../conformance/verifies.js";
import { startServer } from "../../server/server-fixture.js";
import { offerOf } from "../contract/meeting.js";
import { startTimed, until, urlOf, ways } from "./network-fixture.js";

const ACCEPTS_REMOTE_CONFIG = BigInt(AgentCapabilities.AgentCapabilities_AcceptsRemoteConfig);
const SIXTEEN = new Uint8Array(16).fill(1);

/** What nobody in his right mind would offer, besides what the capabilities of the agent ask for. */
const HOSTILE: Readonly<Record<string, ServerToAgentFields>> = {
  "paths for names": offerOf("paths", { "../../escape": "1", "/etc/passwd": "2", "C:\\x": "3", "a/../../b": "4" }),
  "names that are no text": offerOf("nul", { "nul\0byte": "1", "": "2", "line\nbreak": "3", "\u202e": "4" }),
  "names that objects have": offerOf("proto", JSON.parse('{"__proto__":"1","constructor":"2","toString":"3"}')),
  "five thousand files": offerOf("many", Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`f${i}`, ""]))),
  "a hash of a mebibyte": offerOf(new Uint8Array(2 ** 20), { "a.yaml": "a: 1" }),
  "connection settings from nowhere": {
    connectionSettings: {
      hash: SIXTEEN,
      opamp: {
        destinationEndpoint: "javascript:alert(1)",
        headers: { headers: [{ key: "bad\r\nname", value: "x\r\ny" }] },
        heartbeatIntervalSeconds: 2n ** 63n,
      },
      ownMetrics: { destinationEndpoint: "file:///etc/passwd" },
      otherConnections: { "../x": { destinationEndpoint: "\0" } },
    },
  },
  "packages with paths for names": {
    packagesAvailable: {
      allPackagesHash: SIXTEEN,
      packages: { "../../bin/sh": { version: "../", file: { downloadUrl: "file:///etc/passwd" }, hash: SIXTEEN } },
    },
  },
  "custom messages for nobody": { customMessage: { capability: "../../x\0", type: "\0".repeat(1_000), data: SIXTEEN } },
  "a uid of all kinds of bytes": { agentIdentification: { newInstanceUid: new Uint8Array(1_000) } },
};

for (const way of ways) {
  describe(`over ${way.name}`, () => {
    verifies("SEC-05", "an agent that did not opt in to remote configuration ignores offers", async () => {
      const server = await startServer();
      const { client, clock, errors, ...timed } = startTimed({ url: urlOf(server, way) });
      await timed.settled();
      const agent = server.agent(client.instanceUid);
      expect(agent.capabilityMask & ACCEPTS_REMOTE_CONFIG).toBe(0n);
      agent.offerConfig({ "a.yaml": "a: 1" });
      for (let beats = 0; beats < 2; beats++) {
        const heard = agent.received.length;
        await clock.advance(30_000);
        await agent.until(({ received }) => received.length > heard);
        await until(() => client.stats().messagesReceived >= agent.received.length);
      }
      expect(agent.sent.some(({ remoteConfig }) => remoteConfig !== undefined)).toBe(true);
      expect([agent.remoteConfig, errors, client.phase]).toEqual([undefined, [], "online"]);
      expect(client.stats().offers).toEqual({ applied: 0, failed: 0, superseded: 0 });
    });

    verifies("SEC-01", "hostile offers reach the handler unchanged or not at all, and no file is written", async () => {
      const folder = mkdtempSync(join(tmpdir(), "opamp-offers-"));
      const home = process.cwd();
      process.chdir(folder);
      onTestFinished(() => {
        process.chdir(home);
        rmSync(folder, { recursive: true });
      });
      const server = await startServer();
      const names: string[] = [];
      const { client, clock, ...timed } = startTimed({
        url: urlOf(server, way),
        heartbeat: { maxMs: 30_000 },
        remoteConfig: { apply: ({ files }) => void names.push(...Object.keys(files)) },
      });
      await timed.settled();
      const agent = server.agent(client.instanceUid);
      /** Polls, and waits until all has been said that follows from that. */
      const poll = async (): Promise<void> => {
        if (!way.duplex) await clock.advance(30_000);
        for (let said = -1; said < client.stats().messagesSent; ) {
          said = client.stats().messagesSent;
          await until(() => client.stats().messagesReceived >= said);
          await clock.advance(0);
        }
      };
      for (const fields of [...Object.values(HOSTILE), offerOf("last", { "last.yaml": "" })]) {
        agent.send(fields);
        await poll();
      }
      for (let polls = 0; polls < 50 && !names.includes("last.yaml"); polls++) await poll();
      expect(names).toContain("last.yaml");
      for (const name of ["../../escape", "nul\0byte", "__proto__", "constructor"]) expect(names).toContain(name);
      expect(names.filter((name) => /^f\d+$/.test(name))).toHaveLength(5_000);
      expect(client.phase).toBe("online");
      expect(readdirSync(folder)).toEqual([]);
      expect(existsSync(join(folder, "../../escape"))).toBe(false);
    });
  });
}
