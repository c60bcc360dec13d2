import type { OpAMPClientOptions } from "../../client/options.js";
import { keyTypes } from "../../connection-settings/certificates/key-types.js";
import { type CertificateSubject, checkSubject } from "../../connection-settings/certificates/subject.js";
import { OpAMPError } from "../../errors.js";
import { limitMs } from "../reader/limit-ms.js";
import { namedValue } from "../reader/named-value.js";
import type { SectionReader } from "../reader/section-reader.js";

type CertificateOptions = NonNullable<NonNullable<OpAMPClientOptions["connectionSettings"]>["certificates"]>;

/** The keys of a subject, and what the client calls them. */
const NAMES = {
  common_name: "commonName",
  organization: "organization",
  organizational_unit: "organizationalUnit",
  locality: "locality",
  state: "state",
  country: "country",
} as const;
const LISTS = { dns_names: "dnsNames", uris: "uris" } as const;
const ABBREVIATED = {
  cn: "write common_name",
  o: "write organization",
  ou: "write organizational_unit",
  l: "write locality",
  st: "write state",
  c: "write country",
  san: "write dns_names or uris",
};

/** The section `connection_settings.certificates`: how the agent asks its server for client certificates. */
export function readCertificates(section: SectionReader | undefined): CertificateOptions | undefined {
  if (section === undefined) return undefined;
  const options: CertificateOptions = {
    request: namedValue(section, "request", section.flag("request", false)),
    keyType: namedValue(section, "key_type", section.oneOf<(typeof keyTypes)[number]>("key_type", keyTypes)),
    subject: readSubject(section.section("subject")),
    renewBefore: limitMs(section, "renew_before"),
    expired: namedValue(section, "expired", section.oneOf<"keep" | "bootstrap">("expired", ["keep", "bootstrap"])),
    askAgainMs: limitMs(section, "ask_again"),
  };
  section.done();
  if (options.request !== true) section.note(undefined, "asks for no certificate by itself without request: true");
  return options;
}

function readSubject(section: SectionReader | undefined): CertificateSubject | undefined {
  if (section === undefined) return undefined;
  const given = (key: string): boolean => section.keys.includes(key);
  const names = Object.entries(NAMES).filter(([key]) => given(key));
  const lists = Object.entries(LISTS).filter(([key]) => given(key));
  const subject: CertificateSubject = {
    ...Object.fromEntries(names.map(([key, name]) => [name, section.text(key) ?? ""])),
    ...Object.fromEntries(lists.map(([key, name]) => [name, section.textList(key)])),
  };
  for (const key of Object.keys({ ...NAMES, ...LISTS })) section.ignore(key);
  section.done(ABBREVIATED);
  for (const [key, name] of [...names, ...lists]) checkMember(section, key, subject, name);
  return subject;
}

/** The client's own rules, with their findings at the key that they are about. */
function checkMember(
  section: SectionReader,
  key: string,
  subject: CertificateSubject,
  name: keyof CertificateSubject,
): void {
  try {
    checkSubject("", { [name]: subject[name] });
  } catch (error) {
    if (!(error instanceof OpAMPError)) throw error;
    const [, index, problem = error.message] = /^[^:[]*(?:\[(\d+)\])?: (.*)$/s.exec(error.message) ?? [];
    section.refuse(index === undefined ? key : [key, Number(index)], problem, "correct it, or remove it");
  }
}
