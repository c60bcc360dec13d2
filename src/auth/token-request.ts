import type { ClientAuth } from "oauth4webapi";
import { MAX_TIMER_MS } from "../base/time.js";
import { isError, messageOf, OpAMPError, type OpAMPErrorDetails } from "../errors.js";
import { contentCoding, readBody } from "../transport/content-coding.js";
import { dialFailed } from "../transport/explain/connect-error.js";
import { routeTo } from "../transport/http/http-route.js";
import type { DialSettings, ProxyOptions } from "../transport/settings/settings.js";
import type { TlsOptions } from "../transport/settings/tls-options.js";
import { reveal, type Secret } from "./static-credentials.js";

/** What a token endpoint gave. */
export interface Token {
  value: string;
  /** How long it lasts, in milliseconds; `undefined` when the endpoint did not say. */
  lifeMs: number | undefined;
}

/** What is asked of a token endpoint, and how. */
export interface TokenRequest {
  /** The token endpoint; https, or http on loopback. */
  tokenUrl: URL;
  /** A function is asked again for each request, as with `clientSecret`. */
  clientId: Secret;
  /** As text, or a function that reads it afresh each time, such as `fileSecret(path)`. */
  clientSecret: Secret;
  /** Default: none asked for. */
  scopes?: readonly string[] | undefined;
  /** Further parameters of the request, such as `audience`; one with a list is sent once for each item. */
  parameters?: Readonly<Record<string, string | readonly string[]>> | undefined;
  /**
   * Where the client's id and secret go: an `Authorization` header or the body; `"auto"` tries the header, and the body
   * where that is refused. Default `"header"`.
   */
  credentialsIn?: "header" | "body" | "auto" | undefined;
  /** For one request, in milliseconds. Default 10 000. */
  timeoutMs?: number | undefined;
  /** TLS for the token endpoint. Default: that of Node. */
  tls?: TlsOptions | undefined;
  /** Default `"env"`. */
  proxy?: ProxyOptions | "env" | false | undefined;
}

const TIMEOUT_MS = 10_000;
/** Tokens are short. */
const MAX_ANSWER_BYTES = 1_048_576;
/** What stands for the secret, should an endpoint repeat it. */
const HIDDEN = "[REDACTED]";

/**
 * Asks the token endpoint once.
 *
 * @throws OpAMPError `ERR_OPAMP_AUTH` with the endpoint's words, without any secret
 */
export async function fetchToken(request: TokenRequest & { credentialsIn?: "header" | "body" }): Promise<Token> {
  const { tokenUrl, clientId, clientSecret, scopes, parameters, tls, proxy = "env", timeoutMs = TIMEOUT_MS } = request;
  const signal = AbortSignal.timeout(Math.min(Math.ceil(timeoutMs), MAX_TIMER_MS));
  const oauth = await import("oauth4webapi");
  const [id, secret] = await inTime(
    Promise.all([reveal("clientCredentials", clientId), reveal("clientCredentials", clientSecret)]),
    signal,
    timeoutMs,
  );
  const authentication: ClientAuth =
    request.credentialsIn === "body" ? oauth.ClientSecretPost(secret) : oauth.ClientSecretBasic(secret);
  const server = { issuer: tokenUrl.origin, token_endpoint: tokenUrl.href };
  const client = { client_id: id };
  const form = formOf(parameters);
  if (scopes !== undefined && scopes.length > 0) form.set("scope", scopes.join(" "));
  const http = await openFetch(tokenUrl, { tls, proxy, keepAlive: false });
  let status: number | undefined;
  try {
    const response = await oauth.clientCredentialsGrantRequest(server, client, authentication, form, {
      [oauth.customFetch]: http.fetch,
      [oauth.allowInsecureRequests]: tokenUrl.protocol === "http:",
      signal,
    });
    status = response.status;
    const token = await oauth.processClientCredentialsResponse(server, client, response);
    const lifeMs = token.expires_in === undefined ? undefined : token.expires_in * 1_000;
    return { value: token.access_token, lifeMs };
  } catch (thrown) {
    throw explain(thrown);
  } finally {
    http.close();
  }

  // What the library throws about an answer has that answer in it, tokens included, so it is not kept as the cause.
  function explain(thrown: unknown): OpAMPError {
    const endpoint = `the token endpoint ${tokenUrl.host}${tokenUrl.pathname}`;
    if (thrown instanceof oauth.ResponseBodyError) {
      const why = [thrown.error, thrown.error_description].filter(Boolean).join(": ");
      const text = `${endpoint} refuses (${thrown.status}): ${why.replaceAll(secret, HIDDEN)}`;
      return failed(text, { httpStatus: thrown.status });
    }
    if (thrown instanceof oauth.WWWAuthenticateChallengeError) {
      const hint = "check clientId and clientSecret, and whether the endpoint wants them in the header or the body";
      return failed(`${endpoint} refuses the client (${thrown.status})`, { hint, httpStatus: thrown.status });
    }
    if (
      status !== undefined &&
      (thrown instanceof oauth.OperationProcessingError || thrown instanceof oauth.UnsupportedOperationError)
    ) {
      const hint = "check that tokenUrl is the token endpoint itself, not the issuer or a log-in page";
      return failed(`${endpoint} gave no token (${status}): ${thrown.message}`, { hint, httpStatus: status });
    }
    if (isError(thrown) && thrown.name === "TimeoutError") {
      return failed(`${endpoint} did not answer within ${timeoutMs} ms`, { cause: thrown });
    }
    const cause = dialFailed(thrown, tokenUrl).error;
    return failed(`${endpoint} cannot be reached: ${messageOf(cause)}`, { cause, hint: cause.hint });
  }
}

function formOf(parameters: TokenRequest["parameters"] = {}): URLSearchParams {
  const form = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    for (const one of typeof value === "string" ? [value] : value) form.append(name, one);
  }
  return form;
}

/** One that never returns must not keep all later attempts waiting. */
async function inTime<T>(secret: Promise<T>, signal: AbortSignal, timeoutMs: number): Promise<T> {
  let giveUp = (): void => undefined;
  const late = new Promise<never>((_resolve, reject) => {
    giveUp = () => reject(failed(`the function given to clientCredentials did not return within ${timeoutMs} ms`, {}));
  });
  signal.addEventListener("abort", giveUp, { once: true });
  try {
    return await Promise.race([secret, late]);
  } finally {
    signal.removeEventListener("abort", giveUp);
  }
}

function failed(message: string, details: OpAMPErrorDetails): OpAMPError {
  return new OpAMPError("ERR_OPAMP_AUTH", message, details);
}

/** A `fetch` for one URL, such as that of a token; its connection ends with it. */
export async function openFetch(url: URL, settings: DialSettings) {
  const route = await routeTo(url, settings);
  return {
    async fetch(_url: string, { headers, body, signal }: RequestInit): Promise<Response> {
      const abort = (): void => route.end();
      signal?.throwIfAborted();
      signal?.addEventListener("abort", abort, { once: true });
      try {
        const response = await route.post(url, Object.fromEntries(new Headers(headers)), Buffer.from(String(body)));
        const coding = contentCoding(response.headers["content-encoding"]);
        if (coding instanceof OpAMPError) throw coding;
        const bytes = await readBody(response.body, coding, 0, MAX_ANSWER_BYTES);
        const answer = new Headers();
        for (const [name, value] of Object.entries(response.headers)) {
          for (const one of [value ?? []].flat()) answer.append(name, one);
        }
        return new Response(bytes.length === 0 ? null : bytes, { status: response.statusCode, headers: answer });
      } catch (thrown) {
        signal?.throwIfAborted();
        throw route.connection?.failure ?? thrown;
      } finally {
        signal?.removeEventListener("abort", abort);
      }
    },
    close: () => route.end(),
  };
}
