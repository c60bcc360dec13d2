import { isObject, withoutUndefined } from "../../base/checks.js";
import type { OpAMPClientOptions } from "../../client/options.js";
import { endpointProblem } from "../../connection-settings/policy.js";
import { limitMs } from "../reader/limit-ms.js";
import { namedValue } from "../reader/named-value.js";
import type { SectionReader } from "../reader/section-reader.js";
import type { Elsewhere } from "../reader/unknown-key.js";
import { readCertificates } from "./certificate-keys.js";

type ConnectionSettingsOptions = NonNullable<OpAMPClientOptions["connectionSettings"]>;

/** The section of settings for the agent's own connection: beside the Collector's keys, which does not have it. */
export const CONNECTION_SECTION = "connection_settings";

const EMPTY_LIST = "give a list of hosts, where [] allows no other endpoint, or remove the key";
/** As the client's own options write the keys, and as people expect them. */
const elsewhere: Elsewhere = {
  accepts: "write accept",
  enabled: "write accept: true",
  hosts: "write endpoints",
  insecure_skip_verify: "write allow_insecure_skip_verify",
  opamp: "write its keys without it, right below connection_settings",
  settings_epoch: "write epoch",
  timeout: "write verify_timeout",
  verify_ms: "write verify_timeout: 60s",
};

/**
 * The section `connection_settings`: what of the agent's own connection its server may change.
 *
 * @returns the client's option, with what the section names; `undefined` where it has no `accept`
 */
export function readConnectionSettings(section: SectionReader | undefined): ConnectionSettingsOptions | undefined {
  if (section === undefined) return undefined;
  const accepts = section.flag("accept", false);
  const flag = (key: string): boolean | undefined => namedValue(section, key, section.flag(key, false));
  const options: ConnectionSettingsOptions = {
    opamp: {
      endpoints: readEndpoints(section),
      allowCleartext: flag("allow_cleartext"),
      allowInsecureSkipVerify: flag("allow_insecure_skip_verify"),
      keepCertificate: flag("keep_certificate"),
      keepHeaders: namedValue(
        section,
        "keep_headers",
        section.oneOf<"own" | "always">("keep_headers", ["own", "always"]),
      ),
      verifyMs: limitMs(section, "verify_timeout"),
      maxPerHour: readMaxPerHour(section),
    },
    certificates: readCertificates(section.section("certificates")),
    settingsEpoch: section.text("epoch"),
  };
  section.done(elsewhere);
  if (accepts) return options;
  if (section.keys.some((key) => key !== "accept")) section.note(undefined, "has no effect without accept: true");
  return namedValue(section, "accept", { opamp: false });
}

/**
 * What counts where the program has settings of its own: what the file names is the file's, what it leaves out the
 * program's.
 *
 * @param warn told of what the file turns off
 */
export function overProgram(
  file: ConnectionSettingsOptions,
  program: ConnectionSettingsOptions = {},
  warn: (text: string) => void,
): ConnectionSettingsOptions {
  const { opamp, certificates, settingsEpoch = program.settingsEpoch } = file;
  if (typeof opamp === "object") {
    const policy = typeof program.opamp === "boolean" ? undefined : program.opamp;
    const both = { opamp: over(opamp, policy), certificates: over(certificates, program.certificates) };
    return { ...program, ...both, settingsEpoch };
  }
  const isOff = program.opamp || program.certificates !== undefined;
  if (isOff) warn(`${CONNECTION_SECTION}: accept: false turns off what the program's connectionSettings.opamp allows`);
  return { ...program, opamp, certificates: undefined };
}

/** What is no such option is left for the client to refuse. */
function over<T extends object>(file: T | undefined, program: T | undefined): T | undefined {
  if (file === undefined || program === undefined) return file ?? program;
  return isObject(program) ? { ...program, ...withoutUndefined<T>(file) } : program;
}

function readEndpoints(section: SectionReader): readonly string[] | undefined {
  const key = "endpoints";
  const isGiven = section.has(key);
  if (!section.keys.includes(key)) return undefined;
  if (!isGiven) return section.refuse(key, "is empty", EMPTY_LIST);
  const hosts = section.textList(key);
  for (const [index, host] of hosts.entries()) {
    const problem = endpointProblem(host);
    const hint = "write it such as opamp.example.com, opamp.example.com:4320 or *.example.com";
    if (problem !== undefined) section.refuse([key, index], problem, hint);
  }
  return hosts;
}

function readMaxPerHour(section: SectionReader): number | undefined {
  const key = "max_per_hour";
  const given = section.integer(key, Number.MAX_SAFE_INTEGER);
  if (!section.keys.includes(key)) return undefined;
  if (given > 0) return given;
  return section.refuse(
    key,
    "must be above 0",
    "give a whole number, or remove the key; accept: false turns it all off",
  );
}
