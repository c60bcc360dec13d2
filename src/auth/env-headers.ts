import { OpAMPError } from "../errors.js";
import type { HeaderFunction } from "../transport/settings/headers.js";
import { parsePairs } from "./key-value-pairs.js";

/**
 * Headers from an environment variable that is written as `OTEL_EXPORTER_OTLP_HEADERS` is: `name=value,other=value`,
 * percent-encoded; for `headers`.
 *
 * The variable is read anew at each attempt. One that is not set or is empty gives no headers; one that cannot be read is
 * `ERR_OPAMP_AUTH` at that attempt.
 *
 * @param name of the variable
 * @param env default `process.env`
 * @see AUTH-01
 */
export function envHeaders(
  name: string,
  env: Readonly<Record<string, string | undefined>> = process.env,
): HeaderFunction {
  if (typeof name !== "string" || name === "") {
    throw new OpAMPError("ERR_OPAMP_OPTION", "envHeaders: must be given the name of an environment variable");
  }
  return () => {
    const pairs = parsePairs(env[name] ?? "");
    if (typeof pairs !== "string") return pairs;
    throw new OpAMPError("ERR_OPAMP_AUTH", `the environment variable ${name} cannot be read: ${pairs}`, {
      hint: "write it as name=value,other=value, with a comma in a value as %2C and a percent sign as %25",
    });
  };
}
