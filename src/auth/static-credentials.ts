import { messageOf, OpAMPError } from "../errors.js";
import { checkHeader, type HeaderFunction } from "../transport/settings/headers.js";

/** A secret as it is, or a function that finds it each time it is needed: in a file, in a vault. */
export type Secret = string | (() => string | Promise<string>);

/**
 * `Authorization: Bearer ...`, for `headers`.
 *
 * @param token asked for again before every dial and every request, so that one that was renewed elsewhere is used
 * @throws OpAMPError `ERR_OPAMP_OPTION` for a token that cannot be sent
 * @see AUTH-01
 */
export function bearerAuth(token: Secret): HeaderFunction {
  check("bearerAuth", token);
  return async () => ({ authorization: `Bearer ${await reveal("bearerAuth", token)}` });
}

/**
 * `Authorization: Basic ...`, for `headers`.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION` for a user name with a colon, which the scheme cannot carry
 * @see AUTH-01
 */
export function basicAuth(username: string, password: Secret): HeaderFunction {
  if (typeof username !== "string" || username.includes(":")) {
    throw new OpAMPError("ERR_OPAMP_OPTION", "basicAuth: the user name must be a string without a colon");
  }
  check("basicAuth", password);
  return async () => {
    const pair = `${username}:${await reveal("basicAuth", password)}`;
    return { authorization: `Basic ${Buffer.from(pair, "utf8").toString("base64")}` };
  };
}

/**
 * A key in a header of its own, for `headers`.
 *
 * @param header its name; default `X-API-Key`
 * @throws OpAMPError `ERR_OPAMP_OPTION` for a key, `ERR_OPAMP_HEADERS` for a name that cannot be sent
 * @see AUTH-01
 */
export function apiKeyAuth(key: Secret, header = "X-API-Key"): HeaderFunction {
  checkHeader(header, "");
  check("apiKeyAuth", key);
  return async () => ({ [header]: await reveal("apiKeyAuth", key) });
}

function check(helper: string, secret: Secret): void {
  if (typeof secret === "function" || isSendable(secret)) return;
  const problem = "the credentials must be a text without line breaks, or a function that returns one";
  throw new OpAMPError("ERR_OPAMP_OPTION", `${helper}: ${problem}`);
}

/** The secret itself. @throws OpAMPError `ERR_OPAMP_AUTH` when there is none that can be sent */
export async function reveal(helper: string, secret: Secret): Promise<string> {
  const text: unknown = typeof secret === "function" ? await ask(helper, secret) : secret;
  if (isSendable(text)) return lineOf(text);
  throw new OpAMPError("ERR_OPAMP_AUTH", `the function given to ${helper} returned no credentials`, {
    hint: "make it return the token, key or password as a text of one line",
  });
}

async function ask(helper: string, find: () => string | Promise<string>): Promise<unknown> {
  try {
    return await find();
  } catch (cause) {
    const hint = cause instanceof OpAMPError ? cause.hint : "make the function return the token, key or password";
    const text = `the function given to ${helper} failed: ${messageOf(cause)}`;
    throw new OpAMPError("ERR_OPAMP_AUTH", text, { cause, hint });
  }
}

function isSendable(text: unknown): text is string {
  return typeof text === "string" && text.trim() !== "" && !/[\r\n\0]/.test(lineOf(text));
}

/** Files end in line breaks, which no header may have. */
function lineOf(text: string): string {
  return text.replace(/[\r\n]+$/, "");
}
