import { NANOSECONDS_PER_MS } from "../base/time.js";
import type { ServerErrorResponse } from "../gen/opamp/v1/opamp_pb.js";

/** What an error response means for what was sent. */
export type ErrorResponse =
  | { type: "unavailable"; message: string; retryAfterMs: number | undefined }
  | { type: "refused"; error: "badRequest" | "unknown"; message: string };

const BAD_REQUEST = 1;
const UNAVAILABLE = 2;

/**
 * The error in a message that is one: it comes alone, and nothing else in the message counts (MSG-03).
 *
 * Types that later versions may add are taken as refusals, which are never sent again (RETRY-01, INTEROP-02).
 */
export function errorOf(response: ServerErrorResponse): ErrorResponse {
  const type: number = response.type;
  if (type !== UNAVAILABLE) {
    return { type: "refused", error: type === BAD_REQUEST ? "badRequest" : "unknown", message: response.errorMessage };
  }
  const nanoseconds = response.Details.case === "retryInfo" ? response.Details.value.retryAfterNanoseconds : 0n;
  const retryAfterMs = Number((nanoseconds + NANOSECONDS_PER_MS - 1n) / NANOSECONDS_PER_MS);
  return { type: "unavailable", message: response.errorMessage, retryAfterMs: retryAfterMs || undefined };
}
