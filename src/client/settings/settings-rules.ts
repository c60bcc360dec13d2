import {
  checkDuration,
  checkFinite,
  checkFlag,
  checkFunction,
  count,
  isObject,
  member,
  oneOf,
  refuseUnknown,
  text,
  wrongKind,
  wrongOption,
} from "../../base/checks.js";
import type { OverlayRules } from "../../connection-settings/overlay.js";
import { endpointProblem, type SettingsPolicy } from "../../connection-settings/policy.js";
import type { SwitchLimits } from "../../core/config.js";
import { parseEndpoint } from "../../transport/url/endpoint.js";
import type { OpAMPSettingsPolicy } from "../connection-options.js";
import type { OpAMPClientOptions } from "../options.js";

/** How offers for the agent's own connection are taken. */
export interface SettingsRules extends SettingsPolicy, OverlayRules {
  keepHeaders: boolean;
  limits: SwitchLimits;
  validate: OpAMPSettingsPolicy["validate"];
}

const POLICY_KEYS = {
  endpoints: true,
  allowCleartext: true,
  allowInsecureSkipVerify: true,
  keepCertificate: true,
  keepHeaders: true,
  verifyMs: true,
  maxPerHour: true,
  validate: true,
} as const satisfies Record<keyof OpAMPSettingsPolicy, true>;
const VERIFY_MS = 60_000;
const MAX_PER_HOUR = 6;

/**
 * Checks which settings for its own connection an agent takes.
 *
 * @returns `undefined` for none
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export function readSettingsRules(
  at: string,
  opamp: unknown,
  { url, transport, heartbeat }: OpAMPClientOptions,
): SettingsRules | undefined {
  if (opamp === undefined || opamp === false) return undefined;
  if (opamp !== true && !isObject(opamp)) throw wrongKind(at, "true, false or an object", opamp);
  const policy: OpAMPSettingsPolicy = opamp === true ? {} : opamp;
  refuseUnknown(at, policy, POLICY_KEYS);
  if (url === undefined) throw wrongOption("url", `is missing; ${at} needs a server to go back to`);
  if (typeof transport === "object") {
    const problem =
      "cannot dial another server, which connectionSettings.opamp may ask for; give a function that makes one";
    throw wrongOption("transport", problem);
  }
  const { allowCleartext, allowInsecureSkipVerify = false, keepCertificate = false, keepHeaders, validate } = policy;
  const { verifyMs = VERIFY_MS, maxPerHour } = policy;
  for (const [name, flag] of Object.entries({ allowInsecureSkipVerify, keepCertificate }))
    checkFlag(`${at}.${name}`, flag);
  if (allowCleartext !== undefined) checkFlag(`${at}.allowCleartext`, allowCleartext);
  checkDuration(`${at}.verifyMs`, verifyMs);
  checkFinite(`${at}.verifyMs`, verifyMs);
  checkFunction(`${at}.validate`, validate);
  return {
    endpoints: readEndpoints(`${at}.endpoints`, policy.endpoints, url),
    allowCleartext,
    allowInsecureSkipVerify,
    keepCertificate,
    zeroIsOff: heartbeat?.zero === "off",
    keepHeaders: oneOf(`${at}.keepHeaders`, keepHeaders, ["own", "always"]) === "always",
    limits: { verifyMs, maxPerHour: count(`${at}.maxPerHour`, maxPerHour, MAX_PER_HOUR) },
    validate,
  };
}

function readEndpoints(where: string, given: unknown, url: string | URL): readonly string[] {
  if (given === undefined) return [parseEndpoint(url).url.hostname];
  if (!Array.isArray(given)) throw wrongKind(where, "a list of hosts", given);
  return given.map((pattern: unknown, index) => {
    const at = member(where, index);
    const problem = endpointProblem(text(at, pattern));
    if (problem !== undefined) throw wrongOption(at, problem);
    return String(pattern);
  });
}
