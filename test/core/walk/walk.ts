import { allowedParts } from "../../../src/core/capabilities.js";
import { Core } from "../../../src/core/core.js";
import type { Input, Lost } from "../../../src/core/io.js";
import { remoteConfig } from "../../../src/core/offers/remote-config.js";
import { Part, type PartName, type PartValues, partNames } from "../../../src/core/parts.js";
import type { ServerToAgent } from "../../../src/gen/opamp/v1/opamp_pb.js";
import { message } from "../harness.js";
import { comparedBy, description, effectiveConfig, everyPart, health, uid } from "../values.js";
import { Account, FLOOR_MS, MAX_PAUSE_MS, type Sent, type Wire } from "./walk-account.js";
import { type Action, customNames, type Extras, maskWithout, type Throttle, type World } from "./walk-actions.js";
import { saying, WalkServer } from "./walk-server.js";

/** A strict server answers within this time. */
const PROMPT_MS = 4_000;
const MAX_STEPS = 10_000;
/** The inputs whose step may send; whatever else happens in the same turn joins that message. */
const SENDING: ReadonlySet<Input["type"]> = new Set(["tick", "woken", "handled", "effectiveConfig"]);
/** A server that takes everything. */
const WELCOME: Extras = { customCapabilities: [0, 1, 2], capabilities: 0x17 };

type HostAction = Extract<
  Action,
  {
    do:
      | "set"
      | "declare"
      | "refresh"
      | "provide"
      | "custom"
      | "forget"
      | "handled"
      | "retry"
      | "stored"
      | "reconnect"
      | "stop";
  }
>;
type WireAction = Exclude<Action, HostAction | { do: "wait" | "sleep" | "jump" | "limit" }>;

/** The values that parts take: three each. */
const values: { readonly [P in Exclude<PartName, "remoteConfigStatus">]: readonly PartValues[P][] } = {
  agentDescription: [description("0"), description("1"), description("2")],
  health: [health(true), health(false, "1"), health(false, "2")],
  effectiveConfig: [effectiveConfig("0"), effectiveConfig("1"), effectiveConfig("2")],
  packageStatuses: copies("packageStatuses"),
  customCapabilities: copies("customCapabilities"),
  availableComponents: copies("availableComponents"),
  connectionSettingsStatus: copies("connectionSettingsStatus"),
};

function copies<P extends PartName>(name: P): readonly PartValues[P][] {
  return [everyPart()[name], everyPart()[name], everyPart()[name]];
}

/**
 * A core on virtual time between a host, a transport and a server that do anything they may, in any order. Everything
 * that it puts out is held against an {@link Account}.
 */
export class Walk {
  readonly #world: World;
  readonly #core: Core;
  readonly #server: WalkServer;
  readonly #account: Account;
  #now = 0;
  /** How far the wall clock is ahead. */
  #wallAheadMs = 0;
  #lastCustom = 0;
  #isStopping = false;

  constructor(world: World) {
    this.#world = world;
    this.#server = new WalkServer(!world.strict);
    this.#core = new Core({
      instanceUid: uid(0),
      requestInstanceUid: world.wantsUid,
      capabilities: maskWithout([]),
      reconnectReport: world.fullReports ? "full" : "changed",
      link: {
        connectMs: 30_000,
        answerMs: 30_000,
        closeMs: 1_000,
        backoff: { minMs: 1_000, maxMs: 60_000 },
        throttleFloorMs: FLOOR_MS,
        throttleMaxMs: MAX_PAUSE_MS,
      },
      apply: { applyMs: 300_000, abortMs: 5_000 },
      offers: [{ ...remoteConfig, storedFirst: world.storedFirst }],
      heartbeat: { intervalMs: world.heartbeatMs, minMs: 1_000, maxMs: Number.POSITIVE_INFINITY },
      ping: world.ping,
      effectiveConfigMs: world.holdMs,
      maxCustomMessages: 8,
      seed: world.seed,
      same: comparedBy((a, b) => a === b),
    });
    this.#account = new Account(world, this.#core);
    this.#turn({ type: "start" });
  }

  do(action: Action): void {
    switch (action.do) {
      case "wait":
        return this.#advance(action.ms);
      case "sleep":
        return this.#sleep(action.ms);
      case "jump":
        return this.#jump();
      case "limit":
        this.#account.limit = action.parts;
        return;
      case "set":
      case "declare":
      case "refresh":
      case "provide":
      case "custom":
      case "forget":
      case "handled":
      case "retry":
      case "stored":
      case "reconnect":
      case "stop":
        return this.#host(action);
      default:
        if (this.#account.wire !== undefined) this.#transport(action, this.#account.wire);
    }
  }

  /** Everybody behaves from now on: in the end the server must know everything that it can know. */
  settle(): void {
    const account = this.#account;
    account.limit = 100;
    // Only a message shows a server that one before it is missing.
    if (!this.#world.strict) this.#set("agentDescription", description("last"));
    for (let steps = 0; !this.#quiet(); steps++) {
      if (steps > MAX_STEPS) throw new Error(`no rest while ${this.#core.phase}; unknown: ${this.#unknown()}`);
      const { wire } = account;
      if (wire !== undefined) wire.watch.frozen = false;
      if (account.running.size > 0) this.do({ do: "handled", fails: false, late: 0 });
      else if (account.persisting.size > 0) this.do({ do: "stored", fails: false });
      else if (account.fetching) this.do({ do: "provide", value: 0 });
      else if (wire !== undefined && (!wire.opened || wire.closing)) this.do({ do: "open", duplex: true });
      else if (wire !== undefined && wire.unanswered.length > 0) {
        this.do({ do: "answer", extras: WELCOME });
      } else if (wire?.duplex && steps % 2 === 0) {
        // An agent without heartbeats says nothing that could be answered.
        this.#receive(this.#server.answer(WELCOME));
      } else this.#advance(Math.max(0, (this.#core.deadline ?? this.#now) - this.#now));
    }
  }

  #quiet(): boolean {
    const { running, persisting, fetching, customs, wire } = this.#account;
    if (this.#core.phase === "stopped" || this.#isStopping) return this.#core.phase === "stopped";
    const busy =
      running.size > 0 || persisting.size > 0 || fetching || customs.size > 0 || (wire?.unanswered.length ?? 0) > 0;
    return this.#core.phase === "online" && !busy && !this.#server.gap && this.#unknown().length === 0;
  }

  /** The parts of which the server has yet to learn the latest. */
  #unknown(): readonly PartName[] {
    const { current, excused } = this.#account;
    const allowed = allowedParts(this.#core.capabilities, this.#core.serverCapabilities);
    return [...current.keys()].filter(
      (name) =>
        (allowed & Part[name]) !== 0 && !excused.has(name) && this.#server.known.get(name) !== current.get(name),
    );
  }

  #host(action: HostAction): void {
    const account = this.#account;
    switch (action.do) {
      case "set":
        return this.#set(action.part, values[action.part][action.value]);
      case "declare": {
        const capabilities = maskWithout(action.without);
        if (capabilities !== this.#core.capabilities) {
          account.capabilitiesChanged = true;
          account.reasonFor(...partNames);
        }
        return this.#turn({ type: "declare", capabilities });
      }
      case "provide":
        if (!account.fetching) return;
        account.fetching = false;
        return this.#provide(values.effectiveConfig[action.value]);
      case "custom": {
        this.#lastCustom += 1;
        const id = this.#lastCustom;
        const capability = customNames[action.capability] ?? "";
        account.customs.set(id, { capability, underWay: false });
        return this.#turn({ type: "custom", id, message: { capability, type: `${id}`, data: new Uint8Array() } });
      }
      case "forget":
        return this.#turn({ type: "forgetCustom", capability: customNames[action.capability] ?? "" });
      case "handled": {
        const id = [...account.running.keys()][action.late % Math.max(1, account.running.size)];
        if (id === undefined) return;
        account.running.delete(id);
        const ended = { type: "handled", kind: "remoteConfig", id } as const;
        return this.#turn(action.fails ? { ...ended, error: "x" } : ended);
      }
      case "stored": {
        const id = this.#account.stored(action.fails);
        if (id === undefined) return;
        return this.#turn(action.fails ? { type: "persisted", id, error: "x" } : { type: "persisted", id });
      }
      case "stop":
        this.#isStopping = true;
        return this.#turn({ type: "stop", withinMs: action.withinMs });
      case "retry":
        return this.#turn({ type: "retry", kind: "remoteConfig" });
      case "refresh":
      case "reconnect":
        return this.#turn({ type: action.do });
      default:
        return action satisfies never;
    }
  }

  #set<P extends PartName>(part: P, value: PartValues[P] | undefined): void {
    if (value === undefined) this.#account.current.delete(part);
    else this.#account.changed(part, value);
    this.#turn({ type: "set", parts: { [part]: value } });
  }

  #provide(value: PartValues["effectiveConfig"] | undefined): void {
    if (value !== undefined) this.#account.changed("effectiveConfig", value);
    this.#turn(value === undefined ? { type: "effectiveConfig" } : { type: "effectiveConfig", value });
  }

  #transport(action: WireAction, wire: Wire): void {
    const { links, strict, fullReports } = this.#world;
    const { duplex } = wire;
    switch (action.do) {
      case "open":
        if (wire.closing) return this.#lose(wire, { fate: "unknown", orderly: true, throttle: "no", arrived: 0 });
        if (wire.opened) return;
        wire.opened = true;
        wire.duplex = links === "both" ? action.duplex : links === "duplex";
        wire.watch.heard(this.#now);
        if (fullReports) this.#account.reasonFor(...partNames);
        return this.#turn({ type: "opened", duplex: wire.duplex, wallNow: this.#now + this.#wallAheadMs });
      case "freeze":
        wire.watch.frozen = true;
        return;
      case "alive":
        return wire.opened && duplex ? this.#turn({ type: "alive" }) : undefined;
      case "lose":
        return this.#lose(wire, action);
      case "stale":
        if (this.#account.stale(wire, action.arrived ? this.#server : undefined)) this.#turn({ type: "stale" });
        return;
      case "push":
        if (wire.opened && duplex && !strict) this.#receive(saying(action.extras));
        return;
      case "foreign":
        if (duplex && wire.opened) return this.#receive(message({ instanceUid: uid(99) }));
        return this.#spoil(wire, { type: "received", message: message({ instanceUid: uid(99) }) });
      case "garble":
        return this.#spoil(wire, { type: "malformed", error: "x" });
      case "skip":
        return duplex && !strict ? this.#spoil(wire, undefined) : undefined;
      case "answer":
      case "refuse":
      case "busy": {
        const sent = wire.unanswered.shift();
        if (sent !== undefined) this.#answer(action, wire, sent);
        return;
      }
      default:
        return action satisfies never;
    }
  }

  #answer(action: Extract<WireAction, { do: "answer" | "refuse" | "busy" }>, wire: Wire, sent: Sent): void {
    // Where answers cannot be told apart, the core may well send again what this one was about.
    if (wire.muddled) this.#account.owe([sent]);
    switch (action.do) {
      case "answer":
        this.#server.take(sent.outgoing);
        return this.#receive(this.#server.answer(action.extras));
      case "refuse":
        this.#server.refuse(sent.outgoing);
        this.#account.excuse(sent);
        return this.#receive(message({ errorResponse: { type: action.type } }));
      case "busy":
        wire.unanswered.unshift(sent);
        this.#account.over(wire);
        wire.unanswered.shift();
        return this.#busy(action.throttle);
      default:
        return action satisfies never;
    }
  }

  /** The server takes a message in, and yet the agent gets no answer that could be used. */
  #spoil(wire: Wire, input: Input | undefined): void {
    const sent = wire.unanswered.shift();
    if (sent === undefined) return;
    this.#server.take(sent.outgoing);
    this.#account.owe([sent]);
    wire.muddled = true;
    if (input !== undefined) this.#turn(input);
  }

  #busy(throttle: Throttle): void {
    const askedMs = typeof throttle === "number" && throttle > 0 ? Math.min(throttle, 1e12) : undefined;
    this.#account.gate(this.#now, askedMs ?? "open");
    const retryAfterNanoseconds = BigInt(askedMs ?? 0) * 1_000_000n;
    const details = { Details: { case: "retryInfo" as const, value: { retryAfterNanoseconds } } };
    this.#receive(message({ errorResponse: { type: 2, ...(throttle === "open" ? {} : details) } }));
  }

  #receive(received: ServerToAgent): void {
    if ((received.flags & 3n) !== 0n) this.#account.asked(this.#now);
    if ((received.flags & 1n) !== 0n) this.#account.reasonFor(...partNames);
    if ((received.flags & 2n) !== 0n) this.#account.reasonFor("availableComponents");
    this.#turn({ type: "received", message: received });
  }

  #lose(wire: Wire, how: Omit<Extract<Action, { do: "lose" }>, "do">): void {
    const { throttle, orderly } = how;
    // Only an exchange has a fate; on a duplex link nobody knows.
    const exchange = !wire.duplex && wire.unanswered.length > 0;
    const fate = exchange ? how.fate : "unknown";
    const loss: Lost = { error: "x", fate, orderly, throttled: throttle !== "no" };
    if (typeof throttle === "number") loss.retryAfterMs = throttle;
    if (how.renewed !== undefined) loss.renewed = how.renewed;
    if (throttle !== "no") this.#account.gate(this.#now, throttle);
    if (fate === "unsent") this.#account.unsent();
    if (fate === "refused") for (const sent of wire.unanswered.splice(0)) this.#account.tooLarge(sent);
    if (fate === "unknown") {
      for (const { outgoing } of wire.unanswered.slice(0, how.arrived)) this.#server.take(outgoing);
    }
    this.#account.over(wire);
    this.#account.wire = undefined;
    this.#turn({ type: "lost", loss });
  }

  #advance(ms: number): void {
    const target = this.#now + ms;
    for (let steps = 0; steps < MAX_STEPS; steps++) {
      const oldest = this.#account.wire?.unanswered[0];
      const answerAt = this.#world.strict && oldest !== undefined ? oldest.at + PROMPT_MS : Number.POSITIVE_INFINITY;
      const pongAt = this.#account.wire?.watch.pongAt ?? Number.POSITIVE_INFINITY;
      const at = Math.min(answerAt, pongAt, this.#core.deadline ?? Number.POSITIVE_INFINITY);
      if (at > target) break;
      this.#now = Math.max(this.#now, at);
      if (at === pongAt) this.#turn({ type: "pong" });
      else if (at === answerAt) this.do({ do: "answer", extras: {} });
      else this.#turn({ type: "woken", dueAt: at, wallNow: this.#now + this.#wallAheadMs });
    }
    this.#now = Math.max(this.#now, target);
    this.#turn({ type: "tick" });
  }

  #sleep(ms: number): void {
    const wire = this.#account.wire;
    // Answers that are read late cannot be told apart.
    if (this.#world.strict && (wire?.unanswered.length ?? 0) > 0) return;
    this.#now += ms;
    wire?.watch.slept(ms);
    // What came meanwhile is read before anything that is overdue is done.
    if (wire !== undefined && wire.watch.pongAt <= this.#now) this.#turn({ type: "pong" });
    this.#turn({ type: "tick" });
  }

  #jump(): void {
    const watch = this.#account.wire?.watch;
    if (watch !== undefined) watch.jumping = true;
    this.#wallAheadMs += 60_000;
    this.#turn({ type: "woken", dueAt: Number.NEGATIVE_INFINITY, wallNow: this.#now + this.#wallAheadMs });
    if (watch !== undefined) watch.jumping = false;
  }

  /** One turn of the event loop: an input, and then ticks for as long as something is due. */
  #turn(input: Input): void {
    const isLife =
      input.type === "alive" || input.type === "pong" || input.type === "received" || input.type === "malformed";
    if (isLife) this.#account.wire?.watch.heard(this.#now);
    if (input.type === "pong") this.#account.wire?.watch.ponged();
    this.#step(input);
    for (let ticks = 0; (this.#core.deadline ?? Number.POSITIVE_INFINITY) <= this.#now; ticks++) {
      this.#account.check(ticks < 60, "something is always due: the core spins");
      this.#step({ type: "tick" });
    }
    this.#account.checkDeadline(this.#now);
    this.#account.checkPulse(this.#now);
  }

  #step(input: Input): void {
    if (input.type === "tick" || input.type === "woken") this.#account.tick(this.#now);
    for (const output of this.#core.step(input, this.#now)) {
      const maySend = SENDING.has(input.type) || output.type !== "send";
      this.#account.check(maySend, `a message within the step of ${input.type}`);
      if (this.#account.take(output, this.#now)) this.#step({ type: "oversized" });
    }
    this.#account.checkPresence();
  }
}
