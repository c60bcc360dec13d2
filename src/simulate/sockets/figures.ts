import type { SimulationFigure } from "../result.js";
import type { Outcome, Tally } from "./tally.js";

/** What a process uses. */
export interface Usage {
  cpuMs: number;
  rssBytes: number;
}

/** What else the figures of a run say. */
export interface RunFacts {
  /** How many agents were started. */
  agents: number;
  connectedAtEnd: number;
  elapsedMs: number;
  /** By this process during the run. */
  used: Usage;
}

const KIB = 1_024;

/** All that a run came to, in the order in which it is read. */
export function figuresOf(tally: Tally, { agents, connectedAtEnd, elapsedMs, used }: RunFacts): SimulationFigure[] {
  const seconds = Math.max(elapsedMs, 1) / 1_000;
  const { counts, traffic } = tally;
  const rate = (value: number): number => rounded(value / seconds);
  const each = (value: number): number => rounded(value / Math.max(1, agents));
  const figures: SimulationFigure[] = [
    { name: "agents started", value: agents, unit: "agents" },
    { name: "connected at most", value: tally.mostConnected, unit: "agents" },
    { name: "connected at the end", value: connectedAtEnd, unit: "agents" },
    { name: "attempts", value: tally.sum("attempts"), unit: "attempts" },
    { name: "attempts in the busiest second", value: busiest(tally), unit: "attempts" },
    { name: "attempts accepted", value: tally.sum("accepted"), unit: "attempts" },
    ...outcomes("attempts refused", "attempts", tally.refusals),
    ...outcomes("connections lost", "connections", tally.losses),
  ];
  for (const [name, share] of [
    ["p50", 0.5],
    ["p95", 0.95],
    ["p99", 0.99],
  ] as const) {
    const value = tally.firstAnswerMs(share);
    if (value !== undefined) figures.push({ name: `time to first answer, ${name}`, value, unit: "ms" });
  }
  return [
    ...figures,
    { name: "offers applied", value: counts.applied, unit: "offers" },
    { name: "offers failed", value: counts.failed, unit: "offers" },
    { name: "errors in answers", value: counts.serverErrors, unit: "messages" },
    { name: "restarts", value: counts.restarts, unit: "restarts" },
    { name: "breaks", value: counts.breaks, unit: "connections", note: "cut by the simulation" },
    { name: "changes of health", value: counts.healthChanges, unit: "changes" },
    { name: "messages sent", value: rate(traffic.messagesSent), unit: "per second" },
    { name: "messages received", value: rate(traffic.messagesReceived), unit: "per second" },
    { name: "bytes sent", value: rate(traffic.bytesSent), unit: "B per second", note: "without framing and TLS" },
    {
      name: "bytes received",
      value: rate(traffic.bytesReceived),
      unit: "B per second",
      note: "without framing and TLS",
    },
    { name: "CPU time of this process", value: rounded(used.cpuMs / seconds / 10), unit: "% of a core" },
    { name: "CPU time of an agent", value: each((used.cpuMs / seconds) * 60), unit: "ms per minute" },
    { name: "memory of an agent", value: each(used.rssBytes / KIB), unit: "KiB", note: "all that was added at most" },
  ];
}

function outcomes(name: string, unit: string, found: ReadonlyMap<string, Outcome>): SimulationFigure[] {
  const sorted = [...found].toSorted(([, one], [, other]) => other.count - one.count);
  return sorted.map(([why, { count, example }]) => ({ name: `${name}: ${why}`, value: count, unit, note: example }));
}

function busiest(tally: Tally): number {
  return tally.seconds.reduce((most, { attempts }) => Math.max(most, attempts), 0);
}

function rounded(value: number): number {
  return Math.round(value * 100) / 100;
}
