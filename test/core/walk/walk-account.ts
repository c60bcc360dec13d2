import { sameBytes } from "../../../src/base/bytes.js";
import { allowedParts, has } from "../../../src/core/capabilities.js";
import type { Core } from "../../../src/core/core.js";
import type { Outgoing, Output, StateChange } from "../../../src/core/io.js";
import { NOTHING_OFFERED, Part, type PartName, type PartSet, partNames } from "../../../src/core/parts.js";
import { type Phase, presencesIn } from "../../../src/core/phases.js";
import { partsOf } from "../harness.js";
import type { World } from "./walk-actions.js";
import { Watch } from "./walk-watch.js";

export const FLOOR_MS = 30_000;
export const MAX_PAUSE_MS = 3_600_000;
/** So many requests in a row are answered at once, and any other within this time. */
const STORM = 5;
const STORM_MS = 30_000;

/** A message that left. */
export interface Sent {
  outgoing: Outgoing;
  at: number;
}

/** One dialled link as the transport knows it. */
export interface Wire {
  opened: boolean;
  closing: boolean;
  saidGoodbye: boolean;
  unanswered: Sent[];
  /** How many messages left on it. */
  sent: number;
  /** Answers can no longer be told apart: one was left out or was not a message. */
  muddled: boolean;
  duplex: boolean;
  watch: Watch;
}

/** A second, simpler account of what a core may put out. What differs from it is thrown. */
export class Account {
  wire: Wire | undefined;
  /** How many things a message may hold. */
  limit = 100;
  /** Handlers that the host still runs, and whether they were aborted. */
  readonly running = new Map<number, { aborted: boolean }>();
  fetching = false;
  /** Changes that the store is still saving, oldest first. */
  readonly persisting = new Map<number, StateChange>();
  /** Custom messages that nobody knows the fate of, and whether they are under way. */
  /** The last message had a custom message, left or not, and no ping went out since. */
  #isProbed = false;
  readonly customs = new Map<number, { capability: string; underWay: boolean }>();
  /** What the agent has to tell. */
  readonly current = new Map<PartName, unknown>([["remoteConfigStatus", NOTHING_OFFERED]]);
  /** Parts whose present value was given up or refused. */
  readonly excused = new Set<PartName>();
  capabilitiesChanged = false;
  readonly #world: World;
  readonly #core: Core;
  /** Parts that there is a reason to tell. */
  readonly #reasons = new Set<PartName>(partNames);
  #nextNumber = 1n;
  #lastSentAt = 0;
  #heartbeatMs: number;
  /** No dial before this time. */
  #gateUntil = 0;
  /** The hash of the newest offer. */
  #newest: Uint8Array = new Uint8Array();
  /** The hash of the offer that was stored last before its handler ran. */
  #stored: Uint8Array | undefined;
  #understood: readonly string[] = [];
  #stopped = false;
  /** How often the server asked for something again, of late; too often, and it may be told later. */
  #asks = 0;
  #askedAt = Number.NEGATIVE_INFINITY;
  #stormy = false;

  constructor(world: World, core: Core) {
    this.#world = world;
    this.#core = core;
    this.#heartbeatMs = world.heartbeatMs;
  }

  check(holds: boolean, otherwise: string): void {
    if (!holds) throw new Error(otherwise);
  }

  changed(part: PartName, value: unknown): void {
    if (this.current.get(part) === value) return;
    this.current.set(part, value);
    this.#reasons.add(part);
    this.excused.delete(part);
  }

  reasonFor(...names: readonly PartName[]): void {
    for (const name of names) this.#reasons.add(name);
  }

  /** The server asks for everything again. */
  asked(now: number): void {
    this.#asks = this.#stormy || now - this.#askedAt < 2 * STORM_MS ? this.#asks + 1 : 1;
    this.#askedAt = now;
    if (this.#asks > STORM) this.#stormy = true;
  }

  /** The core is about to be ticked: what the server asked for in a storm may be told from now on. */
  tick(now: number): void {
    if (!this.#stormy) return;
    this.reasonFor(...partNames);
    if (now < this.#askedAt + STORM_MS) return;
    this.#stormy = false;
    this.#askedAt = now;
  }

  /** These messages were not answered: what they held may be sent again. */
  owe(sent: readonly Sent[]): void {
    for (const { outgoing } of sent) this.reasonFor(...partsOf(outgoing));
  }

  /** The server refused this message: nobody waits for the server to know what it held. */
  excuse({ outgoing }: Sent): void {
    for (const name of partsOf(outgoing)) {
      if (this.current.get(name) === outgoing[name]) this.excused.add(name);
    }
  }

  /** The server has not read this message: its number comes again, and so does what it held, unless that was one part. */
  tooLarge(sent: Sent): void {
    this.unsent();
    const parts = partsOf(sent.outgoing);
    const isSplit = parts.length > 1 || (parts.length === 1 && sent.outgoing.customMessage !== undefined);
    // Components are told by their hash at least.
    if (isSplit || parts[0] === "availableComponents") this.owe([sent]);
    if (!isSplit) this.excuse(sent);
  }

  /** The link is over, or the server wants nothing more on it. */
  over(wire: Wire): void {
    this.owe(wire.unanswered);
    for (const custom of this.customs.values()) custom.underWay = false;
  }

  /** The connection kept for polls is closed under a message, which a server may have taken. @returns whether there is one */
  stale(wire: Wire, server: { take(outgoing: Outgoing): void } | undefined): boolean {
    const [sent] = wire.unanswered;
    if (wire.duplex || sent === undefined) return false;
    server?.take(sent.outgoing);
    this.over(wire);
    wire.unanswered = [];
    if (this.#world.fullReports) this.reasonFor(...partNames);
    wire.sent = 0;
    wire.saidGoodbye = false;
    return true;
  }

  /** The store has saved the oldest change, or failed to. @returns its id */
  stored(fails: boolean): number | undefined {
    const [oldest] = this.persisting;
    if (oldest === undefined) return undefined;
    const [id, change] = oldest;
    this.persisting.delete(id);
    if (!fails && change.what === "offer" && change.offered !== undefined) this.#stored = change.offered.hash;
    return id;
  }

  /** A message never left: its number comes again (D2). */
  unsent(): void {
    this.#nextNumber -= 1n;
  }

  gate(now: number, throttle: "open" | number): void {
    const pauseMs = throttle === "open" ? FLOOR_MS : Math.min(throttle, MAX_PAUSE_MS);
    this.#gateUntil = Math.max(this.#gateUntil, now + pauseMs);
  }

  /**
   * The core has nothing to wait for only before its start and after its end, and on a duplex link without heartbeats:
   * there the server may speak at any time, and the transport notices when it is gone. An answer is not waited for on
   * such a link either, once the first report is through (D18).
   */
  checkDeadline(now: number): void {
    const { phase, deadline } = this.#core;
    if (phase === "idle" || phase === "stopped") return this.check(deadline === undefined, `a deadline in ${phase}`);
    if (deadline !== undefined && Number.isFinite(deadline))
      return this.check(deadline > now, "a deadline that passed");
    const silent = this.#beatMs === Number.POSITIVE_INFINITY && this.#world.ping === false;
    this.check(phase === "online" && this.wire?.duplex === true && silent, `no deadline in ${phase}`);
  }

  /** What the agent has said fits where the connection stands, and only polls wait for an answer. */
  checkPresence(): void {
    const { phase, presence, isAwaiting } = this.#core;
    this.check(presencesIn[phase].includes(presence), `${presence} while ${phase}`);
    if (!isAwaiting) return;
    const isUp: readonly Phase[] = ["reporting", "online", "closing"];
    this.check(isUp.includes(phase), `an answer is awaited while ${phase}`);
    this.check(this.wire?.duplex === false, "an answer is awaited on a connection that is not polled");
  }

  /** Silence of the peer is noticed in time. */
  checkPulse(now: number): void {
    const up = this.#core.phase === "reporting" || this.#core.phase === "online";
    if (this.wire?.duplex && up) this.wire.watch.check(this.#beatMs, now);
  }

  /** How often heartbeats come on the link that is; `Infinity` for never. */
  get #beatMs(): number {
    const chosen = this.wire?.duplex === true && !has(this.#core.capabilities, "reportsHeartbeat");
    return chosen ? Number.POSITIVE_INFINITY : this.#heartbeatMs;
  }

  /** @returns whether the message that was put out is too large to leave */
  take(output: Output, now: number): boolean {
    this.check(!this.#stopped, `${output.type} after the end`);
    switch (output.type) {
      case "dial":
        this.check(this.wire === undefined, "a dial while another link is live");
        this.check(now >= this.#gateUntil, "a dial before the server wants one");
        this.wire = {
          opened: false,
          closing: false,
          saidGoodbye: false,
          unanswered: [],
          sent: 0,
          muddled: false,
          duplex: this.#world.links !== "polling",
          watch: new Watch(this.#world.ping),
        };
        return false;
      case "ping":
        this.check(this.wire?.opened === true && !this.wire.closing && this.wire.duplex, "a ping without a link");
        this.wire?.watch.ping(this.#beatMs, now, this.#isProbed || this.#hasCustomUnderWay);
        this.#isProbed = false;
        return false;
      case "send":
        return this.#send(output.message, now);
      case "close":
        if (output.reason === "unresponsive") this.wire?.watch.cut(now);
        this.#close(output.code);
        return false;
      case "phase":
        this.#stopped = output.phase === "stopped";
        return false;
      default:
        this.#takeOther(output, now);
        return false;
    }
  }

  #takeOther(output: Exclude<Output, { type: "dial" | "send" | "ping" | "close" | "phase" }>, now: number): void {
    switch (output.type) {
      case "fetchEffectiveConfig":
        this.fetching = true;
        return;
      case "apply": {
        const free = [...this.running.values()].every(({ aborted }) => aborted);
        this.check(free, "two handlers at a time");
        this.check(sameBytes(output.hash, this.#newest), "an offer that is not the newest is applied");
        const isStored = this.#stored !== undefined && sameBytes(output.hash, this.#stored);
        this.check(!this.#world.storedFirst || isStored, "an offer that is not stored is applied");
        this.running.set(output.id, { aborted: false });
        return;
      }
      case "abort": {
        const run = this.running.get(output.id);
        if (run !== undefined) run.aborted = true;
        return;
      }
      case "offer":
        if (output.status.status === "applying") this.#newest = output.status.hash;
        this.check(sameBytes(output.status.hash, this.#newest), "a superseded outcome is reported");
        return this.changed("remoteConfigStatus", output.status);
      case "persist":
        this.persisting.set(output.id, output.change);
        return;
      case "instanceUid":
        this.asked(now);
        return this.reasonFor(...partNames);
      case "heartbeatInterval":
        this.#heartbeatMs = output.intervalMs;
        return;
      case "serverCustomCapabilities":
        this.#understood = output.names;
        return;
      case "customSettled":
        this.check(this.customs.delete(output.id), "a custom message is settled twice");
        return;
      case "notice":
        if (output.notice.kind === "dropped") return this.#drop(output.notice.parts);
        if (output.notice.kind === "serverError") return this.#drop(output.notice.dropped);
        return;
      case "switched":
        return this.check(false, "connection settings that nobody offered");
      case "restart":
      case "serverCapabilities":
      case "settingsRequest":
      case "customMessage":
        return;
      default:
        return output satisfies never;
    }
  }

  #drop(parts: PartSet): void {
    for (const name of partNames) {
      if ((parts & Part[name]) !== 0) this.excused.add(name);
    }
  }

  #close(code: number): void {
    const { wire } = this;
    this.check(wire !== undefined, "a close without a link");
    if (wire === undefined) return;
    if (code === 1006) {
      this.over(wire);
      this.wire = undefined;
      return;
    }
    this.check(wire.opened && !wire.closing, "a second close, or one before the link opened");
    this.check(wire.saidGoodbye || this.limit < 0, "a close without a goodbye");
    wire.closing = true;
  }

  #send(outgoing: Outgoing, now: number): boolean {
    const { wire } = this;
    if (wire === undefined || !wire.opened || wire.closing) throw new Error(`a message while ${this.#core.phase}`);
    this.check(!wire.saidGoodbye, "a message after the goodbye");
    this.check(wire.duplex || wire.unanswered.length === 0, "a second request");
    this.check(outgoing.sequenceNum === this.#nextNumber, "a number out of order");
    this.check(outgoing.capabilities === this.#core.capabilities, "other capabilities than declared");
    this.check(sameBytes(outgoing.instanceUid, this.#core.instanceUid), "another uid than the own");
    this.#checkParts(outgoing);
    this.check(this.#hasCause(outgoing, wire, now), `a message without a cause while ${this.#core.phase}`);
    const { customMessage } = outgoing;
    const size = partsOf(outgoing).length + (customMessage === undefined ? 0 : 1);
    // A first report that is too large is tried again, unless nothing can be smaller.
    if (size <= this.limit || size === 0) wire.sent += 1;
    // The ping behind it leaves all the same.
    this.#isProbed = customMessage !== undefined;
    if (size > this.limit) return true;
    if (customMessage !== undefined) this.#sendCustom(customMessage.type);
    for (const name of partsOf(outgoing)) this.#reasons.delete(name);
    this.capabilitiesChanged = false;
    this.#nextNumber += 1n;
    this.#lastSentAt = now;
    wire.saidGoodbye = outgoing.agentDisconnect !== undefined;
    wire.unanswered.push({ outgoing, at: now });
    return false;
  }

  get #hasCustomUnderWay(): boolean {
    return [...this.customs.values()].some(({ underWay }) => underWay);
  }

  #checkParts(outgoing: Outgoing): void {
    const allowed = allowedParts(this.#core.capabilities, this.#core.serverCapabilities);
    for (const name of partsOf(outgoing)) {
      this.check(this.#reasons.has(name), `${name} for no reason`);
      this.check((allowed & Part[name]) !== 0, `${name} without its capability`);
      this.check(outgoing[name] === this.current.get(name), `a value of ${name} that is not the latest`);
    }
  }

  #hasCause(outgoing: Outgoing, wire: Wire, now: number): boolean {
    return (
      partsOf(outgoing).length > 0 ||
      outgoing.customMessage !== undefined ||
      outgoing.agentDisconnect !== undefined ||
      wire.sent === 0 ||
      this.capabilitiesChanged ||
      (outgoing.flags === 1n && this.#world.wantsUid) ||
      (this.#core.phase === "online" && now >= this.#lastSentAt + this.#beatMs)
    );
  }

  #sendCustom(type: string): void {
    const id = Number(type);
    const custom = this.customs.get(id);
    if (custom === undefined) throw new Error("a custom message that was settled is sent");
    this.check(this.#understood.includes(custom.capability), "a custom message that the server does not understand");
    const next = [...this.customs].find(([, each]) => !each.underWay && each.capability === custom.capability);
    this.check(next?.[0] === id, "custom messages out of order");
    custom.underWay = true;
  }
}
