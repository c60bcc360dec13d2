import type { ServerToAgent } from "../gen/opamp/v1/opamp_pb.js";
import { Agent } from "./agent.js";
import { randomFrom } from "./backoff.js";
import { has } from "./capabilities.js";
import type { CoreConfig } from "./config.js";
import { earlier } from "./hold.js";
import type { Input, Lost, Outgoing, Output } from "./io.js";
import { Link } from "./link.js";
import type { Phase } from "./phases.js";
import { errorOf } from "./receive.js";

const CLOSE_NORMAL = 1000;
/** An agent that polls more seldom could not be reached any more: no server may make it so. */
const LONGEST_POLL_MS = 86_400_000;

/**
 * The whole protocol, without sockets, timers, promises, clocks or chance: inputs and the time in, outputs out.
 *
 * After each step the caller carries out the outputs in order, and calls again with `tick` once {@link Core.deadline}
 * has come; where it has come already, at the end of the turn. Only a tick sends, and at most one message.
 */
export class Core {
  readonly #config: CoreConfig;
  readonly #link: Link;
  readonly #agent: Agent;
  #heartbeatMs: number;
  #lastSentAt = 0;
  #sentBefore = 0;
  /** The first report on this link has left. */
  #reported = false;
  /** The message put out last was that report. */
  #first = false;
  /** On a link that is not duplex: the answer to the last message is still out. */
  #awaiting = false;
  #goodbye: "none" | "owed" | "lean" | "sent" = "none";

  constructor(config: CoreConfig) {
    this.#config = config;
    this.#link = new Link(config.link, randomFrom(config.seed));
    this.#agent = new Agent(config);
    this.#heartbeatMs = config.heartbeat.intervalMs;
  }

  get phase(): Phase {
    return this.#link.phase;
  }

  get instanceUid(): Uint8Array {
    return this.#agent.instanceUid;
  }

  get capabilities(): bigint {
    return this.#agent.capabilities;
  }

  /** What the server declared last; 0 while it has not. */
  get serverCapabilities(): bigint {
    return this.#agent.serverCapabilities;
  }

  /** When to call again, on the same clock as `now`; `undefined`: not before something happens. */
  get deadline(): number | undefined {
    if (this.#link.phase === "stopped" || this.#link.phase === "idle") return undefined;
    if (this.#canAct()) return 0;
    let deadline = earlier(this.#link.deadline, this.#agent.deadline);
    if (this.#beats && !this.#awaiting) deadline = earlier(deadline, this.#lastSentAt + this.#heartbeatMs);
    return deadline;
  }

  /**
   * Takes one input.
   *
   * @param now milliseconds on a clock that never goes back
   * @returns what to do, in this order
   */
  step(input: Input, now: number): Output[] {
    const out: Output[] = [];
    if (this.#link.phase === "stopped") return out;
    this.#take(input, now, out);
    // Whatever else happens in the same turn joins the message; a handler that ends at once is reported once.
    if (input.type === "tick") this.#send(now, out);
    return out;
  }

  #take(input: Input, now: number, out: Output[]): void {
    switch (input.type) {
      case "start":
        if (this.#link.phase !== "idle") return;
        this.#agent.start(input, now, out);
        return this.#link.start(now, out);
      case "stop":
        this.#agent.stop(out);
        if (this.#link.stop(input.withinMs, now, out)) this.#goodbye = "owed";
        return;
      case "reconnect":
        return this.#leave("reconnect", now, out);
      case "tick":
        this.#agent.expire(now, out);
        return this.#expire(now, out);
      case "opened":
        if (this.#link.phase !== "connecting") return;
        this.#reported = false;
        this.#awaiting = false;
        this.#agent.opened();
        return this.#link.opened(now, out);
      case "lost":
        return this.#lost(input.loss, now, out);
      case "received":
        return this.#received(input.message, now, out);
      case "malformed":
        if (!this.#link.dialled) return;
        out.push({ type: "notice", notice: { kind: "malformed", error: input.error } });
        if (!this.#config.duplex) this.#fail("malformed", input.error, now, out);
        return;
      case "oversized":
        return this.#oversized(out);
      case "set":
        return this.#agent.set(input.parts);
      case "declare":
        return this.#agent.declare(input.capabilities, now, out);
      case "refresh":
        return this.#agent.refresh(now, out);
      case "effectiveConfig":
        return this.#agent.effectiveConfig(input.value);
      case "handled":
        return this.#agent.handled(input.id, input.error, now, out);
      case "retryRemoteConfig":
        return this.#agent.retryRemoteConfig(now, out);
      case "restartFailed":
        return this.#agent.restartFailed(input.error);
      case "custom":
        return this.#agent.custom(input, out);
      case "forgetCustom":
        return this.#agent.forgetCustom(input.capability, out);
      default:
        return input satisfies never;
    }
  }

  #expire(now: number, out: Output[]): void {
    const deadline = this.#link.deadline;
    if (deadline === undefined || now < deadline) return;
    switch (this.#link.phase) {
      case "waiting":
        return this.#link.due(now, out);
      case "closing":
        return this.#link.cut(now, out);
      case "reporting":
        if (this.#config.duplex) return this.#link.silent(out);
        return this.#fail("timeout", undefined, now, out);
      case "connecting":
      case "online":
        return this.#fail("timeout", undefined, now, out);
      case "idle":
      case "stopped":
        return;
    }
  }

  #received(message: ServerToAgent, now: number, out: Output[]): void {
    if (!this.#link.up && this.#link.phase !== "closing") return;
    this.#awaiting = false;
    if (!this.#agent.owns(message)) {
      out.push({ type: "notice", notice: { kind: "foreignUid", uid: new Uint8Array(message.instanceUid) } });
      // On HTTP this was the answer, and there will be no other.
      if (!this.#config.duplex) this.#fail("malformed", undefined, now, out);
      return;
    }
    const error = errorOf(message);
    if (error?.type === "unavailable") {
      out.push({
        type: "notice",
        notice: { kind: "serverError", error: "unavailable", message: error.message, dropped: 0 },
      });
      this.#agent.restore();
      return this.#pause(error.retryAfterMs, now, out);
    }
    // What comes before the first report is no answer to it.
    if (this.#reported) this.#link.answered(out);
    if (error !== undefined) {
      const dropped = this.#agent.refused(now, out);
      out.push({
        type: "notice",
        notice: { kind: "serverError", error: error.error, message: error.message, dropped },
      });
      return;
    }
    this.#agent.answered(now, out);
    if (this.#link.ending) return;
    const seconds = this.#agent.receive(message, now, out);
    if (seconds !== undefined) this.#heartbeatOffered(seconds, out);
  }

  /** D8: within the user's bounds; 0 is no heartbeats at all, which polling cannot do (AMB-04). */
  #heartbeatOffered(seconds: bigint, out: Output[]): void {
    if (seconds === 0n && !this.#config.duplex) return;
    const { minMs, maxMs } = this.#config.heartbeat;
    const asked = seconds === 0n ? Number.POSITIVE_INFINITY : Number(seconds) * 1_000;
    const longest = this.#config.duplex ? maxMs : Math.min(maxMs, LONGEST_POLL_MS);
    const intervalMs = Math.min(longest, Math.max(minMs, asked));
    if (intervalMs === this.#heartbeatMs) return;
    this.#heartbeatMs = intervalMs;
    out.push({ type: "heartbeatInterval", intervalMs });
  }

  /** One with nothing in it cannot be made smaller: it is missed like one that got lost on the way. */
  #oversized(out: Output[]): void {
    if (!this.#agent.oversized(out)) return;
    this.#lastSentAt = this.#sentBefore;
    if (this.#awaiting || this.#first) this.#link.awaitNothing();
    this.#awaiting = false;
    if (this.#first) this.#reported = false;
    if (this.#goodbye === "sent") this.#goodbye = "lean";
  }

  #lost(loss: Lost, now: number, out: Output[]): void {
    if (!this.#link.dialled) return;
    if (loss.fate === "unsent" && this.#awaiting) this.#agent.unsent();
    if (loss.fate === "refused") {
      const parts = this.#agent.refused(now, out);
      out.push({ type: "notice", notice: { kind: "dropped", parts, why: "refused" } });
    }
    this.#agent.restore();
    this.#awaiting = false;
    this.#link.lost(loss, now, out);
  }

  #fail(reason: "timeout" | "malformed", error: unknown, now: number, out: Output[]): void {
    this.#agent.restore();
    this.#awaiting = false;
    // An exchange went wrong; the goodbye can still go right.
    if (this.#link.phase !== "closing") this.#link.fail(reason, error, now, out);
  }

  #pause(retryAfterMs: number | undefined, now: number, out: Output[]): void {
    if (this.#link.phase === "closing") {
      if (this.#goodbye === "owed") this.#goodbye = "lean";
      return this.#link.postpone(retryAfterMs);
    }
    if (this.#config.duplex) return this.#leave({ throttledForMs: retryAfterMs }, now, out);
    this.#link.pause(retryAfterMs, now, out);
  }

  #leave(why: { throttledForMs: number | undefined } | "reconnect", now: number, out: Output[]): void {
    if (!this.#link.up) return;
    this.#link.leave(why, now, out);
    this.#goodbye = why === "reconnect" ? "owed" : "lean";
  }

  /** Whether the agent shows life on its own: by heartbeats where it declared them, by polling on HTTP (HTTP-03). */
  get #beats(): boolean {
    return this.#link.phase === "online" && (!this.#config.duplex || has(this.#agent.capabilities, "reportsHeartbeat"));
  }

  #canAct(): boolean {
    if (this.#awaiting) return false;
    if (this.#link.phase === "closing") return this.#goodbye !== "none";
    return this.#link.up && (this.#reported ? this.#agent.due : !this.#agent.held);
  }

  #send(now: number, out: Output[]): void {
    if (this.#awaiting) return;
    if (this.#link.phase === "closing") return this.#sayGoodbye(now, out);
    if (!this.#link.up) return;
    const message = this.#reported ? (this.#agent.next(now) ?? this.#heartbeat(now)) : this.#agent.first(now);
    if (message !== undefined) this.#put(message, now, out);
  }

  #heartbeat(now: number): Outgoing | undefined {
    return this.#beats && now >= this.#lastSentAt + this.#heartbeatMs ? this.#agent.heartbeat(now) : undefined;
  }

  #put(message: Outgoing, now: number, out: Output[]): void {
    out.push({ type: "send", message });
    this.#sentBefore = this.#lastSentAt;
    this.#lastSentAt = now;
    this.#awaiting = !this.#config.duplex;
    this.#first = !this.#reported;
    if (this.#link.up && (this.#awaiting || this.#first)) this.#link.awaitAnswer(now);
    this.#reported = true;
  }

  /** CLOSE-02: agent_disconnect first, Close after it; on HTTP its answer is the end. */
  #sayGoodbye(now: number, out: Output[]): void {
    if (this.#goodbye === "owed" || this.#goodbye === "lean") {
      this.#put(this.#agent.goodbye(this.#goodbye === "lean", now), now, out);
      this.#goodbye = "sent";
    } else if (this.#goodbye === "sent") {
      this.#goodbye = "none";
      out.push({ type: "close", code: CLOSE_NORMAL, reason: "agent disconnects" });
    }
  }
}
