import type { AgentDescription, ServerToAgent } from "../gen/opamp/v1/opamp_pb.js";
import { Agent } from "./agent.js";
import { has } from "./capabilities.js";
import type { CoreConfig } from "./config.js";
import { Connection } from "./connection.js";
import { Exchange, type Member } from "./exchange.js";
import type { Input, Output } from "./io.js";
import { randomFrom } from "./link/backoff.js";
import { Keepalive, requestedMsOf } from "./link/keepalive.js";
import { ConnectionSwitch } from "./move/connection-switch.js";
import { MovableConnection } from "./move/movable-connection.js";
import type { Phase, Presence } from "./phases.js";
import { errorOf } from "./server-error.js";
import { type ConnectionTimers, connectionTimers, NEVER } from "./timers.js";

const CLOSE_NORMAL = 1000;
/** A timer that fires this late was held up: by a sleep, or by a turn that took long. */
const LATE_MS = 50;
const PING: Output = { type: "ping" };

/**
 * The whole protocol, without sockets, timers, promises, clocks or chance: inputs and the time in, outputs out. One
 * connection, and the agents that share it.
 *
 * After each step the caller carries out the outputs in order, and calls again with `tick` once {@link Core.deadline}
 * has come; where it has come already, at the end of the turn. A step sends at most one message.
 */
export class Core {
  readonly #timers: ConnectionTimers = connectionTimers();
  readonly #connection: Connection;
  readonly #keepalive: Keepalive;
  readonly #agent: Agent;
  readonly #exchange: Exchange;
  /** Set where the connection may be moved. */
  readonly #move: ConnectionSwitch | undefined;

  constructor(config: CoreConfig) {
    this.#agent = new Agent(config);
    this.#exchange = new Exchange(this.#agent);
    this.#keepalive = new Keepalive(config, this.#timers, has(config.capabilities, "reportsHeartbeat"));
    const parts = [config.link, randomFrom(config.seed), this.#timers, this.#exchange, this.#keepalive] as const;
    if (config.settings === undefined) this.#connection = new Connection(...parts);
    else {
      const movable = new MovableConnection(...parts);
      this.#connection = movable;
      this.#move = new ConnectionSwitch(config.settings, movable, this.#agent, this.#timers);
      movable.trial = this.#move;
    }
  }

  get phase(): Phase {
    return this.#connection.phase;
  }

  get instanceUid(): Uint8Array {
    return this.#agent.uid;
  }

  get description(): AgentDescription | undefined {
    return this.#agent.report.get("agentDescription");
  }

  get capabilities(): bigint {
    return this.#agent.report.capabilities;
  }

  /** What the server declared last; 0 while it has not. */
  get serverCapabilities(): bigint {
    return this.#agent.report.serverCapabilities;
  }

  /** What there is to know of custom messages. */
  get custom(): Pick<Agent, "waitingCustomMessages" | "waitsFor"> {
    return this.#agent;
  }

  /** Whether the process has to live on: for a connection that is being made, or for a custom message that can leave soon. */
  get holdsProcess(): boolean {
    const { isUndecided, up, phase } = this.#connection;
    return isUndecided || (up && this.#agent.messages.queue?.isActive(phase === "reporting") === true);
  }

  /** What the agent has said on the current connection. */
  get presence(): Presence {
    return this.#exchange.self.presence;
  }

  /** Whether an answer has to come before anything else can be sent. */
  get isAwaiting(): boolean {
    return this.#exchange.isAwaiting;
  }

  /** When to call again, on the same clock as `now`; `undefined`: not before something happens. */
  get deadline(): number | undefined {
    const next = this.#nextDeadline;
    return next === NEVER ? undefined : next;
  }

  get #nextDeadline(): number {
    const { phase, up } = this.#connection;
    if (phase === "stopped") return NEVER;
    // Before the start only a custom message can have waited long enough.
    if (phase === "idle") return this.#agent.timers.customMessage ?? NEVER;
    const isClosing = phase === "closing";
    if ((up || isClosing) && this.#exchange.canSend(isClosing)) return 0;
    const { connect = NEVER, dial = NEVER, answer = NEVER, close = NEVER, retry = NEVER } = this.#timers;
    const { heartbeat = NEVER, silence = NEVER, settings = NEVER } = this.#timers;
    return Math.min(connect, dial, answer, close, retry, heartbeat, silence, settings, this.#exchange.nextTimer);
  }

  /**
   * Takes one input.
   *
   * @param now milliseconds on a clock that never goes back
   * @returns what to do, in this order
   */
  step(input: Input, now: number): Output[] {
    const out: Output[] = [];
    if (this.#connection.phase === "stopped") return out;
    this.#take(input, now, out);
    if (this.#maySend(input, now)) {
      this.#send(now, out);
      if (this.#keepalive.probe(this.#connection.phase, now)) this.#ping(now, out);
    }
    if (this.#keepalive.proof === "pong" && this.#connection.up && this.#exchange.wantsPing) this.#ping(now, out);
    this.#move?.proceed(now, out);
    this.#keepalive.arm(this.#connection.phase, this.#exchange.isAwaiting);
    return out;
  }

  /** Whether what is due leaves now. Otherwise it waits for whatever else happens in the same turn. */
  #maySend(input: Input, now: number): boolean {
    // After a sleep, what came meanwhile lies unread, and may be what the deadline is about.
    return input.type === "tick" || (input.type === "woken" && now - input.dueAt <= LATE_MS);
  }

  #take(input: Input, now: number, out: Output[]): void {
    switch (input.type) {
      case "start":
        return this.#start(input, now, out);
      case "stop":
        this.#exchange.each((agent) => agent.stop(out));
        this.#move?.stop();
        return void this.#connection.stop(input.withinMs, now, out, input.error);
      case "reconnect":
        return this.#connection.leave("reconnect", now, out);
      case "switch":
        return this.#move?.begin(input, now, out);
      case "interval":
        return this.#interval(input.seconds, out);
      case "woken":
        if (this.#keepalive.jumped(this.#connection.phase, now, input.wallNow)) this.#ping(now, out);
        if (this.#maySend(input, now)) this.#expire(now, out);
        return;
      case "tick":
        return this.#expire(now, out);
      case "opened":
        return this.#opened(input, now, out);
      case "dialing":
      case "dialed":
        if (!this.#keepalive.duplex) this.#connection.dialling(input.type === "dialing", now);
        return;
      case "stale":
        return this.#connection.stale(out);
      case "lost":
        return this.#connection.lost(input.loss, now, out);
      case "pong":
        this.#exchange.each((agent) => agent.messages.ponged(out));
        return this.#keepalive.heard(now);
      case "alive":
        return this.#keepalive.heard(now);
      case "received":
        return this.#received(input.message, now, out);
      case "malformed":
        return this.#connection.malformed(input.error, now, out);
      case "oversized":
        return this.#connection.oversized(out);
      case "large":
        this.#exchange.large(input.bytes);
        return this.#connection.arriving(this.#keepalive.large(input.bytes, now));
      case "progress":
        return this.#connection.arriving(this.#keepalive.progress(now));
      default:
        if (input.type === "declare") this.#keepalive.declare(has(input.capabilities, "reportsHeartbeat"));
        this.#agent.take(input, now, out);
        return this.#move?.take(input, now, out);
    }
  }

  #start(input: Extract<Input, { type: "start" }>, now: number, out: Output[]): void {
    if (this.#connection.phase !== "idle") return;
    if (input.heartbeatMs !== undefined) this.#keepalive.restore(input.heartbeatMs);
    this.#agent.start(input, now, out);
    this.#move?.resume(input.resume, now, out);
    this.#connection.start(now, out);
  }

  #expire(now: number, out: Output[]): void {
    this.#exchange.each((agent) => agent.expire(now, out));
    this.#move?.expire(now, out);
    const { retry = NEVER, close = NEVER, connect = NEVER, dial = NEVER, answer = NEVER } = this.#timers;
    if (this.#keepalive.isDead(this.#connection.phase, now)) this.#connection.fail("unresponsive", undefined, now, out);
    else if (now >= retry) this.#connection.due(now, out);
    else if (now >= close) this.#connection.cut(now, out);
    else if (now >= connect) this.#connection.fail("timeout", undefined, now, out);
    else if (now >= dial) this.#connection.notDialled(now, out);
    else if (now >= answer) this.#connection.notAnswered(now, out);
  }

  #opened({ duplex, wallNow }: Extract<Input, { type: "opened" }>, now: number, out: Output[]): void {
    if (this.#connection.phase === "closing") return this.#connection.returned(duplex, now, out);
    if (this.#connection.phase !== "connecting") return;
    this.#keepalive.opened(duplex, now, wallNow, out);
    const isForgotten = duplex || this.#exchange.isUnheard;
    this.#exchange.each((agent) => agent.opened(isForgotten, now, out));
    this.#exchange.move("opened");
    this.#connection.opened(now, out);
  }

  #received(message: ServerToAgent, now: number, out: Output[]): void {
    this.#keepalive.heard(now);
    if (!this.#connection.up && this.#connection.phase !== "closing") return;
    this.#exchange.answered();
    const member = this.#exchange.memberOf(message.instanceUid);
    if (member === undefined) {
      out.push({ type: "notice", notice: { kind: "foreignUid", uid: new Uint8Array(message.instanceUid) } });
      // On HTTP this was the answer, and there will be no other.
      if (!this.#keepalive.duplex) this.#connection.fail("malformed", undefined, now, out);
      return;
    }
    const error = message.errorResponse && errorOf(message.errorResponse);
    if (error?.type === "unavailable") {
      const { type, message: text } = error;
      out.push({ type: "notice", notice: { kind: "serverError", error: type, message: text, dropped: 0 } });
      return this.#connection.pause(error.retryAfterMs, now, out);
    }
    // A message that arrives before our first report cannot acknowledge it.
    if (member.presence !== "unreported") this.#connection.answered(out);
    if (error === undefined) return this.#acknowledged(member, message, now, out);
    const dropped = member.agent.messages.refused(error.message, now, out);
    out.push({ type: "notice", notice: { kind: "serverError", error: error.error, message: error.message, dropped } });
    this.#move?.refused(error.message, now, out);
  }

  #acknowledged({ agent, presence }: Member, message: ServerToAgent, now: number, out: Output[]): void {
    agent.messages.answered(this.#keepalive.proof, now, out);
    if (this.#connection.ending || this.#connection.ignoresServer) return;
    if (presence !== "unreported" && this.#move?.answered(message, now, out) === false) return;
    this.#interval(agent.receive(message, now, out), out);
  }

  #interval(seconds: bigint | undefined, out: Output[]): void {
    const requestedMs = requestedMsOf(seconds, this.#keepalive.duplex);
    if (requestedMs === undefined) return;
    this.#agent.persist({ what: "heartbeat", requestedMs }, out);
    this.#keepalive.requested(requestedMs, out);
  }

  /** Behind all that has left. */
  #ping(now: number, out: Output[]): void {
    this.#exchange.each((agent) => agent.messages.pinged(now));
    out.push(PING);
  }

  #send(now: number, out: Output[]): void {
    const { phase, up } = this.#connection;
    const isClosing = phase === "closing";
    if (!up && !isClosing) return;
    const { duplex } = this.#keepalive;
    const member = this.#exchange.send(isClosing, this.#keepalive.heartbeatDue(phase, now), duplex, now, out);
    if (member !== undefined) {
      this.#keepalive.sent(now);
      if (up && (!duplex || member.presence === "first")) this.#connection.awaitAnswer(now);
    } else if (isClosing && this.#exchange.hasLeft) {
      // CLOSE-02: Close after agent_disconnect; on HTTP its answer is the end.
      this.#exchange.move("closed");
      out.push({ type: "close", code: CLOSE_NORMAL, reason: "agent disconnects" });
    }
  }
}
