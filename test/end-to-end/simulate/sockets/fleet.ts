import { onTestFinished } from "vitest";
import type { SimulationResult } from "../../../../src/simulate/result.js";
import type { FleetSettings } from "../../../../src/simulate/sockets/fleet-settings.js";
import { type RunOptions, runSockets } from "../../../../src/simulate/sockets/run-sockets.js";
import { type MemoryTransport, memoryTransport, OpAMPServer, virtualClock } from "../../../../src/testing/index.js";

/** A small fleet to which nothing happens. */
export const CALM: FleetSettings = {
  scenario: "test",
  agents: 20,
  seed: 1,
  zones: 2,
  versions: ["1.0.0"],
  attributes: {},
  rampMs: 2_000,
  durationMs: 10_000,
  heartbeatMs: 30_000,
  perMinute: { healthChanges: 0, restarts: 0, breaks: 0 },
  failedOffers: 0,
  applyMs: 1_000,
};
/** More than any of these runs takes to disconnect. */
const MORE_MS = 15_000;

/**
 * A fleet on virtual time, without sockets, and the server that it meets.
 *
 * @param options.network what it does to the transport of each client
 */
export async function startFleet(
  settings: Partial<FleetSettings>,
  options: RunOptions & { duplex?: boolean; network?: (transport: MemoryTransport) => void } = {},
) {
  const { duplex = true, network, ...run } = options;
  const server = await OpAMPServer.start();
  onTestFinished(() => server.close());
  const clock = virtualClock();
  let used = 0;
  const world = {
    clock,
    transport() {
      const transport = memoryTransport(server, { duplex });
      network?.(transport);
      return transport;
    },
    usage() {
      used += 1;
      return { cpuMs: used * 100, rssBytes: used * 1_024 };
    },
  };
  const all = { ...CALM, ...settings };
  const result = runSockets(all, world, run);
  return {
    server,
    clock,
    /** Lets the run come to its end. */
    async end(): Promise<SimulationResult> {
      await clock.advance(all.rampMs + all.durationMs + MORE_MS);
      return result;
    },
  };
}

/** The value of a figure. */
export function figureOf({ figures }: SimulationResult, name: string): number | undefined {
  return figures.find((figure) => figure.name === name)?.value;
}
