import { join } from "node:path";
import { BLOBS, STATES } from "./crash-states.js";
import { type KillOrders, type Operation, say, wrapDisk } from "./kill-points.js";

/** What the program is told to do, as JSON in its first argument. */
export interface CrashOrders extends KillOrders {
  /** How many states are saved. */
  saves: number;
  /** How many changes of a blob follow. */
  blobs?: number;
}

/** What the program says, one JSON object on each line. */
export type CrashReport = { type: "saving" | "saved" | "changing" | "changed"; index: number } | Operation;

const orders: CrashOrders = JSON.parse(process.argv[2] ?? "");
await wrapDisk(orders);
const { fileStore } = await import("../../src/store/file-store.js");
const store = fileStore(join(orders.directory, "store"));
await store.load();
for (const [index, state] of STATES.slice(0, orders.saves).entries()) {
  say({ type: "saving", index });
  await store.save(state);
  say({ type: "saved", index });
}
for (const [index, blob] of BLOBS.slice(0, orders.blobs ?? 0).entries()) {
  say({ type: "changing", index });
  await (blob === undefined ? store.blobs.remove("key") : store.blobs.write("key", blob));
  say({ type: "changed", index });
  await store.save({ heartbeatMs: index + 1 });
}
await store.close();
