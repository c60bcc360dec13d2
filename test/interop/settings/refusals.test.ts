import { describe, expect } from "vitest";
import { verifies } from "../../conformance/verifies.js";
import { mark, messages, startServer, transports } from "../fixture.js";
import {
  connections,
  moved,
  OWN_HEADERS,
  offerSettings,
  settingsStatuses,
  untilSettings,
  valuesSeen,
} from "./moving.js";
import { tried, unseen } from "./refusals.js";

const OWN_VALUES = Object.values(OWN_HEADERS);

describe.each(transports)("a Go server over %s that offers", (transport) => {
  describe.each(tried)("$what", ({ offer, text, policy, options }) => {
    verifies(["CONN-09", "CONN-10"], "sees its agent come back and say why", async () => {
      const [old, next] = await Promise.all([startServer(), startServer()]);
      const { client } = await moved(old, transport, policy, options);
      const settings = await offer(next, transport);
      const since = await mark(old);
      await offerSettings(old, transport, "h1", settings);
      const { connectionSettingsStatus } = await untilSettings(old, "FAILED", "h1");
      const errorMessage = connectionSettingsStatus?.errorMessage ?? "";
      expect(errorMessage).toMatch(text);
      expect(await settingsStatuses(old)).toEqual(["UNSET ", "APPLYING h1", `FAILED h1: ${errorMessage}`]);
      const left = messages(old).findIndex(({ message }) => message.agentDisconnect !== undefined);
      expect(messages(old)[left + 1]?.message.connectionSettingsStatus?.status).toBe(3);
      const back = await valuesSeen(old, since);
      for (const value of OWN_VALUES) expect(back).toContain(value);
      expect(back).not.toContain("Bearer offered");
      const there = await valuesSeen(next);
      for (const value of OWN_VALUES) expect(there).not.toContain(value);
      expect(client.connection).toMatchObject({
        state: "rolledBack",
        source: "options",
        endpoint: old.url(transport),
      });
    });
  });

  describe.each(unseen)("$what", ({ offer, text, policy, options }) => {
    verifies(["CONN-02", "CONN-10"], "is told why, and not left", async () => {
      const [old, next] = await Promise.all([startServer(), startServer()]);
      const { client } = await moved(old, transport, policy, options);
      await offerSettings(old, transport, "h1", await offer(next, transport));
      const { connectionSettingsStatus } = await untilSettings(old, "FAILED", "h1");
      const errorMessage = connectionSettingsStatus?.errorMessage ?? "";
      expect(errorMessage).toMatch(text);
      expect((await settingsStatuses(old)).at(-1)).toBe(`FAILED h1: ${errorMessage}`);
      expect(messages(old).some(({ message }) => message.agentDisconnect !== undefined)).toBe(false);
      if (transport === "ws") expect(await connections(old)).toHaveLength(1);
      expect(await valuesSeen(old)).not.toContain("Bearer offered");
      expect(await connections(next)).toEqual([]);
      expect(client.connection).toMatchObject({ state: "rejected", source: "options", endpoint: old.url(transport) });
    });
  });
});
