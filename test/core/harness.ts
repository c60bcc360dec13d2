import { isDeepStrictEqual } from "node:util";
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type CapabilityName, maskOf } from "../../src/core/capabilities.js";
import type { CoreConfig } from "../../src/core/config.js";
import { Core } from "../../src/core/core.js";
import type { Input, Lost, Notice, Outgoing, Output, StateChange } from "../../src/core/io.js";
import { type PartName, partNames } from "../../src/core/parts.js";
import { type EffectiveConfig, type ServerToAgent, ServerToAgentSchema } from "../../src/gen/opamp/v1/opamp_pb.js";
import { comparedBy, description, health, uid } from "./values.js";

/** A ServerToAgent as a test writes it. */
export type Answer = MessageInitShape<typeof ServerToAgentSchema>;

/** How the outside behaves by itself. */
export interface Script {
  config?: Partial<CoreConfig>;
  /** Whether links carry messages both ways at any time, asked at each dial if a function. Default: they do. */
  duplex?: boolean | (() => boolean);
  /** Declared besides the ones that the harness always declares: status, health, heartbeats. */
  can?: readonly CapabilityName[];
  /** Whether a dial succeeds, in the same instant. Default: always. */
  opens?: () => boolean;
  /** Whether the peer answers pings, in the same instant. Default: always. */
  pongs?: () => boolean;
  /** What a message is answered with, in the same instant; by default with nothing at all. */
  answers?: (message: Outgoing) => Answer | undefined;
  /** Whether the transport takes a message; one that it does not take never left. Default: any. */
  fits?: (message: Outgoing) => boolean;
  /** The messages that are large. Default: none. */
  large?: (message: Outgoing) => boolean;
  /** What else the host says to an output, in the same turn. Default: nothing. */
  host?: (output: Output) => Input | undefined;
  /** What the host says when it is asked for the effective config; by default it does not come back. */
  effectiveConfig?: () => EffectiveConfig | undefined;
}

export const OWN_UID = uid(0xa);
/** The server as it should be: a bare acknowledgement for everything. */
export const acknowledges = (): Answer => ({ instanceUid: OWN_UID });

/** How large those are that are. */
export const LARGE_BYTES = 6_000_000;

const MAX_STEPS = 10_000;
const GONE: Lost = { error: new Error("gone"), fate: "unknown", orderly: false, throttled: false };

/** A core as most tests want it: over WebSocket, with the defaults of the client. */
export const CONFIG: CoreConfig = {
  instanceUid: OWN_UID,
  requestInstanceUid: false,
  capabilities: maskOf(["reportsHealth", "reportsHeartbeat"]),
  reconnectReport: "changed",
  link: {
    connectMs: 30_000,
    answerMs: 30_000,
    closeMs: 1_000,
    backoff: { minMs: 1_000, maxMs: 60_000 },
    throttleFloorMs: 30_000,
    throttleMaxMs: 86_400_000,
  },
  apply: { applyMs: 300_000, abortMs: 5_000 },
  heartbeat: { intervalMs: 30_000, minMs: 1_000, maxMs: Number.POSITIVE_INFINITY },
  ping: { intervalMs: undefined },
  effectiveConfigMs: 5_000,
  maxCustomMessages: 100,
  seed: 1,
  same: comparedBy(isDeepStrictEqual),
};

/** A core on virtual time, with everything that it put out. */
export class Harness {
  readonly core: Core;
  now = 0;
  /** How far the wall clock is ahead of `now`. */
  #wallAheadMs = 0;
  readonly #script: Script;
  readonly #sameTurn: Input[] = [];
  /** What the transport has to say, each in a turn of its own. */
  #later: Input[] = [];
  #log: { at: number; output: Output }[] = [];

  constructor(script: Script = {}) {
    this.#script = script;
    this.core = new Core({
      ...CONFIG,
      capabilities: maskOf(["reportsHealth", "reportsHeartbeat", ...(script.can ?? [])]),
      ...script.config,
    });
  }

  /** Takes inputs as one turn of the event loop, and lets the outside react. */
  feed(...inputs: readonly Input[]): void {
    for (const input of inputs) this.#take(input);
    this.#run();
  }

  receive(answer: Answer): void {
    this.feed({ type: "received", message: message(answer) });
  }

  lose(loss: Partial<Lost> = {}): void {
    this.feed({ type: "lost", loss: { ...GONE, ...loss } });
  }

  /** Somebody sets the wall clock, which a timer that fires late tells of. */
  jump(ms = 3_600_000): void {
    this.#wallAheadMs += ms;
    this.feed({ type: "woken", dueAt: Number.NEGATIVE_INFINITY, wallNow: this.#wallNow });
  }

  /** The store has saved, or could not save, what it was asked to last. */
  persisted(error?: string): void {
    const id = this.all("persist").at(-1)?.output.id ?? 0;
    this.feed(error === undefined ? { type: "persisted", id } : { type: "persisted", id, error });
  }

  /** Time passes, with a tick at each deadline on the way. */
  advanceTo(ms: number): void {
    for (let steps = 0; (this.core.deadline ?? Number.POSITIVE_INFINITY) <= ms; steps++) {
      if (steps > MAX_STEPS) throw new Error("too many deadlines: the core spins");
      this.now = Math.max(this.now, this.core.deadline ?? 0);
      this.#take({ type: "tick" });
      this.#run();
    }
    this.now = ms;
  }

  advance(ms: number): void {
    this.advanceTo(this.now + ms);
  }

  /** Time passes until the link is in this phase. */
  advanceUntil(phase: Core["phase"]): void {
    for (let steps = 0; this.core.phase !== phase; steps++) {
      if (steps > MAX_STEPS || this.core.deadline === undefined) throw new Error(`${phase} never comes`);
      this.advanceTo(Math.max(this.now, this.core.deadline));
    }
  }

  /** Forgets what was put out so far. */
  clear(): void {
    this.#log = [];
  }

  /** Everything of one kind that was put out, with its time; messages only if they left. */
  all<T extends Output["type"]>(type: T): readonly { at: number; output: Extract<Output, { type: T }> }[] {
    const isOfType = (entry: {
      at: number;
      output: Output;
    }): entry is { at: number; output: Extract<Output, { type: T }> } => entry.output.type === type;
    return this.#log.filter(isOfType);
  }

  get outputs(): readonly Output[] {
    return this.#log.map(({ output }) => output);
  }

  get sent(): readonly Outgoing[] {
    return this.all("send").map(({ output }) => output.message);
  }

  get sentAt(): readonly number[] {
    return this.all("send").map(({ at }) => at);
  }

  get dialledAt(): readonly number[] {
    return this.all("dial").map(({ at }) => at);
  }

  get notices(): readonly Notice[] {
    return this.all("notice").map(({ output }) => output.notice);
  }

  /** The message sent last. */
  get last(): Outgoing {
    const last = this.sent.at(-1);
    if (last === undefined) throw new Error("nothing was sent");
    return last;
  }

  get #wallNow(): number {
    return this.now + this.#wallAheadMs;
  }

  /** Everything that was to be stored. */
  get persisting(): readonly StateChange[] {
    return this.all("persist").map(({ output }) => output.change);
  }

  #take(input: Input): void {
    for (const output of this.core.step(input, this.now)) {
      if (output.type === "send" && this.#script.fits?.(output.message) === false) {
        this.#take({ type: "oversized" });
        continue;
      }
      this.#log.push({ at: this.now, output });
      this.#react(output);
      if (output.type === "send" && this.#script.large?.(output.message)) {
        this.#take({ type: "large", bytes: LARGE_BYTES });
      }
    }
  }

  #react(output: Output): void {
    const { opens, duplex = true, answers, pongs, effectiveConfig, host } = this.#script;
    const input = host?.(output);
    if (input !== undefined) this.#sameTurn.push(input);
    if (output.type === "dial") {
      this.#later = [];
      if (opens?.() ?? true) {
        const isDuplex = typeof duplex === "function" ? duplex() : duplex;
        this.#later.push({ type: "opened", duplex: isDuplex, wallNow: this.#wallNow });
      } else this.#later.push({ type: "lost", loss: { ...GONE, fate: "unsent" } });
    } else if (output.type === "send") {
      const answer = answers?.(output.message);
      if (answer !== undefined) this.#later.push({ type: "received", message: message(answer) });
    } else if (output.type === "ping") {
      if (pongs?.() ?? true) this.#later.push({ type: "pong" });
    } else if (output.type === "close") {
      this.#later = output.code === 1006 ? [] : [{ type: "lost", loss: { ...GONE, orderly: true } }];
    } else if (output.type === "fetchEffectiveConfig" && effectiveConfig !== undefined) {
      const value = effectiveConfig();
      this.#sameTurn.push(value === undefined ? { type: "effectiveConfig" } : { type: "effectiveConfig", value });
    }
  }

  #run(): void {
    for (let steps = 0; steps < MAX_STEPS; steps++) {
      const due = (this.core.deadline ?? Number.POSITIVE_INFINITY) <= this.now;
      const input = this.#sameTurn.shift() ?? (due ? { type: "tick" } : this.#later.shift());
      if (input === undefined) return;
      this.#take(input);
    }
    throw new Error("something is always due: the core spins");
  }
}

/** An agent with a description and a health, its first report sent and answered, and nothing remembered of that. */
export function online(script: Script = {}): Harness {
  const harness = started(script);
  if (harness.sent.length === 0) harness.feed({ type: "effectiveConfig" });
  if (harness.core.phase === "reporting") harness.receive({});
  if (harness.core.phase !== "online") throw new Error(`the link is ${harness.core.phase}`);
  harness.clear();
  return harness;
}

/** The same, as far as it gets by itself. */
export function started(script: Script = {}): Harness {
  const harness = new Harness(script);
  const parts = { agentDescription: description("one"), health: health(true) };
  harness.feed({ type: "set", parts }, { type: "start" });
  return harness;
}

/** Over HTTP. */
export function polling(script: Script = {}): Script {
  return { ...script, duplex: false };
}

export function message(answer: Answer): ServerToAgent {
  return create(ServerToAgentSchema, answer);
}

/** The parts that a message carries. */
export function partsOf(outgoing: Outgoing): readonly PartName[] {
  return partNames.filter((name) => outgoing[name] !== undefined);
}
