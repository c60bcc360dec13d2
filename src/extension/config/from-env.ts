import { attempt } from "../../base/checks.js";
import type { OpAMPClientOptions } from "../../client/options.js";
import { OpAMPError, type OpAMPErrorCode } from "../../errors.js";
import { checkHeader } from "../../transport/settings/headers.js";
import type { Description } from "../../values/description.js";

/** Where {@link fromEnv} looks. */
export interface FromEnvOptions {
  /** Default `process.env`. */
  env?: Readonly<Record<string, string | undefined>> | undefined;
}

/** The client's options, with a description that is not a function. */
export type EnvOptions = OpAMPClientOptions & { description: Description };

const IDENTIFYING = new Set(["service.name", "service.version", "service.namespace", "service.instance.id"]);
const HEADERS = "OTEL_OPAMP_HEADERS";

/**
 * The client's options from `OTEL_OPAMP_ENDPOINT`, `OTEL_OPAMP_HEADERS` (read again at each attempt), `OTEL_SERVICE_NAME`
 * and `OTEL_RESOURCE_ATTRIBUTES`. A variable that is empty counts as not set. Spread them to add other options.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION` naming the variable, never with its value
 * @see AUTH-01
 */
export function fromEnv({ env = process.env }: FromEnvOptions = {}): EnvOptions {
  const url = env["OTEL_OPAMP_ENDPOINT"]?.trim() ?? "";
  if (url === "") {
    const hint = "set it to the server's URL, such as wss://opamp.example.com/v1/opamp";
    throw new OpAMPError("ERR_OPAMP_OPTION", "OTEL_OPAMP_ENDPOINT: is not set", { hint });
  }
  const attributes = readPairs(env, "OTEL_RESOURCE_ATTRIBUTES");
  const name = env["OTEL_SERVICE_NAME"]?.trim() || attributes["service.name"] || "unknown_service:node";
  const pairs = Object.entries({ ...attributes, "service.name": name });
  const description = {
    identifying: Object.fromEntries(pairs.filter(([key]) => IDENTIFYING.has(key))),
    nonIdentifying: Object.fromEntries(pairs.filter(([key]) => !IDENTIFYING.has(key))),
  };
  if (Object.keys(readPairs(env, HEADERS)).length === 0) return { url, description };
  return { url, description, headers: () => readPairs(env, HEADERS, "ERR_OPAMP_AUTH") };
}

/** Pairs as OpenTelemetry's variables hold them: `name=value,other=value`, percent-encoded. */
function readPairs(
  env: NonNullable<FromEnvOptions["env"]>,
  variable: string,
  code: OpAMPErrorCode = "ERR_OPAMP_OPTION",
): Readonly<Record<string, string>> {
  const pairs: Record<string, string> = Object.create(null);
  for (const [index, item] of (env[variable] ?? "").split(",").entries()) {
    if (item.trim() === "") continue;
    const wrong = (problem: string): OpAMPError =>
      new OpAMPError(code, `${variable}: pair ${index + 1} ${problem}`, {
        hint: "write it as name=value,other=value, with a comma in a value as %2C and a percent sign as %25",
      });
    const equals = item.indexOf("=");
    const [name, value] = [decoded(item.slice(0, Math.max(0, equals))), decoded(item.slice(equals + 1))];
    if (equals < 0 || name === "") throw wrong("is not written as name=value");
    if (name === undefined || value === undefined) throw wrong("has a percent sign that encodes nothing");
    if (variable === HEADERS && !canBeSent(name, value)) throw wrong("cannot be sent as a header");
    pairs[name] = value;
  }
  return pairs;
}

function decoded(text: string): string | undefined {
  return attempt(() => decodeURIComponent(text.trim()));
}

function canBeSent(name: string, value: string): boolean {
  return attempt(() => {
    checkHeader(name, value);
    return true;
  }, false);
}
