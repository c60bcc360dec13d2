import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { isObject, wrongKind } from "../base/checks.js";
import { checkByRules, isOneOrMore, isText, type RulesFor } from "../base/rules.js";
import type { Refusal } from "./link/http-link.js";

/** User and password of HTTP Basic. */
export interface BasicCredentials {
  /** The user name. */
  user: string;
  /** The password. */
  password: string;
}

/**
 * Who may come in: holders of a bearer token, of user and password, or of a header with a certain value, several of each
 * if need be. Others get 401 with WWW-Authenticate. A function lets in by returning true; false is 401, or it
 * returns the answer. What it throws, or returns and is neither, is 500, and in the text of waits that fail.
 */
export type Auth =
  | { bearer: string | readonly string[] }
  | { basic: BasicCredentials | readonly BasicCredentials[] }
  | { header: string; value: string | readonly string[] }
  | ((request: IncomingMessage) => boolean | Refusal);

const BASIC: RulesFor<BasicCredentials> = { user: isText, password: isText };
const SHAPES = {
  bearer: { bearer: isOneOrMore(isText) },
  basic: { basic: isOneOrMore((where, value) => checkByRules(where, value, BASIC, ["user", "password"])) },
  header: { header: isText, value: isOneOrMore(isText) },
} as const;
/** For one that has none of the members by which the shapes are told apart. */
const ANY_SHAPE = { ...SHAPES.bearer, ...SHAPES.basic, ...SHAPES.header };

/** Throws ERR_OPAMP_OPTION, which shows no credentials. */
export function checkAuth(auth: unknown): void {
  if (auth === undefined || typeof auth === "function") return;
  if (!isObject(auth)) throw wrongKind("auth", "{ bearer }, { basic }, { header, value } or a function", auth);
  if ("bearer" in auth) checkByRules("auth", auth, SHAPES.bearer, ["bearer"]);
  else if ("basic" in auth) checkByRules("auth", auth, SHAPES.basic, ["basic"]);
  else checkByRules<string>("auth", auth, "header" in auth ? SHAPES.header : ANY_SHAPE, ["header", "value"]);
}

/** How to turn a request away, unless its credentials are good. */
export function authRefusal(auth: Auth, request: IncomingMessage): Refusal | undefined {
  if (typeof auth === "function") {
    const verdict = auth(request);
    if (verdict === true) return undefined;
    return verdict || unless(false, "Bearer");
  }
  const { authorization } = request.headers;
  if ("bearer" in auth) {
    const accepted = [auth.bearer].flat().map((token) => `Bearer ${token}`);
    return unless(isAmong(authorization, accepted), "Bearer");
  }
  if ("basic" in auth) {
    const pairs = [auth.basic].flat().map(({ user, password }) => Buffer.from(`${user}:${password}`, "utf8"));
    const accepted = pairs.map((pair) => `Basic ${pair.toString("base64")}`);
    return unless(isAmong(authorization, accepted), "Basic");
  }
  const given = request.headers[auth.header.toLowerCase()];
  return unless(isAmong(typeof given === "string" ? given : undefined, [auth.value].flat()), "ApiKey");
}

function unless(good: boolean, scheme: string): Refusal | undefined {
  return good ? undefined : { status: 401, headers: { "www-authenticate": `${scheme} realm="opamp"` } };
}

function isAmong(given: string | undefined, accepted: readonly string[]): boolean {
  // The scheme's name may come in any case.
  const normal = given?.replace(
    /^(bearer|basic) +/i,
    (_, scheme: string) => `${scheme.charAt(0).toUpperCase()}${scheme.slice(1).toLowerCase()} `,
  );
  // All of them, so that the time taken tells nothing.
  return normal !== undefined && accepted.filter((value) => timingSafeEqual(digest(normal), digest(value))).length > 0;
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}
