import { describe, expect } from "vitest";
import { verifies } from "../../../conformance/verifies.js";
import { recorded } from "../disk.js";
import { moved, NEW, offer } from "../moved.js";

const TEXT = "the offer names no certificate, so none was shown";
const tls = { cert: "/etc/agent/client.pem", key: "/etc/agent/client.key" };

describe.each([
  { had: "a certificate", options: { tls }, keepCertificate: false, isNamed: true },
  { had: "a certificate that is kept", options: { tls }, keepCertificate: true, isNamed: false },
  { had: "none", options: {}, keepCertificate: false, isNamed: false },
])("an agent that had $had and is offered none", ({ options, keepCertificate, isNamed }) => {
  verifies("CONN-15", "says so of settings that fail where it matters, after a kill as well", async () => {
    const disk = recorded();
    const agent = await moved({ store: disk.store, policy: { keepCertificate }, options });
    const { servers } = agent;
    await servers.new.close();
    await offer(agent, { destinationEndpoint: NEW });
    const killed = recorded(disk.now());
    await agent.clock.advance(70_000);
    const later = await moved({
      store: killed.store,
      servers,
      policy: { keepCertificate },
      options,
      isOneOfMany: true,
    });
    await later.clock.advance(70_000);
    expect(later.dialled[0]).toBe("new");
    for (const { statuses } of [agent, later]) {
      expect(statuses.at(-1)).toMatch(/^failed: not proved within 60000 ms/);
      expect(statuses.at(-1)?.includes(TEXT)).toBe(isNamed);
    }
  });
});
