import { OpAMPError } from "../errors.js";
import type { HeaderFunction } from "../transport/settings/headers.js";
import type { Secret } from "./static-credentials.js";
import type { Token, TokenRequest } from "./token-request.js";

/** How {@link clientCredentials} gets and keeps its tokens. */
export interface ClientCredentialsOptions extends Omit<TokenRequest, "tokenUrl"> {
  /** The token endpoint. `https`, or `http` on a loopback address. */
  tokenUrl: string | URL;
  /** A token is not used any more this long before it expires, in milliseconds. Default 30 000. */
  marginMs?: number | undefined;
  /** Milliseconds that never go back. Default: the system's. */
  now?: (() => number) | undefined;
}

/** Such a token is taken to last this long when the endpoint does not say. */
const DEFAULT_LIFE_MS = 3_600_000;

/** How an endpoint answers that wants the credentials in the other place. */
const REFUSALS: ReadonlySet<number | undefined> = new Set([400, 401, 403]);

/**
 * `Authorization: Bearer ...` with a token from an OAuth 2.0 token endpoint (RFC 6749, 4.4), for `headers`.
 *
 * The token is kept until shortly before it expires, and fetched again when the server refuses it; calls at the same
 * time share one request. Failures are `ERR_OPAMP_AUTH` at the next attempt to connect.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 * @see AUTH-01, AUTH-02
 */
export function clientCredentials(options: ClientCredentialsOptions): HeaderFunction {
  const { tokenUrl, marginMs = 30_000, now = () => performance.now(), credentialsIn = "header", ...rest } = options;
  const request = { ...rest, tokenUrl: checkTokenUrl(tokenUrl) };
  if (!isThere(options.clientId) || !isThere(options.clientSecret)) {
    throw new OpAMPError("ERR_OPAMP_OPTION", "clientCredentials: clientId and clientSecret must be there");
  }
  checkDurations({ timeoutMs: options.timeoutMs, marginMs });
  let current: { value: string; expiresAt: number } | undefined;
  let pending: Promise<string> | undefined;
  /** Which of the two an endpoint takes that may take either. */
  let place = credentialsIn === "auto" ? undefined : credentialsIn;

  async function fetchAnew(): Promise<Token> {
    // Most agents have no use for it, and it brings an HTTP client.
    const { fetchToken } = await import("./token-request.js");
    if (place !== undefined) return fetchToken({ ...request, credentialsIn: place });
    try {
      const token = await fetchToken({ ...request, credentialsIn: "header" });
      place = "header";
      return token;
    } catch (thrown) {
      if (!(thrown instanceof OpAMPError) || !REFUSALS.has(thrown.httpStatus)) throw thrown;
      const token = await fetchToken({ ...request, credentialsIn: "body" });
      place = "body";
      return token;
    }
  }

  async function renew(): Promise<string> {
    current = undefined;
    const token = await fetchAnew();
    const lifeMs = token.lifeMs ?? DEFAULT_LIFE_MS;
    // One that lives shorter than the margin would otherwise be fetched for every request.
    current = { value: token.value, expiresAt: now() + Math.max(lifeMs - marginMs, lifeMs / 2) };
    return token.value;
  }

  return async ({ refresh }) => {
    if (current !== undefined && !refresh && now() < current.expiresAt) {
      return { authorization: `Bearer ${current.value}` };
    }
    pending ??= renew().finally(() => {
      pending = undefined;
    });
    return { authorization: `Bearer ${await pending}` };
  };
}

function checkTokenUrl(given: string | URL): URL {
  const text = String(given);
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const secure = url?.protocol === "https:";
  const local = url?.protocol === "http:" && /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(url.hostname);
  if (url !== undefined && (secure || local)) return url;
  throw new OpAMPError("ERR_OPAMP_OPTION", "clientCredentials: tokenUrl must be an https URL", {
    hint: "give the token endpoint, such as https://login.example.com/oauth2/token; plain http only on loopback",
  });
}

function isThere(secret: Secret): boolean {
  return typeof secret === "function" || (typeof secret === "string" && secret !== "");
}

function checkDurations(durations: Readonly<Record<string, number | undefined>>): void {
  for (const [name, ms] of Object.entries(durations)) {
    if (ms === undefined || (typeof ms === "number" && ms >= 0)) continue;
    throw new OpAMPError("ERR_OPAMP_OPTION", `clientCredentials: ${name} must be milliseconds, 0 or more`);
  }
}
