import { isRecord, kindOf, member, wrongOption } from "../../base/option-path.js";
import { OpAMPError } from "../../errors.js";
import { checkHeader } from "../../transport/settings/headers.js";

/**
 * Checks a record of headers.
 *
 * @param what what may stand there, in words
 * @returns a copy, which later changes do not touch
 * @throws OpAMPError `ERR_OPAMP_OPTION` naming the header, without its value
 */
export function readHeaders(where: string, given: unknown, what: string): Readonly<Record<string, string>> {
  if (!isRecord(given)) throw wrongOption(where, `must be ${what}, not ${kindOf(given)}`);
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    try {
      checkHeader(name, value);
      headers[name] = value;
    } catch (cause) {
      if (!(cause instanceof OpAMPError)) throw cause;
      throw new OpAMPError("ERR_OPAMP_OPTION", `${member(where, name)}: cannot be sent as it is`, { hint: cause.hint });
    }
  }
  return headers;
}
