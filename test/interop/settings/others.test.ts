import { describe, expect } from "vitest";
import type {
  ConnectionSettingsOptions,
  OtherSettings,
  SettingsContext,
  TelemetrySettings,
} from "../../../src/index.js";
import { verifies } from "../../conformance/verifies.js";
import { lastingStore } from "../../store/store-fixture.js";
import { startAgent, startServer, type TransportName, tell, transports } from "../fixture.js";
import type { GoServer, ServerToAgentInit } from "../go-server.js";
import { connections, settingsStatuses, token, untilSettings } from "./moving.js";

type Init = Omit<NonNullable<ServerToAgentInit["connectionSettings"]>, "$typeName" | "hash">;
type Given = TelemetrySettings | OtherSettings;

/** Handlers for settings of other connections, and what they were given. `refused` cannot be applied. */
function host(refused = "") {
  const given: [part: string, settings: Given, reason: SettingsContext<Given>["reason"]][] = [];
  const part = <Settings extends Given>(name: string) => ({
    async apply(settings: Settings, { reason }: SettingsContext<Settings>) {
      given.push([name, settings, reason]);
      if (name === refused) throw new Error("no room for it");
    },
  });
  return {
    given,
    settings: { ownMetrics: part<TelemetrySettings>("ownMetrics"), other: part<OtherSettings>("other"), opamp: true },
  };
}

async function started(
  server: GoServer,
  transport: TransportName,
  connectionSettings: ConnectionSettingsOptions,
  store = lastingStore(),
) {
  const { client } = startAgent(server, transport, { connectionSettings, store });
  await client.connected({ timeoutMs: 5_000 });
  return { client, store };
}

async function offer(server: GoServer, transport: TransportName, hash: string, settings: Init): Promise<void> {
  await tell(server, transport, { connectionSettings: { hash: Buffer.from(hash), ...settings } });
}

const METRICS = "http://127.0.0.1:4318/v1/metrics";

describe.each(transports)("settings for other connections, offered by a Go server over %s", (transport) => {
  verifies(
    ["CONN-03", "CONN-16"],
    "reach their handlers, laid over those before, and again after a restart",
    async () => {
      const server = await startServer();
      const { given, settings } = host();
      const { client, store } = await started(server, transport, settings);
      await offer(server, transport, "h1", {
        ownMetrics: { destinationEndpoint: METRICS, ...token("metrics") },
        otherConnections: { db: { destinationEndpoint: "db:1", otherSettings: { depth: "3" }, ...token("db") } },
      });
      await untilSettings(server, "APPLIED", "h1");
      await offer(server, transport, "h2", { otherConnections: { db: { destinationEndpoint: "db:2" } } });
      await untilSettings(server, "APPLIED", "h2");
      const metrics = { endpoint: METRICS, headers: { authorization: "Bearer metrics" } };
      const db = { name: "db", headers: { authorization: "Bearer db" }, otherSettings: { depth: "3" } };
      expect(given).toEqual([
        ["ownMetrics", metrics, "offer"],
        ["other", { ...db, endpoint: "db:1" }, "offer"],
        ["other", { ...db, endpoint: "db:2" }, "offer"],
      ]);
      if (transport === "ws") expect(await connections(server)).toHaveLength(1);
      await client.stop();
      const next = host();
      await started(server, transport, next.settings, store);
      expect(next.given).toEqual([
        ["ownMetrics", metrics, "restart"],
        ["other", { ...db, endpoint: "db:2" }, "restart"],
      ]);
    },
  );

  verifies("CONN-10", "that cannot be applied are named, and what was moved stays", async () => {
    const [server, next] = await Promise.all([startServer(), startServer()]);
    const { given, settings } = host("ownMetrics");
    const { client } = await started(server, transport, settings);
    await offer(server, transport, "h1", {
      opamp: { destinationEndpoint: next.url(transport) },
      ownMetrics: { destinationEndpoint: METRICS },
      otherConnections: { db: { destinationEndpoint: "db:1" } },
    });
    const { connectionSettingsStatus } = await untilSettings(next, "FAILED", "h1");
    expect(connectionSettingsStatus?.errorMessage).toMatch(/own_?metrics.*no room for it/i);
    expect(given.map(([part]) => part)).toEqual(["ownMetrics", "other"]);
    expect(client.connection).toMatchObject({ state: "accepted", endpoint: next.url(transport) });
    expect(await settingsStatuses(server)).toEqual(["UNSET ", "APPLYING h1"]);
  });
});
