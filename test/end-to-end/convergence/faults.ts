import type { FaultProxy } from "../../../src/testing/index.js";

/** Something that befalls a connection until the network is restored. `random` is uniform in [0, 1). */
export type Fault = (network: FaultProxy, random: () => number) => void;

/** About as long as a report: faults that wait for a byte strike before, within or behind one. */
const REPORT_BYTES = 1_200;

/** Each fault by its name. A corrupted byte is not among them: without TLS nobody could tell. */
export const faults: Readonly<Record<string, Fault>> = {
  latency: (network) => network.latency(60, { jitterMs: 40 }),
  "latency of answers": (network) => network.latency(150, { direction: "down" }),
  reset: (network) => network.reset(),
  "reset at a byte": (network, random) => network.reset({ after: Math.floor(random() * REPORT_BYTES) }),
  cut: (network) => network.cut(),
  "limited data": (network, random) => network.cut({ after: Math.floor(random() * REPORT_BYTES) }),
  "limited data of answers": (network, random) =>
    network.cut({ after: Math.floor(random() * REPORT_BYTES), direction: "down" }),
  slices: (network) => network.bandwidth(3_000),
  bandwidth: (network) => network.bandwidth(20_000),
  stall: (network) => network.bandwidth(0),
  "half-open": (network) => network.blackhole(),
  "lost answers": (network) => network.blackhole({ direction: "down" }),
  "lost reports": (network) => network.blackhole({ direction: "up" }),
  "half-closed by the server": (network) => network.halfClose({ direction: "down" }),
  "half-closed by the agent": (network) => network.halfClose({ direction: "up" }),
  "nothing listens": (network) => {
    network.refuse();
    network.reset();
  },
};
