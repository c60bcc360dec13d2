import { OpAMPError } from "../../errors.js";
import type { Redirect } from "../../transport/url/redirect.js";
import type { Finding, RedirectStep, Step } from "./diagnosis.js";

/** A redirect as data. */
export function redirectStep({ status, from, location, next }: Redirect): RedirectStep {
  return { status, from: `${from.origin}${from.pathname}`, to: location, isFollowed: next instanceof URL };
}

/**
 * A redirect as a finding.
 *
 * @param home the URL that was given
 * @param sendsHeaders whether anything is sent that does not go to another origin
 * @throws OpAMPError why it is not followed
 */
export function describeRedirect({ status, location, next }: Redirect, home: URL, sendsHeaders: boolean): Finding {
  if (next instanceof OpAMPError) throw next;
  const kept = sendsHeaders && next.origin !== home.origin ? "; headers and credentials are not sent there" : "";
  return { detail: `${status} to ${location}${kept}` };
}

/** What went wrong, with the pause that the server asks for, if it does. */
export function pauseOf(
  error: OpAMPError,
  askedMs: number | undefined,
  wallNow: number,
): Pick<OpAMPError, "message" | "hint"> & Pick<Step, "retryAfterMs" | "retryAt"> {
  const { code, message, hint } = error;
  if (code !== "ERR_OPAMP_THROTTLED") return { message, hint };
  if (askedMs === undefined) {
    return { message: `${message}; it does not say for how long`, hint: `try again in a minute; ${hint}` };
  }
  const retryAt = new Date(wallNow + askedMs).toISOString().replace(/\.\d+Z$/, "Z");
  return {
    message: `${message}, until ${retryAt}`,
    hint: `try again after ${retryAt}; ${hint}`,
    retryAfterMs: askedMs,
    retryAt,
  };
}
