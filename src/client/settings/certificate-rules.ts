import { checkDuration, flag, isObject, oneOf, refuseUnknown, wrongKind, wrongOption } from "../../base/checks.js";
import { DAY_MS } from "../../base/time.js";
import { keyTypes } from "../../connection-settings/certificates/key-types.js";
import { checkSubject } from "../../connection-settings/certificates/subject.js";
import type { CertificateOptions, CertificateRules } from "../certificate-options.js";
import type { OpAMPClientOptions } from "../options.js";

const KEYS = {
  request: true,
  keyType: true,
  subject: true,
  renewBefore: true,
  expired: true,
  askAgainMs: true,
} as const satisfies Record<keyof CertificateOptions, true>;

/**
 * Checks how an agent asks for certificates.
 *
 * @param hasOpAMP whether the server may change the agent's own connection
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export function readCertificateRules(
  where: string,
  given: unknown,
  hasOpAMP: boolean,
  { store }: OpAMPClientOptions,
): CertificateRules | undefined {
  if (given === undefined) return undefined;
  if (!isObject(given)) throw wrongKind(where, "an object", given);
  refuseUnknown(where, given, KEYS);
  const options: CertificateOptions = given;
  const { request, keyType, subject, renewBefore, expired, askAgainMs = DAY_MS } = options;
  if (subject !== undefined) checkSubject(`${where}.subject`, subject);
  if (renewBefore !== undefined) checkDuration(`${where}.renewBefore`, renewBefore);
  checkDuration(`${where}.askAgainMs`, askAgainMs);
  if (!hasOpAMP) throw wrongOption(where, "needs connectionSettings.opamp, since a certificate comes as such an offer");
  if (store?.lasting !== true || !isObject(store.blobs)) {
    throw wrongOption(where, "needs a store that outlives the agent and keeps blobs, such as fileStore, for the key");
  }
  return {
    request: flag(`${where}.request`, request),
    keyType: oneOf(`${where}.keyType`, keyType, keyTypes),
    subject,
    renewBeforeMs: renewBefore,
    expired: oneOf(`${where}.expired`, expired, ["keep", "bootstrap"]),
    askAgainMs,
  };
}
