import type { Clock } from "../../client/clock.js";
import { randomFrom } from "../../core/link/backoff.js";
import type { SimulationProgress, SimulationResult } from "../result.js";
import { figuresOf, type Usage } from "./figures.js";
import type { FleetSettings, Happenings } from "./fleet-settings.js";
import { identityOf } from "./identity.js";
import { pause } from "./pause.js";
import { type MakeTransport, SimulatedAgent } from "./simulated-agent.js";
import { Tally } from "./tally.js";

/** What a fleet runs on: the system, or something else in tests. */
export interface World {
  clock: Clock;
  transport: MakeTransport;
  /** What the process has used up to now. */
  usage(): Usage;
}

/** How a run is watched and ended. */
export interface RunOptions {
  /** Ends the run early; all agents still disconnect. */
  signal?: AbortSignal | undefined;
  onProgress?: SimulationProgress | undefined;
}

const PROGRESS_MS = 1_000;
/** So often it is looked whether agents are to start, or things to happen. */
const TICK_MS = 50;
/** How long agent_disconnect of all agents may take. */
const DISCONNECT_MS = 10_000;

const ACTS: readonly (readonly [keyof Happenings, (agent: SimulatedAgent) => void])[] = [
  ["healthChanges", (agent) => agent.changeHealth()],
  ["restarts", (agent) => agent.restart()],
  ["breaks", (agent) => agent.breakConnection()],
];

/** Runs a fleet of real clients: starts them one after the other, has things happen to them, and stops them all. */
export async function runSockets(
  settings: FleetSettings,
  world: World,
  { signal, onProgress }: RunOptions = {},
): Promise<SimulationResult> {
  const { clock } = world;
  const { scenario, agents: count, seed, rampMs, durationMs } = settings;
  const before = world.usage();
  let most = before;
  const startMs = clock.now();
  const tally = new Tally(() => clock.now());
  const random = randomFrom(seed);
  const newGenerator = (): (() => number) => randomFrom(Math.floor(random() * 2 ** 32));
  const happen = ACTS.map(([what, act]) => happening(settings.perMinute[what], newGenerator(), act));
  const agents: SimulatedAgent[] = [];
  const endMs = startMs + rampMs + durationMs;
  let progressMs = startMs;
  for (let nowMs = startMs; nowMs < endMs && signal?.aborted !== true; nowMs = clock.now()) {
    const due = rampMs === 0 ? count : Math.min(count, 1 + Math.floor(((nowMs - startMs) / rampMs) * count));
    while (agents.length < due) {
      const generator = newGenerator();
      const identity = identityOf(agents.length + 1, settings, generator);
      const agent = new SimulatedAgent(identity, { settings, clock, tally, transport: world.transport }, generator);
      agents.push(agent);
      agent.start();
    }
    const heldMs = nowMs - startMs - rampMs;
    if (heldMs > 0) for (const one of happen) one(agents, heldMs);
    if (nowMs >= progressMs) {
      progressMs += PROGRESS_MS;
      const { rssBytes } = world.usage();
      most = rssBytes > most.rssBytes ? { ...most, rssBytes } : most;
      onProgress?.({
        virtualSeconds: Math.round((nowMs - startMs) / 1_000),
        connected: tally.connected,
        agents: count,
      });
    }
    await pause(clock, Math.min(TICK_MS, endMs - nowMs), signal);
  }
  for (const agent of agents) agent.addTraffic();
  const used = { cpuMs: world.usage().cpuMs - before.cpuMs, rssBytes: most.rssBytes - before.rssBytes };
  const stoppedMs = clock.now();
  const connectedAtEnd = tally.connected;
  const figures = figuresOf(tally, { agents: agents.length, connectedAtEnd, elapsedMs: stoppedMs - startMs, used });
  await Promise.all(agents.map((agent) => agent.stop(DISCONNECT_MS)));
  const tookMs = clock.now() - stoppedMs;
  figures.push({ name: "time for all to disconnect", value: tookMs, unit: "ms" });
  return { scenario, agents: count, seed, seconds: tally.seconds, figures };
}

/** Has something happen to agents picked at random, at random intervals, as often as it is due by now. */
function happening(
  perMinute: number,
  random: () => number,
  act: (agent: SimulatedAgent) => void,
): (agents: readonly SimulatedAgent[], heldMs: number) => void {
  let nextMs = 0;
  return (agents, heldMs) => {
    if (perMinute === 0) return;
    const meanMs = 60_000 / (perMinute * agents.length);
    while (nextMs <= heldMs) {
      // The first time only begins the wait.
      const agent = nextMs === 0 ? undefined : agents[Math.floor(random() * agents.length)];
      if (agent !== undefined) act(agent);
      nextMs += -Math.log(1 - random()) * meanMs;
    }
  };
}
