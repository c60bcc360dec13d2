import { onTestFinished } from "vitest";
import {
  OpAMPClient,
  type OpAMPClientOptions,
  type OpAMPError,
  type PhaseEvent,
  type WarningEvent,
} from "../../../src/index.js";
import { type OpAMPServer, type VirtualClock, virtualClock } from "../../../src/testing/index.js";
import { ended } from "../../client/hosted.js";

/** Longer than anything on loopback takes, in milliseconds. */
const PATIENCE_MS = 5_000;
const PASSING: readonly string[] = ["connecting", "reporting", "closing"];

/** What a client can talk over. */
export interface Way {
  name: string;
  transport: "ws" | "http";
  duplex: boolean;
}

export const ways: readonly Way[] = [
  { name: "WebSocket", transport: "ws", duplex: true },
  { name: "HTTP", transport: "http", duplex: false },
];

/** Where a server is reached over one of them. */
export function urlOf(server: OpAMPServer, { transport }: Way): string {
  return transport === "ws" ? server.url : server.httpUrl;
}

/** A client with real sockets and a clock of its own, and what it tells. */
export interface TimedAgent {
  client: OpAMPClient;
  clock: VirtualClock;
  phases: PhaseEvent[];
  errors: OpAMPError[];
  warnings: WarningEvent[];
  /** When it dialled, on its clock. */
  dials: number[];
  /** Waits until an attempt has come to its end, good or bad. */
  settled(): Promise<void>;
  /** Lets the time pass that is left until the next attempt. @returns how much that was, in milliseconds */
  nextAttempt(): Promise<number>;
}

/** A running client whose time passes only when told to; it ends with the test. */
export function startTimed(options: Partial<OpAMPClientOptions>): TimedAgent {
  const clock = virtualClock();
  const client = new OpAMPClient({ clock, description: { identifying: { "service.name": "agent" } }, ...options });
  onTestFinished(() => ended(client, clock));
  const [phases, errors, warnings]: [PhaseEvent[], OpAMPError[], WarningEvent[]] = [[], [], []];
  const dials: number[] = [];
  client.on("phase", (event) => {
    phases.push(event);
    if (event.phase === "connecting") dials.push(clock.now());
  });
  client.on("error", (error) => errors.push(error));
  client.on("warning", (warning) => warnings.push(warning));
  const settled = (): Promise<void> => until(() => !PASSING.includes(client.phase));
  client.start();
  return {
    client,
    clock,
    phases,
    errors,
    warnings,
    dials,
    settled,
    async nextAttempt() {
      const { nextAttemptAt } = client.stats();
      if (nextAttemptAt === undefined) throw new Error(`no attempt is due: ${client.phase}`);
      const leftMs = nextAttemptAt.getTime() - clock.wallNow();
      await clock.advance(leftMs);
      await settled();
      return leftMs;
    },
  };
}

/** Waits, turn by turn, for what sockets bring about. */
export async function until(holds: () => boolean): Promise<void> {
  const givenUpAt = performance.now() + PATIENCE_MS;
  while (!holds()) {
    if (performance.now() > givenUpAt) throw new Error(`waited in vain for ${holds}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
