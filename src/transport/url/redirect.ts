import { OpAMPError } from "../../errors.js";
import { asKind, isSecure, KINDS } from "./endpoint.js";

/** One stop on the way of an attempt: where it is, and how many redirects led there. */
export interface Hop {
  url: URL;
  redirects: number;
}

/** A redirect that a server answered with. */
export interface Redirect {
  status: number;
  /** Who answered. */
  from: URL;
  /** Where it leads, without user, password and query; `undefined` where that is not a server URL. */
  location: string | undefined;
  /** Where the attempt goes on, or why it does not. */
  next: URL | OpAMPError;
}

/** Which redirects are followed, and who is told of them. */
export interface RedirectRules {
  /** How many redirects one attempt follows. */
  maxRedirects: number;
  /** Where a redirect may lead. Default: anywhere. */
  mayLead?: ((url: URL) => boolean) | undefined;
  /** Called with each redirect, followed or not. Default: nobody is told. */
  onRedirect?: ((redirect: Redirect) => void) | undefined;
}

/** Those that repeat the request as it was; 303 asks for a GET instead, which means nothing in OpAMP. */
const FOLLOWED: ReadonlySet<number> = new Set([301, 302, 307, 308]);

/**
 * Where an answer sends the attempt next.
 *
 * @param location the answer's Location header; what it names is read as WebSocket or HTTP like the hop it comes from
 * @returns `undefined` when the answer is not a redirect, an `ERR_OPAMP_HTTP_STATUS` for a redirect that is not followed
 */
export function redirected(
  from: Hop,
  status: number,
  location: string | undefined,
  rules: RedirectRules,
): Hop | OpAMPError | undefined {
  if (location === undefined || !(FOLLOWED.has(status) || status === 303)) return undefined;
  const parsed = URL.canParse(location, from.url.href) ? new URL(location, from.url) : undefined;
  const target = parsed !== undefined && KINDS[parsed.protocol] !== undefined ? parsed : undefined;
  const next = followed(from, status, target, rules);
  rules.onRedirect?.({
    status,
    from: from.url,
    location: target && `${target.protocol}//${target.host}${target.pathname}`,
    next: next instanceof OpAMPError ? next : next.url,
  });
  return next;
}

/** @param target where the redirect leads, if that is a server URL */
function followed(from: Hop, status: number, target: URL | undefined, rules: RedirectRules): Hop | OpAMPError {
  const { maxRedirects, mayLead } = rules;
  const refused = (to: string, why: string, hint: string): OpAMPError => {
    const text = `${from.url.host}${from.url.pathname} answered ${status}, a redirect to ${to}: ${why}`;
    return new OpAMPError("ERR_OPAMP_HTTP_STATUS", text, { httpStatus: status, hint });
  };
  if (target === undefined) {
    return refused("what is not a server URL", "there is nothing to follow", "correct the redirect on the server");
  }
  const url = asKind(target, from.url.protocol.startsWith("ws") ? "websocket" : "http");
  const { origin } = url;
  if (!FOLLOWED.has(status)) {
    const why = "it asks for a GET, probably for a login page";
    return refused(
      origin,
      why,
      `check the URL, and whether something in between requires a login; it leads to ${origin}`,
    );
  }
  if (isSecure(from.url.protocol) && !isSecure(url.protocol)) {
    const why = "it leads to a server without TLS";
    return refused(origin, why, `correct the redirect on the server; only a URL that you give may lead to ${origin}`);
  }
  if (mayLead?.(url) === false) {
    const why = "that is not where this agent may be moved to";
    return refused(origin, why, `have the server offer ${origin} itself, if the agent may go there`);
  }
  if (from.redirects >= maxRedirects) {
    return maxRedirects === 0
      ? refused(origin, "redirects are not followed", `raise maxRedirects, or give a URL at ${origin}`)
      : refused(origin, `more than ${maxRedirects} in one attempt`, `the last one led to ${origin}: is it a loop?`);
  }
  return { url, redirects: from.redirects + 1 };
}
