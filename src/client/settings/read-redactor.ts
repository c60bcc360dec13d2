import { checkFunctions, refuseUnknown } from "../../base/checks.js";
import { isOptions, kindOf, wrongOption } from "../../base/option-path.js";
import { createRedactor, guardedRedactor, type Redactor } from "../../diagnostics/redactor.js";
import type { OpAMPClientOptions } from "../options.js";

/** For all clients that say nothing about it. */
let usual: Redactor | undefined;

/** @throws OpAMPError `ERR_OPAMP_OPTION` */
export function readRedactor(given: OpAMPClientOptions["redact"]): Redactor {
  if (given === undefined) {
    usual ??= createRedactor();
    return usual;
  }
  if (!isOptions(given)) throw wrongOption("redact", `must be an object, not ${kindOf(given)}`);
  if (isRedactor(given)) {
    checkFunctions("redact", given, ["text", "value", "record"]);
    return guardedRedactor(given);
  }
  refuseUnknown("redact", given, { allow: true, deny: true });
  return createRedactor(given);
}

function isRedactor(given: NonNullable<OpAMPClientOptions["redact"]>): given is Redactor {
  return "text" in given || "value" in given || "record" in given;
}
