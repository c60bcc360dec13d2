import { subscribe } from "node:diagnostics_channel";
import type { ReceiveDiagnostic } from "../../../src/index.js";
import { countFrom, type KillOrders, passStep, say, wrapDisk } from "../../store/kill-points.js";

/** What the program is told to do, as JSON in its first argument. */
export interface SettingsOrders extends KillOrders {
  /** Of the server that will offer another one. */
  url: string;
}

const CALM_MS = 100;

const orders: SettingsOrders = JSON.parse(process.argv[2] ?? "");
// What comes before the offer is the matter of other tests.
countFrom(Number.NEGATIVE_INFINITY);
await wrapDisk(orders);
const { settingsAgent } = await import("./settings-agent.js");
const client = settingsAgent(orders.directory, orders.url);
let isOffered = false;
let isOver = false;

subscribe("opamp-client:receive", (message: unknown) => {
  const { has } = message as ReceiveDiagnostic;
  if (has.includes("connectionSettings.opamp") && !isOffered) {
    isOffered = true;
    countFrom(0);
    say({ type: "offered" });
  }
  passStep(orders, "received");
  if (isOver) setTimeout(() => void client.stop(), CALM_MS);
  isOver &&= false;
});
subscribe("opamp-client:send", () => passStep(orders, "sent"));
subscribe("opamp-client:phase", () => passStep(orders, "phase"));
client.on("connection", ({ state }) => passStep(orders, `connection ${state}`));
client.on("offer", ({ status }) => {
  passStep(orders, `offer ${status}`);
  isOver = status !== "applying";
});
client.start();
