import { describe, expect } from "vitest";
import type { CommandType } from "../../../src/proto/index.js";
import { verifies } from "../../conformance/verifies.js";
import { collect, meet, next, offerOf, partsOf } from "./meeting.js";
import { transports } from "./transports.js";

/** A restart handler that counts its calls, and says when there was one more. */
function restarts() {
  let calls = 0;
  let called: () => void = () => undefined;
  return {
    get calls() {
      return calls;
    },
    restart() {
      calls += 1;
      called();
    },
    next: () => new Promise<void>((resolve) => (called = resolve)),
  };
}

describe.each(transports)("over $name", (transport) => {
  verifies(
    "CMD-01",
    "a command message without fields restarts the agent, and no command message does not",
    async () => {
      const handler = restarts();
      const { agent, client } = await meet(transport, { client: { restart: handler.restart } });
      client.setHealth({ healthy: true });
      await agent.until(({ health }) => health !== undefined);
      expect(handler.calls).toBe(0);
      const called = handler.next();
      agent.send({ command: {} });
      await called;
      const again = handler.next();
      agent.restart();
      await again;
      expect(handler.calls).toBe(2);
    },
  );

  verifies("CMD-02", "everything beside a command is ignored", async () => {
    const handler = restarts();
    const applied: unknown[] = [];
    const { agent, client } = await meet(transport, {
      client: { restart: handler.restart, remoteConfig: { apply: (config) => void applied.push(config) } },
    });
    const called = handler.next();
    agent.send({ command: {}, ...offerOf("h1", { a: "1" }), flags: 1n });
    await called;
    client.setHealth({ healthy: true });
    await agent.until(({ health }) => health !== undefined);
    expect(handler.calls).toBe(1);
    expect(applied).toEqual([]);
    const reports = agent.received.map(partsOf).filter((parts) => parts.length > 0);
    expect(reports).toEqual([["agentDescription", "remoteConfigStatus"], ["health"]]);
    expect(agent.remoteConfig).toMatchObject({ status: "unset", hash: new Uint8Array() });
  });

  verifies("CMD-03", "undeclared and unknown commands are ignored", async () => {
    const plain = await meet(transport);
    const handler = restarts();
    const able = await meet(transport, { client: { restart: handler.restart } });
    const errors = [collect(plain.client, "error"), collect(able.client, "error")];
    plain.agent.restart();
    able.agent.send({ command: { type: 99 as CommandType } });
    for (const { agent, client } of [plain, able]) {
      agent.requestFullState();
      await agent.until(({ received }) => received.filter(({ agentDescription }) => agentDescription).length === 2);
      expect(client.phase).toBe("online");
    }
    expect(errors).toEqual([[], []]);
    expect(handler.calls).toBe(0);
  });

  verifies("CMD-01", "a restart that fails shows as the agent's last error", async () => {
    const { agent, client } = await meet(transport, {
      client: {
        health: { healthy: true, status: "StatusOK" },
        restart: () => Promise.reject(new Error("no permission")),
      },
    });
    const failed = next(client, "error");
    agent.restart();
    expect(await failed).toMatchObject({ code: "ERR_OPAMP_HANDLER" });
    await agent.until(({ health }) => health?.lastError === "restart failed: no permission");
    expect(agent.health).toMatchObject({ healthy: true, status: "StatusOK" });
  });
});
