import { isPromise } from "node:util/types";
import { DAY_MS } from "../../base/time.js";
import type { Notice, PhaseReason } from "../../core/io.js";
import { LogLimit } from "../../diagnostics/log-limit.js";
import type { Logger } from "../../diagnostics/logger.js";
import { bytesText, oneLine } from "../../diagnostics/one-line.js";
import type { Redactor } from "../../diagnostics/redactor.js";
import type { OpAMPError } from "../../errors.js";
import type { Clock } from "../clock.js";
import type { InstanceUidEvent, PhaseEvent, RemoteConfigEvent, WarningEvent } from "../events.js";

type Level = keyof Logger;

/** What differs between failures that are the same: uids, hashes, sizes, and other long numbers. */
const VARYING = /[0-9a-f-]{8,}|\d{4,}/gi;
const LONGEST_DETAIL = 300;
const MS = { s: 1_000, min: 60_000, h: 3_600_000, d: DAY_MS } as const;

/**
 * Writes the log: a line for each thing that happens, and for what happens again and again one line now and then with a
 * count. Whatever comes from outside is shortened and stripped of secrets and line breaks. A logger cannot do harm.
 */
export class LogLines {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #redact: (text: string) => string;
  readonly #limit = new LogLimit();
  /** Attempts to connect since the server was reached last, and when the first of them began. */
  #attempts = 0;
  #awayAt = 0;
  /** A line was written about the link that is not true any more once the server is reached. */
  #saidAway = false;

  constructor(logger: Logger, clock: Clock, redactor: Redactor) {
    this.#logger = logger;
    this.#clock = clock;
    this.#redact = (text) => redactor.text(text);
  }

  failed(error: OpAMPError): void {
    this.#line("warn", error.code, detailOf(error), `${this.#shown(error.message)} (${this.#shown(error.hint)})`);
  }

  /** One that has no listener left to go to. */
  listenerFailed(error: OpAMPError): void {
    this.#line("error", "listener", detailOf(error), this.#shown(error.message));
  }

  /** Written in any case: it says that the client is open to attack. */
  warning({ message, hint }: WarningEvent): void {
    this.#write("warn", `WARNING: ${this.#shown(message)} (${this.#shown(hint)})`);
  }

  phase(event: PhaseEvent, inMs: number | undefined): void {
    switch (event.phase) {
      case "connecting":
        if (this.#attempts === 0) this.#awayAt = this.#clock.now();
        this.#attempts += 1;
        return this.#moved(event.phase, event.reason);
      case "waiting":
        return this.#waiting(event, inMs);
      case "online":
        return event.previous === "online" ? this.#answers() : this.#connected(event.transport);
      case "stopped":
        if (event.error !== undefined) {
          this.#write("error", `${this.#shown(event.error.message)} (${this.#shown(event.error.hint)})`);
        }
        return this.#write("info", "Client is stopped, will not try anymore.");
      default:
        return this.#moved(event.phase, event.reason);
    }
  }

  remoteConfig(hash: Uint8Array, status: RemoteConfigEvent["status"], error: string): void {
    const name = bytesText(hash);
    if (status !== "failed")
      return void this.#line("info", `config ${status}`, name, `Remote config ${name} ${status}`);
    const line = `Remote config ${name} failed: ${this.#shown(error)}`;
    this.#line("warn", "config failed", `${name} ${error.slice(0, LONGEST_DETAIL)}`, line);
  }

  renamed({ instanceUid, previous }: InstanceUidEvent): void {
    this.#line("info", "renamed", instanceUid, `The server renamed this agent from ${previous} to ${instanceUid}`);
  }

  heartbeatInterval(intervalMs: number): void {
    const text = `Heartbeat interval is now ${intervalMs} ms`;
    this.#line("info", "heartbeat", String(intervalMs), text);
  }

  ignored(what: string): void {
    this.#line("debug", "ignored", what.slice(0, LONGEST_DETAIL), `Ignoring ${this.#shown(what)}`);
  }

  storm(): void {
    const text = "The server asks for everything over and over; it is told ever less often";
    this.#line("warn", "storm", "", text);
  }

  silent(afterMs: number): void {
    const text = `The server has not answered the first report for ${afterMs} ms; going on`;
    this.#line("warn", "silent", "", text);
  }

  serverError({ error, message }: Extract<Notice, { kind: "serverError" }>): void {
    const text = `Server returned an error response (${error}): ${this.#shown(message)}`;
    this.#line("warn", "server error", `${error} ${message.slice(0, LONGEST_DETAIL)}`, text);
  }

  #waiting(event: PhaseEvent, inMs: number | undefined): void {
    const wait = inMs === undefined ? "" : ` in ${duration(inMs)}`;
    const { error } = event;
    if (error !== undefined) {
      const why = `${this.#shown(error.message)}; ${this.#shown(error.hint)}`;
      const told = this.#line("warn", "link", detailOf(error), `Connection failed (${why}), will retry${wait}.`);
      this.#saidAway ||= told;
      return;
    }
    const detour = event.previous === "closing" ? "Said goodbye" : "Trying another way to the server";
    const why = event.reason === "throttled" ? "The server asked for a pause" : detour;
    const told = this.#line("info", "link", why, `${why}, will connect again${wait}.`);
    this.#saidAway ||= told;
  }

  #connected(transport: string | undefined): void {
    const over = transport === undefined ? "" : ` over ${this.#shown(transport)}`;
    const tries = this.#attempts;
    const after = tries > 1 ? `, after ${tries} attempts in ${duration(this.#clock.now() - this.#awayAt)}` : "";
    this.#attempts = 0;
    // Whoever read that there is no connection must also read that there is one.
    this.#line("info", "connected", over, `Connected to the OpAMP server${over}${after}`, this.#saidAway);
    this.#saidAway = false;
  }

  /** One that kept silent at first. */
  #answers(): void {
    this.#line("info", "answers", "", "The OpAMP server answers");
  }

  #moved(phase: string, reason: PhaseReason): void {
    this.#line("debug", "phase", `${phase} ${reason}`, `Link is ${phase} (${reason})`);
  }

  /** @returns whether the line was written */
  #line(level: Level, topic: string, detail: string, text: string, always = false): boolean {
    const turn = this.#limit.turn(topic, detail, this.#clock.now(), this.#clock.wallNow(), always);
    if (turn === undefined) return false;
    const since = new Date(turn.sinceMs).toTimeString().slice(0, "HH:MM".length);
    this.#write(level, turn.times > 1 ? `${text} (${turn.times} times since ${since})` : text);
    return true;
  }

  #write(level: Level, text: string): void {
    try {
      const done: unknown = this.#logger[level](text);
      if (isPromise(done)) done.catch(() => undefined);
    } catch {
      // A logger that throws has nowhere left to be reported to.
    }
  }

  #shown(text: string): string {
    return oneLine(text, this.#redact);
  }
}

/** What makes a failure another one. */
function detailOf({ code, message, httpStatus }: OpAMPError): string {
  return `${code} ${httpStatus ?? ""} ${message.slice(0, LONGEST_DETAIL).replace(VARYING, "#")}`;
}

function duration(ms: number): string {
  if (ms < 100 * MS.s) return `${(ms / MS.s).toFixed(1)} s`;
  if (ms < 100 * MS.min) return `${Math.round(ms / MS.min)} min`;
  if (ms < 2 * MS.d) return `${Math.round(ms / MS.h)} h`;
  return `${Math.round(ms / MS.d)} days`;
}
