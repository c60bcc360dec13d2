import type { HostOutput } from "../../core/io.js";
import { messageOf, OpAMPError } from "../../errors.js";
import type { Clock } from "../clock.js";
import type { PhaseEvent } from "../events.js";

const WENT_SILENT = "the server went silent: nothing came from it any more, not even an answer to a ping";

/** A change of the phase, as the core puts it out. */
export type PhaseOutput = Extract<HostOutput, { type: "phase" }>;

/** A change of the phase, as observers are told. */
export function phaseEvent(
  change: Pick<PhaseEvent, "previous" | "reason" | "transport">,
  { phase, answered, inMs = 0 }: PhaseOutput,
  error: OpAMPError | undefined,
  clock: Clock,
): PhaseEvent {
  const failed = error && { error };
  switch (phase) {
    case "connecting":
    case "reporting":
      return { phase, ...change };
    case "online":
      return { phase, ...change, answered };
    case "waiting":
      return { phase, ...change, retryAt: new Date(clock.wallNow() + inMs), ...failed };
    default:
      return { phase, ...change, ...failed };
  }
}

/** What ended the link, where something went wrong. */
export function errorBehind(output: PhaseOutput): OpAMPError | undefined {
  if (output.error !== undefined) return toError(output.error);
  switch (output.reason) {
    case "timeout": {
      const what = output.previous === "connecting" ? "no connection was made" : "the server did not answer";
      return new OpAMPError("ERR_OPAMP_TIMEOUT", `${what} in time`);
    }
    case "unresponsive":
      return new OpAMPError("ERR_OPAMP_TIMEOUT", WENT_SILENT);
    case "malformed":
      return new OpAMPError("ERR_OPAMP_FOREIGN_UID", "the answer was for another agent");
    default:
      return undefined;
  }
}

/** Anybody may have written what failed. */
export function toError(error: unknown): OpAMPError {
  if (error instanceof OpAMPError) return error;
  return new OpAMPError("ERR_OPAMP_CONNECT", messageOf(error), { cause: error });
}
