import { uidText } from "../../base/uid.js";
import type { HostOutput, Notice } from "../../core/io.js";
import { Part, type PartSet, partNames, type RemoteConfigState } from "../../core/parts.js";
import type { Logger } from "../../diagnostics/logger.js";
import { bytesText, scrubbedError } from "../../diagnostics/one-line.js";
import type { Redactor } from "../../diagnostics/redactor.js";
import { messageOf, OpAMPError } from "../../errors.js";
import type { Clock } from "../clock.js";
import type { PhaseEvent, WarningEvent } from "../events.js";
import { Listeners } from "./listeners.js";
import { LogLines } from "./log-lines.js";
import type { Telemetry } from "./telemetry.js";

const STATUS_WORDS = { 1: "applied", 2: "applying", 3: "failed" } as const;

type PhaseOutput = Extract<HostOutput, { type: "phase" }>;

/** Tells the host what happened: as events, as log lines where there is a logger, and through its telemetry. */
export class Notifier {
  /** Who listens. */
  readonly listeners: Listeners;
  readonly #clock: Clock;
  readonly #redactor: Redactor;
  readonly #telemetry: Telemetry;
  readonly #lines: LogLines | undefined;
  /** The last failure of the link, for those who wait for a connection in vain. */
  #lastError: OpAMPError | undefined;

  constructor(logger: Logger | undefined, clock: Clock, redactor: Redactor, telemetry: Telemetry) {
    this.#clock = clock;
    this.#redactor = redactor;
    this.#telemetry = telemetry;
    this.#lines = logger === undefined ? undefined : new LogLines(logger, clock, redactor);
    this.listeners = new Listeners((name, cause) => {
      const text = `a listener of "${name}" failed: ${messageOf(cause)}`;
      const error = new OpAMPError("ERR_OPAMP_HANDLER", text, { cause });
      // Who cannot bear errors is not told of one more.
      if (name === "error") this.#lines?.listenerFailed(error);
      else this.failed(error);
    });
  }

  get lastError(): OpAMPError | undefined {
    return this.#lastError;
  }

  /**
   * Something failed; the client goes on.
   *
   * @param told whether another line tells of it
   */
  failed(failure: OpAMPError, told = false): void {
    const error = this.#scrubbed(failure);
    if (!told) this.#lines?.failed(error);
    this.#fail(error);
  }

  /** The client is set up in a way that is not safe. */
  warning(warning: WarningEvent): void {
    this.#lines?.warning(warning);
    this.listeners.emit("warning", warning);
  }

  phase(output: PhaseOutput): void {
    const failure = errorBehind(output);
    const error = failure === undefined ? undefined : this.#scrubbed(failure);
    const event: PhaseEvent = {
      phase: output.phase,
      previous: output.previous,
      reason: output.reason,
      answered: output.answered,
      transport: this.#telemetry.transportIn(output.phase, output.previous),
    };
    if (output.inMs !== undefined) event.retryAt = new Date(this.#clock.wallNow() + output.inMs);
    if (error !== undefined) {
      event.error = error;
      this.#lastError = error;
    }
    this.#lines?.phase(event, output.inMs);
    this.#telemetry.phase(event);
    this.listeners.emit("phase", event);
    // What was malformed has been told when it came.
    if (error !== undefined && output.reason !== "malformed") this.#fail(error);
  }

  remoteConfig({ lastRemoteConfigHash, status, errorMessage: error }: RemoteConfigState): void {
    const word = STATUS_WORDS[status];
    this.#lines?.remoteConfig(lastRemoteConfigHash, word, error);
    this.#telemetry.remoteConfig(lastRemoteConfigHash, word);
    // A copy: a listener may do what it likes with it.
    this.listeners.emit("remoteConfig", { hash: new Uint8Array(lastRemoteConfigHash), status: word, error });
  }

  instanceUid(uid: Uint8Array, previous: Uint8Array): void {
    const event = { instanceUid: uidText(uid), previous: uidText(previous) };
    this.#lines?.renamed(event);
    this.listeners.emit("instanceUid", event);
  }

  heartbeatInterval(intervalMs: number): void {
    this.#lines?.heartbeatInterval(intervalMs);
    this.listeners.emit("heartbeatInterval", intervalMs);
  }

  notice(notice: Notice): void {
    this.#telemetry.notice(notice.kind);
    switch (notice.kind) {
      case "malformed":
        return this.failed(toError(notice.error));
      case "foreignUid": {
        const text = `dropped a message for ${bytesText(notice.uid)}, which is another agent`;
        return this.failed(new OpAMPError("ERR_OPAMP_FOREIGN_UID", text));
      }
      case "badNewUid": {
        const text = `dropped a new instance uid of ${notice.bytes} bytes; it must have 16`;
        return this.failed(new OpAMPError("ERR_OPAMP_MALFORMED", text));
      }
      case "ignored":
        return this.#lines?.ignored(notice.what);
      case "storm":
        return this.#lines?.storm();
      case "serverError":
        this.#lines?.serverError(notice);
        return this.listeners.emit("serverError", {
          type: notice.error,
          message: notice.message,
          dropped: namesOf(notice.dropped),
        });
      case "dropped": {
        const text = `gave up on ${namesOf(notice.parts).join(", ") || "a message"}: the message is too large`;
        return this.failed(new OpAMPError("ERR_OPAMP_TOO_LARGE", text));
      }
      case "silent":
        return this.#lines?.silent(notice.afterMs);
      case "effectiveConfigLate": {
        const text = `effectiveConfig did not return within ${notice.afterMs} ms; reporting without it`;
        return this.failed(new OpAMPError("ERR_OPAMP_HANDLER", text));
      }
      default:
        return notice satisfies never;
    }
  }

  #fail(error: OpAMPError): void {
    this.#telemetry.failed(error);
    this.listeners.emit("error", error);
  }

  #scrubbed(error: OpAMPError): OpAMPError {
    return scrubbedError(error, this.#redactor);
  }
}

function namesOf(parts: PartSet): readonly string[] {
  return partNames.filter((name) => (parts & Part[name]) !== 0);
}

/** What ended the link, where something went wrong. */
function errorBehind(output: PhaseOutput): OpAMPError | undefined {
  if (output.error !== undefined) return toError(output.error);
  switch (output.reason) {
    case "timeout": {
      const dialling = output.previous === "connecting";
      const what = dialling ? "no connection was made in time" : "the server did not answer in time";
      return new OpAMPError("ERR_OPAMP_TIMEOUT", what);
    }
    case "unresponsive": {
      const text = "the server went silent: nothing came from it any more, not even an answer to a ping";
      return new OpAMPError("ERR_OPAMP_TIMEOUT", text);
    }
    case "malformed":
      return new OpAMPError("ERR_OPAMP_FOREIGN_UID", "the answer was for another agent");
    default:
      return undefined;
  }
}

function toError(error: unknown): OpAMPError {
  if (error instanceof OpAMPError) return error;
  return new OpAMPError("ERR_OPAMP_CONNECT", messageOf(error), { cause: error });
}
