import { create } from "@bufbuild/protobuf";
import { maskOf } from "../../core/capabilities.js";
import type { CoreConfig } from "../../core/config.js";
import { Core } from "../../core/core.js";
import type { Input, Lost, Output } from "../../core/io.js";
import { DEFAULT_BACKOFF } from "../../core/link/backoff.js";
import type { LinkTimes } from "../../core/link/link.js";
import type { Comparisons } from "../../core/parts.js";
import { NEVER } from "../../core/timers.js";
import { type ServerToAgent, ServerToAgentSchema } from "../../gen/opamp/v1/opamp_pb.js";
import type { Heard, Network, Population } from "./population.js";
import type { Scenario } from "./scenarios.js";

/** The defaults of the client. */
const LINK: LinkTimes = {
  connectMs: 30_000,
  answerMs: 30_000,
  closeMs: 1_000,
  backoff: DEFAULT_BACKOFF,
  throttleFloorMs: 30_000,
  throttleMaxMs: 86_400_000,
};
const HEARTBEAT_MS = 30_000;
const CLOSE_NOW = 1006;
const TICK: Input = { type: "tick" };
const same = (): boolean => true;
const SAME: Comparisons = {
  agentDescription: same,
  health: same,
  effectiveConfig: same,
  remoteConfigStatus: same,
  packageStatuses: same,
  customCapabilities: same,
  availableComponents: same,
  connectionSettingsStatus: same,
};

/** Agents of this package: the core that the client runs, one for each. */
export class OurAgents implements Population {
  readonly isWatching = true;
  readonly #cores: Core[] = [];
  readonly #config: Omit<CoreConfig, "instanceUid" | "seed">;
  readonly #inputs: Readonly<Record<Exclude<Heard, "opened">, Input>>;
  readonly #duplex: boolean;
  readonly #network: Network;
  readonly #seedOf: () => number;

  /** @param link what is set otherwise than by default */
  constructor(scenario: Scenario, seedOf: () => number, network: Network, link: Partial<LinkTimes> = {}) {
    this.#network = network;
    this.#seedOf = seedOf;
    this.#duplex = scenario.transport === "ws";
    this.#inputs = inputsOf(scenario);
    // Signs of life cost most of the time, and do not change when an agent that knows of a break comes back.
    const isWatched = !this.#duplex || scenario.ending === "unnoticed";
    const intervalMs = isWatched ? HEARTBEAT_MS : NEVER;
    this.#config = {
      requestInstanceUid: false,
      capabilities: maskOf(["reportsHeartbeat"]),
      reconnectReport: "full",
      link: { ...LINK, ...link },
      apply: { applyMs: 300_000, abortMs: 5_000 },
      heartbeat: { intervalMs, minMs: 1_000, maxMs: NEVER },
      ping: isWatched ? { intervalMs: undefined } : false,
      effectiveConfigMs: 5_000,
      maxCustomMessages: 100,
      same: SAME,
    };
  }

  start(agent: number, nowMs: number): void {
    const instanceUid = new Uint8Array(16);
    new DataView(instanceUid.buffer).setUint32(0, agent);
    // By name: an object that is spread would have a hidden class of its own.
    const { requestInstanceUid, capabilities, reconnectReport, link, apply, heartbeat, ping } = this.#config;
    const { effectiveConfigMs, maxCustomMessages, same } = this.#config;
    this.#cores[agent] = new Core({
      instanceUid,
      requestInstanceUid,
      capabilities,
      reconnectReport,
      link,
      apply,
      heartbeat,
      ping,
      effectiveConfigMs,
      maxCustomMessages,
      same,
      seed: this.#seedOf(),
    });
    this.#feed(agent, { type: "start" }, nowMs);
  }

  hear(agent: number, heard: Heard, nowMs: number): void {
    this.#feed(agent, heard === "opened" ? this.#opened(nowMs) : this.#inputs[heard], nowMs);
  }

  due(agent: number, nowMs: number): void {
    this.#feed(agent, TICK, nowMs);
  }

  deadline(agent: number): number {
    return this.#cores[agent]?.deadline ?? NEVER;
  }

  #opened(wallNow: number): Input {
    return { type: "opened", duplex: this.#duplex, wallNow };
  }

  #feed(agent: number, input: Input, nowMs: number): void {
    const outputs = this.#cores[agent]?.step(input, nowMs) ?? [];
    for (const output of outputs) this.#carryOut(agent, output, nowMs);
  }

  #carryOut(agent: number, output: Output, nowMs: number): void {
    switch (output.type) {
      case "dial":
        if (this.#duplex) return this.#network.connect(agent, nowMs);
        return this.#feed(agent, this.#opened(nowMs), nowMs);
      case "send":
        if (output.message.agentDisconnect === undefined) this.#network.report(agent, nowMs);
        return;
      case "ping":
        return this.#network.ping(agent, nowMs);
      case "close":
        if (output.code === CLOSE_NOW) return this.#network.cut(agent);
        return this.#network.leave(agent, nowMs);
      default:
        return;
    }
  }
}

/** What a core is told, made once for all of them. */
function inputsOf({ askedSeconds, refusal }: Scenario): Readonly<Record<Exclude<Heard, "opened">, Input>> {
  const error = new Error("simulated");
  const loss: Lost = { error, fate: "unknown", orderly: false, throttled: false };
  const retryAfterMs = refusal === "busyFor" ? askedSeconds * 1_000 : undefined;
  const answer = create(ServerToAgentSchema);
  return {
    reset: { type: "lost", loss: { ...loss, fate: "unsent" } },
    busy: { type: "lost", loss: { ...loss, fate: "answered", orderly: true, throttled: true, retryAfterMs } },
    broken: { type: "lost", loss },
    closed: { type: "lost", loss: { ...loss, orderly: true } },
    answer: { type: "received", message: answer },
    unavailable: { type: "received", message: unavailable(askedSeconds) },
    pong: { type: "pong" },
  };
}

function unavailable(askedSeconds: number): ServerToAgent {
  const retryAfterNanoseconds = BigInt(askedSeconds) * 1_000_000_000n;
  const details = { case: "retryInfo" as const, value: { retryAfterNanoseconds } };
  return create(ServerToAgentSchema, {
    errorResponse: askedSeconds > 0 ? { type: 2, Details: details } : { type: 2 },
  });
}
