import { describe, expect } from "vitest";
import { verifies } from "../conformance/verifies.js";
import {
  APPLIED,
  configHost,
  effectiveText,
  mark,
  messages,
  NEVER_MS,
  offer,
  received,
  startAgent,
  startServer,
  transports,
} from "./fixture.js";

const AGENTS = 50;

describe.each(transports)("fifty agents on one reference server over %s", (transport) => {
  verifies(
    ["UID-02", "SEQ-01", "CFG-05", "CLOSE-01"],
    "all report, apply one offer once, and send agent_disconnect, without affecting each other",
    async () => {
      const server = await startServer();
      await server.reply(offer("h1", { "a.yaml": "for: all" }), { times: 0 });
      const agents = Array.from({ length: AGENTS }, (_, number) => {
        const { handlers, applied } = configHost();
        const description = { identifying: { "service.name": "agent", number } };
        const { client, errors } = startAgent(server, transport, { ...handlers, description });
        return { client, errors, applied, uid: client.instanceUid.replaceAll("-", "") };
      });
      expect(new Set(agents.map(({ uid }) => uid)).size).toBe(AGENTS);
      const done = new Set<string>();
      await server.until(
        "message",
        ({ uid, message }) => {
          const applied = message.remoteConfigStatus?.status === APPLIED && effectiveText(message) === "for: all";
          return applied && done.add(uid).size === AGENTS;
        },
        { timeoutMs: 20_000 },
      );
      await Promise.all(agents.map(({ client }) => client.stop()));
      const all = await received(server);
      for (const [number, { errors, applied, uid }] of agents.entries()) {
        const own = all.filter((event) => event.uid === uid).map(({ message }) => message);
        expect(own.map(({ sequenceNum }) => sequenceNum)).toEqual(own.map((_, index) => BigInt(index + 1)));
        expect(own[0]?.agentDescription?.identifyingAttributes[0]?.value?.value.value).toBe(BigInt(number));
        expect(own.filter(({ remoteConfigStatus }) => remoteConfigStatus?.status === APPLIED)).toHaveLength(1);
        expect(own.at(-1)?.agentDisconnect).toBeDefined();
        expect(applied).toHaveLength(1);
        expect(errors).toEqual([]);
      }
      expect(new Set(all.map(({ uid }) => uid)).size).toBe(AGENTS);
    },
  );

  verifies(
    ["UID-03", "SEQ-02", "STATUS-03", "RETRY-02"],
    "all reconnect with their identity and lost reports when the server cuts them off",
    async () => {
      const server = await startServer();
      const heartbeat = { intervalMs: NEVER_MS };
      const agents = Array.from({ length: AGENTS }, () => startAgent(server, transport, { heartbeat }).client);
      await Promise.all(agents.map((client) => client.connected({ timeoutMs: 20_000 })));
      const since = await mark(server);
      for (const client of agents) {
        await server.silent({ uid: client.instanceUid, how: "cut" });
        client.setHealth({ healthy: true });
      }
      await server.until("message", () => messages(server, since).length === 2 * AGENTS, { timeoutMs: 20_000 });
      for (const client of agents) {
        const uid = client.instanceUid.replaceAll("-", "");
        const own = (await received(server, since)).filter((event) => event.uid === uid);
        expect(own.map(({ message }) => message.sequenceNum)).toEqual([2n, 3n]);
        expect(own.map(({ message }) => message.health?.healthy)).toEqual([true, true]);
        expect(own.map(({ message }) => message.agentDescription !== undefined)).toEqual([false, true]);
        expect(own[0]?.conn).not.toBe(own[1]?.conn);
      }
    },
  );
});
