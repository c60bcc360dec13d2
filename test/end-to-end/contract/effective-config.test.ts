import { describe, expect } from "vitest";
import { verifies } from "../../conformance/verifies.js";
import { bytes, meet, next, offerOf, partsOf, prepare } from "./meeting.js";
import { transports } from "./transports.js";

describe.each(transports)("over $name", (transport) => {
  verifies(
    ["CFG-02", "CFG-07", "CFG-08"],
    "the first report has the configuration in use, any bytes, named or not",
    async () => {
      const body = Uint8Array.from({ length: 256 }, (_, index) => 255 - index);
      const { agent } = await meet(transport, {
        client: { effectiveConfig: async () => ({ "": { body, contentType: "application/octet-stream" } }) },
      });
      expect(agent.received[0]?.effectiveConfig).toBeDefined();
      expect(Object.keys(agent.effectiveFiles)).toEqual([""]);
      expect(agent.effectiveFiles[""]).toMatchObject({ body, contentType: "application/octet-stream" });
    },
  );

  verifies("CFG-02", "without a provider no configuration is ever reported", async () => {
    const { agent } = await meet(transport, { client: { remoteConfig: { apply: () => undefined } } });
    agent.offerConfig({ a: "1" });
    await agent.until(() => agent.hasApplied());
    agent.requestFullState();
    await agent.until(({ received }) => received.filter(({ agentDescription }) => agentDescription).length === 2);
    expect(agent.received.flatMap(partsOf)).not.toContain("effectiveConfig");
  });

  verifies(
    ["CFG-03", "CFG-04"],
    "the effective config after an offer is reported in the message with APPLIED",
    async () => {
      const local = "local: true";
      let remote = "";
      const { agent } = await meet(transport, {
        client: {
          remoteConfig: {
            async apply({ files }) {
              await new Promise((resolve) => setImmediate(resolve));
              const text = files["a.yaml"]?.text() ?? "";
              if (text.includes("broken")) throw new Error("broken");
              remote = text;
            },
          },
          effectiveConfig: async () => ({ "merged.yaml": { body: `${local}\n${remote}` } }),
        },
      });
      agent.send(offerOf("h1", { "a.yaml": "remote: 1" }));
      await agent.until(() => agent.hasApplied(bytes("h1")));
      expect(partsOf(agent.received.find(({ remoteConfigStatus: status }) => status?.status === 1))).toEqual([
        "effectiveConfig",
        "remoteConfigStatus",
      ]);
      expect(agent.effectiveFiles["merged.yaml"]?.text()).toBe("local: true\nremote: 1");
      const heard = agent.received.length;
      agent.send(offerOf("h2", { "a.yaml": "broken" }));
      await agent.until(({ remoteConfig }) => remoteConfig?.error === "broken");
      expect(agent.received.slice(heard).flatMap(partsOf)).not.toContain("effectiveConfig");
      agent.requestFullState();
      const asked = agent.received.length;
      await agent.until(({ received }) =>
        received.slice(asked).some(({ effectiveConfig }) => effectiveConfig !== undefined),
      );
      expect(agent.effectiveFiles["merged.yaml"]?.text()).toBe("local: true\nremote: 1");
    },
  );

  verifies("CFG-04", "an offer that does not change the effective config is followed by the status alone", async () => {
    const { agent } = await meet(transport, {
      client: { remoteConfig: { apply: () => undefined }, effectiveConfig: () => ({ a: { body: "same" } }) },
    });
    const heard = agent.received.length;
    agent.offerConfig({ a: "1" });
    await agent.until(() => agent.hasApplied());
    expect(new Set(agent.received.slice(heard).flatMap(partsOf))).toEqual(new Set(["remoteConfigStatus"]));
  });

  verifies("CFG-03", "a provider that fails or is slow only affects its own part", async () => {
    let provide: () => Promise<{ a: { body: string } }> = () => Promise.reject(new Error("unreadable"));
    const { agent, client } = await prepare(transport, {
      client: { effectiveConfig: () => provide(), timeouts: { effectiveConfigMs: 10 }, health: { healthy: true } },
    });
    const failed = next(client, "error");
    client.start();
    await client.connected();
    expect(await failed).toMatchObject({ code: "ERR_OPAMP_HANDLER", message: expect.stringContaining("unreadable") });
    expect(partsOf(agent.received[0])).toEqual(["agentDescription", "health"]);

    let answer: (files: { a: { body: string } }) => void = () => undefined;
    provide = () => new Promise((resolve) => (answer = resolve));
    const late = next(client, "error");
    client.setHealth({ healthy: false });
    client.refreshEffectiveConfig();
    await agent.until(({ health }) => health?.healthy === false);
    expect(await late).toMatchObject({ code: "ERR_OPAMP_HANDLER", message: expect.stringContaining("10 ms") });
    answer({ a: { body: "late" } });
    await agent.until(({ effectiveFiles }) => effectiveFiles["a"]?.text() === "late");
  });
});
