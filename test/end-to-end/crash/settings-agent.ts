import { join } from "node:path";
import { fileStore, OpAMPClient } from "../../../src/index.js";

/** The name of the header by which a server knows that it is meant. */
export const CREDENTIAL = "x-credential";

/** An agent that its server may move, with its state in a directory. */
export function settingsAgent(directory: string, url: string): OpAMPClient {
  return new OpAMPClient({
    url,
    headers: { [CREDENTIAL]: "old" },
    description: { identifying: { "service.name": "mortal" } },
    heartbeat: { intervalMs: 1_000 },
    backoff: { minMs: 10, maxMs: 50 },
    random: () => 0,
    keepAlive: true,
    store: fileStore(join(directory, "store")),
    connectionSettings: { opamp: { verifyMs: 10_000, maxPerHour: 100 } },
  });
}
