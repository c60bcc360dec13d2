import type { ClientAuth } from "oauth4webapi";
import { messageOf, OpAMPError, type OpAMPErrorDetails } from "../errors.js";
import { dialFailed } from "../transport/connect-error.js";
import { openFetch } from "../transport/http-polling-fetch.js";
import type { ProxyOptions } from "../transport/proxy-options.js";
import type { TlsOptions } from "../transport/tls-options.js";
import { reveal, type Secret } from "./static-credentials.js";

/** What a token endpoint gave. */
export interface Token {
  value: string;
  /** How long it lasts, in milliseconds; `undefined` when the endpoint did not say. */
  lifeMs: number | undefined;
}

/** What is asked of a token endpoint, and how. */
export interface TokenRequest {
  tokenUrl: URL;
  clientId: string;
  clientSecret: Secret;
  /** Default: none asked for. */
  scopes?: readonly string[];
  /** Further parameters of the request, such as `audience`. */
  parameters?: Readonly<Record<string, string>>;
  /** Where the client's id and secret go: an `Authorization` header or the body. Default `"header"`. */
  credentialsIn?: "header" | "body";
  /** For one request, in milliseconds. Default 10 000. */
  timeoutMs?: number;
  tls?: TlsOptions;
  /** Default `"env"`. */
  proxy?: ProxyOptions | "env" | false;
}

const TIMEOUT_MS = 10_000;

/**
 * Asks the token endpoint once.
 *
 * @throws OpAMPError `ERR_OPAMP_AUTH` with the endpoint's words, without any secret
 */
export async function fetchToken(request: TokenRequest): Promise<Token> {
  const { tokenUrl, clientId, clientSecret, scopes, parameters, tls, proxy = "env", timeoutMs = TIMEOUT_MS } = request;
  const oauth = await import("oauth4webapi");
  const secret = await reveal("clientCredentials", clientSecret);
  const authentication: ClientAuth =
    request.credentialsIn === "body" ? oauth.ClientSecretPost(secret) : oauth.ClientSecretBasic(secret);
  const server = { issuer: tokenUrl.origin, token_endpoint: tokenUrl.href };
  const client = { client_id: clientId };
  const form = new URLSearchParams(parameters);
  if (scopes !== undefined && scopes.length > 0) form.set("scope", scopes.join(" "));
  const http = await openFetch({ tls, proxy, keepAlive: false });
  try {
    const signal = AbortSignal.timeout(timeoutMs);
    const response = await oauth.clientCredentialsGrantRequest(server, client, authentication, form, {
      [oauth.customFetch]: http.fetch,
      [oauth.allowInsecureRequests]: tokenUrl.protocol === "http:",
      signal,
    });
    const token = await oauth.processClientCredentialsResponse(server, client, response);
    const lifeMs = token.expires_in === undefined ? undefined : token.expires_in * 1_000;
    return { value: token.access_token, lifeMs };
  } catch (cause) {
    throw explain(cause, tokenUrl, timeoutMs);
  } finally {
    await http.close();
  }

  function explain(cause: unknown, url: URL, limitMs: number): OpAMPError {
    const endpoint = `the token endpoint ${url.host}${url.pathname}`;
    if (cause instanceof oauth.ResponseBodyError) {
      const why = [cause.error, cause.error_description].filter(Boolean).join(": ");
      return failed(`${endpoint} refuses (${cause.status}): ${why}`, { cause, httpStatus: cause.status });
    }
    if (cause instanceof oauth.WWWAuthenticateChallengeError) {
      const hint = "check clientId and clientSecret, and whether the endpoint wants them in the header or the body";
      return failed(`${endpoint} refuses the client (${cause.status})`, { cause, hint, httpStatus: cause.status });
    }
    if (cause instanceof oauth.OperationProcessingError) {
      const hint = "check that tokenUrl is the token endpoint itself, not the issuer or a log-in page";
      return failed(`${endpoint} gave no token: ${cause.message}`, { cause, hint });
    }
    if (cause instanceof Error && cause.name === "TimeoutError") {
      return failed(`${endpoint} did not answer within ${limitMs} ms`, { cause });
    }
    // fetch wraps what the connection met.
    const met = cause instanceof TypeError && cause.cause !== undefined ? cause.cause : cause;
    const error = met instanceof OpAMPError ? met : dialFailed(met, url).error;
    return failed(`${endpoint} cannot be reached: ${messageOf(error)}`, { cause: error, hint: error.hint });
  }
}

function failed(message: string, details: OpAMPErrorDetails): OpAMPError {
  return new OpAMPError("ERR_OPAMP_AUTH", message, details);
}
