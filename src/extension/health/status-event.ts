import { oneOf, refuseUnknown } from "../../base/checks.js";
import { isOptions, kindOf, wrongOption } from "../../base/option-path.js";
import { unixNanoseconds } from "../../base/time.js";
import { messageOf } from "../../errors.js";
import { type Attributes, toKeyValues } from "../../values/attributes.js";

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

/** What may be said besides a status. */
export interface StatusDetails {
  /** What is wrong: a text, or what was thrown. Default: nothing. */
  error?: unknown;
  /** Anything else worth knowing. Default: nothing. */
  attributes?: Attributes;
  /** When it came about, as a Date or in nanoseconds since the Unix epoch. Default: now. */
  time?: Date | bigint;
}

const KNOWN = { error: true, attributes: true, time: true } satisfies Record<keyof StatusDetails, true>;

/**
 * Checks what somebody says of a component, here where it can be told who it was.
 *
 * @param depth how many levels down the component is
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export function readStatusEvent(
  status: ComponentStatus,
  details: StatusDetails,
  depth: number,
  now: () => bigint,
): StatusEvent {
  if (status === undefined) throw wrongOption("status", `must be one of ${componentStatuses.join(", ")}`);
  oneOf("status", status, componentStatuses);
  checkDetails(details);
  const { error, attributes, time } = details;
  if (attributes !== undefined) toKeyValues(attributes, "details.attributes", depth);
  return {
    status,
    time: time === undefined ? now() : unixNanoseconds("details.time", time),
    ...(error !== undefined && error !== null && { error: messageOf(error) }),
    // A copy, so that what is compared later is what was said.
    ...(attributes !== undefined && { attributes: structuredClone(attributes) }),
  };
}

function checkDetails(details: unknown): void {
  if (!isOptions(details)) throw wrongOption("details", `must be an object such as { error }, not ${kindOf(details)}`);
  refuseUnknown("details", details, KNOWN);
}
