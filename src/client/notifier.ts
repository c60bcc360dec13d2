import { isPromise } from "node:util/types";
import type { Notice } from "../core/io.js";
import { Part, type PartSet, partNames, type RemoteConfigState } from "../core/parts.js";
import { messageOf, OpAMPError } from "../errors.js";
import type { Clock } from "./clock.js";
import type { HostOutput } from "./driver.js";
import type { PhaseEvent } from "./events.js";
import { formatInstanceUid } from "./instance-uid.js";
import { Listeners } from "./listeners.js";
import type { Logger } from "./options.js";

const STATUS_WORDS = { 1: "applied", 2: "applying", 3: "failed" } as const;

type PhaseOutput = Extract<HostOutput, { type: "phase" }>;

/** Tells the host what happened: as events, and as log lines where there is a logger. Listeners cannot do harm. */
export class Notifier {
  /** Who listens. */
  readonly listeners: Listeners;
  readonly #logger: Logger | undefined;
  readonly #clock: Clock;
  /** The last failure of the link, for those who wait for a connection in vain. */
  #lastError: OpAMPError | undefined;

  constructor(logger: Logger | undefined, clock: Clock) {
    this.#logger = logger;
    this.#clock = clock;
    this.listeners = new Listeners((name, cause) => {
      const error = new OpAMPError("ERR_OPAMP_HANDLER", `a listener of "${name}" failed: ${messageOf(cause)}`, {
        cause,
      });
      // Who cannot bear errors is not told of one more.
      if (name === "error") this.#log("error", error.message);
      else this.failed(error);
    });
  }

  get lastError(): OpAMPError | undefined {
    return this.#lastError;
  }

  /** Something failed; the client goes on. */
  failed(error: OpAMPError): void {
    this.#log("warn", `${error.message} (${error.hint})`);
    this.listeners.emit("error", error);
  }

  phase(output: PhaseOutput): void {
    const error = errorBehind(output);
    const event: PhaseEvent = {
      phase: output.phase,
      previous: output.previous,
      reason: output.reason,
      answered: output.answered,
    };
    if (output.inMs !== undefined) event.retryAt = new Date(this.#clock.wallNow() + output.inMs);
    if (error !== undefined) {
      event.error = error;
      this.#lastError = error;
    }
    this.#logPhase(event, output.inMs);
    this.listeners.emit("phase", event);
    // What was malformed has been told when it came.
    if (error !== undefined && output.reason !== "malformed") this.listeners.emit("error", error);
  }

  remoteConfig(state: RemoteConfigState): void {
    const status = STATUS_WORDS[state.status];
    const hash = this.#logger === undefined ? "" : Buffer.from(state.lastRemoteConfigHash).toString("hex");
    if (status === "failed") this.#log("warn", `Remote config ${hash} failed: ${state.errorMessage}`);
    else this.#log("info", `Remote config ${hash} ${status}`);
    // A copy: a listener may do what it likes with it.
    const copy = new Uint8Array(state.lastRemoteConfigHash);
    this.listeners.emit("remoteConfig", { hash: copy, status, error: state.errorMessage });
  }

  instanceUid(uid: Uint8Array, previous: Uint8Array): void {
    const event = { instanceUid: formatInstanceUid(uid), previous: formatInstanceUid(previous) };
    this.#log("info", `The server renamed this agent from ${event.previous} to ${event.instanceUid}`);
    this.listeners.emit("instanceUid", event);
  }

  serverCapabilities(mask: bigint): void {
    this.listeners.emit("serverCapabilities", mask);
  }

  serverCustomCapabilities(names: readonly string[]): void {
    this.listeners.emit("serverCustomCapabilities", names);
  }

  heartbeatInterval(intervalMs: number): void {
    this.#log("info", `Heartbeat interval is now ${intervalMs} ms, at the server's wish`);
    this.listeners.emit("heartbeatInterval", intervalMs);
  }

  notice(notice: Notice): void {
    switch (notice.kind) {
      case "malformed":
        return this.failed(toError(notice.error));
      case "foreignUid": {
        const text = `dropped a message for ${Buffer.from(notice.uid).toString("hex")}, which is another agent`;
        return this.failed(new OpAMPError("ERR_OPAMP_FOREIGN_UID", text));
      }
      case "badNewUid": {
        const text = `dropped a new instance uid of ${notice.bytes} bytes; it must have 16`;
        return this.failed(new OpAMPError("ERR_OPAMP_MALFORMED", text));
      }
      case "ignored":
        return this.#log("debug", `Ignoring ${notice.what}`);
      case "serverError":
        this.#log("warn", `Server returned an error response (${notice.error}): ${notice.message}`);
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
        return this.#log("warn", `The server has not answered the first report for ${notice.afterMs} ms; going on`);
      case "effectiveConfigLate": {
        const text = `effectiveConfig did not return within ${notice.afterMs} ms; reporting without it`;
        return this.failed(new OpAMPError("ERR_OPAMP_HANDLER", text));
      }
      default:
        return notice satisfies never;
    }
  }

  #logPhase(event: PhaseEvent, inMs: number | undefined): void {
    const wait = inMs === undefined ? "" : ` in ${(inMs / 1000).toFixed(1)} s`;
    switch (event.phase) {
      case "waiting": {
        if (event.error !== undefined) {
          return this.#log(
            "warn",
            `Connection failed (${event.error.message}; ${event.error.hint}), will retry${wait}.`,
          );
        }
        const why = event.reason === "throttled" ? "The server asked for a pause" : "Said goodbye";
        return this.#log("info", `${why}, will connect again${wait}.`);
      }
      case "online":
        return this.#log("info", "Connected to the OpAMP server");
      case "stopped":
        return this.#log("info", "Client is stopped, will not try anymore.");
      default:
        return this.#log("debug", `Link is ${event.phase} (${event.reason})`);
    }
  }

  #log(level: keyof Logger, message: string): void {
    try {
      const done: unknown = this.#logger?.[level](message);
      if (isPromise(done)) done.catch(() => undefined);
    } catch {
      // A logger that throws has nowhere left to be reported to.
    }
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
