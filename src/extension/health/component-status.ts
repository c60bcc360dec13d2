import type { Attributes } from "../../values/attributes.js";

/** The Collector's words for how a component is. */
export const componentStatuses = [
  "StatusNone",
  "StatusStarting",
  "StatusOK",
  "StatusRecoverableError",
  "StatusPermanentError",
  "StatusFatalError",
  "StatusStopping",
  "StatusStopped",
] as const;

/** One of the Collector's words for how a component is. */
export type ComponentStatus = (typeof componentStatuses)[number];

/** That a component got into a status. */
export interface StatusEvent {
  readonly status: ComponentStatus;
  /** In nanoseconds since the Unix epoch. */
  readonly time: bigint;
  readonly error?: string;
  readonly attributes?: Attributes;
}

/** Whether a status is that of a failure. */
export function isErrorStatus(status: ComponentStatus): boolean {
  return status === "StatusRecoverableError" || status === "StatusPermanentError" || status === "StatusFatalError";
}
