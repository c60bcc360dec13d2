import diagnostics from "node:diagnostics_channel";
import dns from "node:dns";
import { writeSync } from "node:fs";
import { createRequire } from "node:module";
import net, { type Socket } from "node:net";
import { type CustomChannel, OpAMPClient, type OpAMPClientOptions } from "../../../src/index.js";

/** One client of the program. */
export interface GuestClient {
  name: string;
  url: string;
  keepAlive?: boolean;
  /** For a connection, and for an answer. Default: the client's own. */
  timeoutMs?: number;
  /** The longest wait between attempts. Default: 60 seconds. */
  backoffMs?: number;
  /** Whether something waits for its connection. */
  awaited?: boolean;
  /** The custom capability over which it sends a note. */
  notes?: string;
  /** What else it is given, as far as JSON can say it. */
  options?: Pick<OpAMPClientOptions, "transport" | "tls" | "proxy" | "compression">;
}

/** What the program is told to do, as JSON in its first argument. */
export interface GuestOrders {
  /** One client for each. */
  clients: readonly GuestClient[];
  /** Whether to stop the clients before letting go. */
  stop?: boolean;
}

/** What the program says, one JSON object on each line. */
export type GuestReport =
  | { type: "imported" | "exiting"; loaded: readonly string[] }
  | { type: "phase"; name: string; phase: string }
  | { type: "connected" | "delivered"; name: string }
  | { type: "attempt"; address: string };

/** What every host name stands for, in the order in which they are tried. */
export const TWO_ADDRESSES = ["127.0.0.2", "127.0.0.1"] as const;

const require = createRequire(import.meta.url);

function say(report: GuestReport): void {
  writeSync(1, `${JSON.stringify(report)}\n`);
}

/** The transport libraries that this process has loaded. */
function loaded(): readonly string[] {
  const found = Object.keys(require.cache).map((path) => /node_modules[\\/](ws|undici)[\\/]/.exec(path)?.[1]);
  return [...new Set(found.filter((name) => name !== undefined))];
}

async function note(channel: CustomChannel, name: string): Promise<void> {
  await channel.send("note", "text");
  say({ type: "delivered", name });
}

function main(orders: GuestOrders): void {
  say({ type: "imported", loaded: loaded() });
  process.on("exit", () => say({ type: "exiting", loaded: loaded() }));
  // No name server is asked, and the second address is tried soon.
  Object.assign(dns, {
    lookup: (_host: string, _options: unknown, callback: (error: null, addresses: object[]) => void) =>
      callback(
        null,
        TWO_ADDRESSES.map((address) => ({ address, family: 4 })),
      ),
  });
  net.setDefaultAutoSelectFamilyAttemptTimeout(10);
  diagnostics.subscribe("net.client.socket", (message) => {
    const { socket } = message as { socket: Socket };
    socket.on("connectionAttempt", (address) => say({ type: "attempt", address }));
  });
  const clients = orders.clients.map(
    ({ name, url, keepAlive = false, timeoutMs, backoffMs = 60_000, awaited, notes, options }) => {
      const client = new OpAMPClient({
        ...options,
        url,
        keepAlive,
        description: { identifying: { "service.name": name } },
        heartbeat: { intervalMs: 20 },
        backoff: { minMs: backoffMs, maxMs: backoffMs },
        timeouts: timeoutMs === undefined ? {} : { connectMs: timeoutMs, answerMs: timeoutMs },
      });
      client.on("phase", ({ phase }) => say({ type: "phase", name, phase }));
      client.start();
      if (notes !== undefined) void note(client.customCapability(notes), name);
      if (awaited === true) void client.connected().then(() => say({ type: "connected", name }));
      return client;
    },
  );
  // The input keeps the process alive until it ends; from then on only the clients could.
  process.stdin.on("end", () => {
    if (orders.stop === true) for (const client of clients) void client.stop();
  });
  process.stdin.resume();
}

const [, , orders] = process.argv;
if (orders !== undefined) main(JSON.parse(orders) as GuestOrders);
