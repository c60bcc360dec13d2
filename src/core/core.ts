import type { ServerToAgent } from "../gen/opamp/v1/opamp_pb.js";
import { Agent } from "./agent.js";
import { randomFrom } from "./backoff.js";
import type { CoreConfig } from "./config.js";
import { wishMs } from "./heartbeat.js";
import { earlier } from "./hold.js";
import type { Input, Lost, Outgoing, Output } from "./io.js";
import { type Failure, Link } from "./link.js";
import type { Phase } from "./phases.js";
import { errorOf } from "./receive.js";
import { Vitals } from "./vitals.js";

const CLOSE_NORMAL = 1000;
const PING: Output = { type: "ping" };

/**
 * The whole protocol, without sockets, timers, promises, clocks or chance: inputs and the time in, outputs out.
 *
 * After each step the caller carries out the outputs in order, and calls again with `tick` once {@link Core.deadline}
 * has come; where it has come already, at the end of the turn. Only a tick sends, and at most one message.
 */
export class Core {
  readonly #link: Link;
  readonly #agent: Agent;
  readonly #vitals: Vitals;
  /** The first report on this link has left. */
  #reported = false;
  /** The message put out last was that report. */
  #first = false;
  /** On a link that is not duplex: the answer to the last message is still out. */
  #awaiting = false;
  #goodbye: "none" | "owed" | "lean" | "sent" = "none";

  constructor(config: CoreConfig) {
    this.#link = new Link(config.link, randomFrom(config.seed));
    this.#agent = new Agent(config);
    this.#vitals = new Vitals(config);
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
    if (this.#link.phase === "stopped") return undefined;
    if (this.#link.phase === "idle") return this.#agent.expiry;
    if (this.#canAct()) return 0;
    const vital = this.#vitals.deadline(this.#link.phase, this.#awaiting);
    const deadline = earlier(this.#link.deadline, this.#agent.deadline);
    return vital === Number.POSITIVE_INFINITY ? deadline : earlier(deadline, vital);
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
    if (input.type === "tick") {
      this.#send(now, out);
      if (this.#vitals.pings(this.#link.phase, now)) out.push(PING);
    }
    return out;
  }

  #take(input: Input, now: number, out: Output[]): void {
    switch (input.type) {
      case "start":
        if (this.#link.phase !== "idle") return;
        if (input.heartbeatMs !== undefined) this.#vitals.restore(input.heartbeatMs);
        this.#agent.start(input, now, out);
        return this.#link.start(now, out);
      case "stop":
        this.#agent.stop(out);
        if (this.#link.stop(input.withinMs, now, out, input.error)) this.#goodbye = "owed";
        return;
      case "reconnect":
        return this.#leave("reconnect", now, out);
      case "tick":
        this.#agent.expire(now, out);
        return this.#expire(now, out);
      case "opened":
        if (this.#link.phase !== "connecting") return;
        tell(this.#vitals.opened(input.duplex, now), out);
        this.#reported = false;
        this.#awaiting = false;
        this.#agent.opened();
        return this.#link.opened(now, out);
      case "dialing":
        if (!this.#vitals.duplex) this.#link.connecting(now);
        return;
      case "dialed":
        return this.#link.connected();
      case "lost":
        return this.#lost(input.loss, now, out);
      case "alive":
        return this.#vitals.heard(now);
      case "jumped":
        if (this.#vitals.doubts(this.#link.phase, now)) out.push(PING);
        return;
      case "received":
        this.#vitals.heard(now);
        return this.#received(input.message, now, out);
      case "malformed":
        if (!this.#link.dialled) return;
        this.#vitals.heard(now);
        out.push({ type: "notice", notice: { kind: "malformed", error: input.error } });
        if (!this.#vitals.duplex) this.#fail("malformed", input.error, now, out);
        return;
      case "oversized":
        return this.#oversized(out);
      case "set":
        return this.#agent.set(input.parts);
      case "declare":
        this.#vitals.declare(input.capabilities);
        return this.#agent.declare(input.capabilities, now, out);
      case "refresh":
        return this.#agent.refresh(now, out);
      case "effectiveConfig":
        return this.#agent.effectiveConfig(input.value);
      case "handled":
        return this.#agent.handled(input.id, input.error, now, out);
      case "retryRemoteConfig":
        return this.#agent.retryRemoteConfig(now, out);
      case "restarted":
        return this.#agent.restarted(input.error);
      case "custom":
        return this.#agent.custom(input, now, out);
      case "forgetCustom":
        return this.#agent.forgetCustom(input.capability, out);
      default:
        return input satisfies never;
    }
  }

  #expire(now: number, out: Output[]): void {
    if (this.#vitals.gone(this.#link.phase, now)) return this.#fail("unresponsive", undefined, now, out);
    const deadline = this.#link.deadline;
    if (deadline === undefined || now < deadline) return;
    switch (this.#link.phase) {
      case "waiting":
        return this.#link.due(now, out);
      case "closing":
        return this.#link.cut(now, out);
      case "reporting":
        if (this.#vitals.duplex) return this.#link.silent(out);
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
      if (!this.#vitals.duplex) this.#fail("malformed", undefined, now, out);
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
    const heartbeatMs = seconds === undefined ? undefined : wishMs(seconds, this.#vitals.duplex);
    if (heartbeatMs === undefined) return;
    out.push({ type: "saveHeartbeat", wishMs: heartbeatMs });
    tell(this.#vitals.offered(heartbeatMs), out);
  }

  /** One with nothing in it cannot be made smaller: it is missed like one that got lost on the way. */
  #oversized(out: Output[]): void {
    if (!this.#agent.oversized(out)) return;
    this.#vitals.unsent();
    if (this.#awaiting || this.#first) this.#link.awaitNothing();
    this.#awaiting = false;
    if (this.#first) this.#reported = false;
    if (this.#goodbye === "sent") this.#goodbye = "lean";
  }

  #lost(loss: Lost, now: number, out: Output[]): void {
    if (!this.#link.dialled) return;
    if (loss.fate === "unsent" && this.#awaiting) this.#agent.unsent();
    if (loss.fate === "refused") this.#agent.tooLarge(now, out);
    this.#agent.restore();
    this.#awaiting = false;
    this.#link.lost(loss, now, out);
  }

  #fail(reason: Failure, error: unknown, now: number, out: Output[]): void {
    // Nothing leaves without a connection.
    if (this.#link.isConnecting && this.#awaiting) this.#agent.unsent();
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
    if (this.#vitals.duplex) return this.#leave({ throttledForMs: retryAfterMs }, now, out);
    this.#link.pause(retryAfterMs, now, out);
  }

  #leave(why: { throttledForMs: number | undefined } | "reconnect", now: number, out: Output[]): void {
    if (!this.#link.up) return;
    this.#link.leave(why, now, out);
    this.#goodbye = why === "reconnect" ? "owed" : "lean";
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
    return this.#vitals.beats(this.#link.phase, now) ? this.#agent.heartbeat(now) : undefined;
  }

  #put(message: Outgoing, now: number, out: Output[]): void {
    out.push({ type: "send", message });
    this.#vitals.sent(now);
    this.#awaiting = !this.#vitals.duplex;
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

function tell(intervalMs: number | undefined, out: Output[]): void {
  if (intervalMs !== undefined) out.push({ type: "heartbeatInterval", intervalMs });
}
