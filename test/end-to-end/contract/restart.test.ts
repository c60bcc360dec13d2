import { describe, expect } from "vitest";
import { memoryStore, type StoredState } from "../../../src/index.js";
import { verifies } from "../../conformance/verifies.js";
import { another, bytes, meet, offerOf, partsOf } from "./meeting.js";
import { everyTransport } from "./transports.js";

describe.each(everyTransport)("over $name", (transport) => {
  verifies(
    ["CFG-05", "STATUS-02", "UID-03"],
    "what was applied before a restart is in the first report after it",
    async () => {
      const store = memoryStore();
      const applied: unknown[] = [];
      const options = { store, remoteConfig: { apply: (config: unknown) => void applied.push(config) } };
      const meeting = await meet(transport, { client: options });
      const { agent, client } = meeting;
      const hash = agent.offerConfig({ a: "1" });
      await agent.until(() => agent.hasApplied(hash));
      await client.stop();
      const heard = agent.received.length;
      const sent = agent.sent.length;

      const restarted = another(meeting, options);
      restarted.start();
      await restarted.connected();
      expect(restarted.instanceUid).toBe(client.instanceUid);
      expect(partsOf(agent.received[heard])).toEqual(["agentDescription", "remoteConfigStatus"]);
      expect(agent.received[heard]?.sequenceNum).toBe(1n);
      expect(agent.hasApplied(hash)).toBe(true);
      restarted.setHealth({ healthy: true });
      await agent.until(({ health }) => health !== undefined);
      expect(agent.sent.slice(sent).filter(({ remoteConfig }) => remoteConfig !== undefined)).toEqual([]);
      expect(applied).toHaveLength(1);
    },
  );

  verifies(["CFG-05", "CFG-06"], "what failed before a restart is reported as failed and not tried again", async () => {
    const store = memoryStore();
    let applied = 0;
    const options = {
      store,
      remoteConfig: {
        apply() {
          applied += 1;
          throw new Error("cannot bind");
        },
      },
    };
    const meeting = await meet(transport, { client: options });
    const { agent, client } = meeting;
    agent.send(offerOf("h1", { a: "1" }));
    await agent.until(({ remoteConfig }) => remoteConfig?.error === "cannot bind");
    await client.stop();
    const heard = agent.received.length;

    const restarted = another(meeting, options);
    restarted.start();
    await restarted.connected();
    expect(agent.received[heard]?.remoteConfigStatus).toMatchObject({
      lastRemoteConfigHash: bytes("h1"),
      status: 3,
      errorMessage: "cannot bind",
    });
    agent.send(offerOf("h1", { a: "1" }));
    agent.requestFullState();
    const asked = agent.received.length;
    await agent.until(({ received }) =>
      received.slice(asked).some(({ agentDescription }) => agentDescription !== undefined),
    );
    expect(applied).toBe(1);
  });

  verifies("UID-03", "a store that loses its state or fails still leaves a working agent", async () => {
    const saved: StoredState[] = [];
    const { client, agent } = await meet(transport, {
      client: {
        store: {
          load: () => Promise.reject(new Error("no such file")),
          save: async (state) => {
            saved.push(state);
            throw new Error("read-only");
          },
        },
        remoteConfig: { apply: () => undefined },
      },
    });
    agent.offerConfig({ a: "1" });
    await agent.until(() => agent.hasApplied());
    await client.stop();
    expect(saved.at(-1)).toMatchObject({ remoteConfig: { status: "applied", error: "" } });
  });
});
