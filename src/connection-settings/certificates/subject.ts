import { isObject, text, wrongKind, wrongOption } from "../../base/checks.js";
import { checkByRules, isFunction, isListOf, type Rule, type RulesFor } from "../../base/rules.js";

/** Who a certificate is asked for. What is left out is the default; a list replaces the default, and may be empty. */
export interface CertificateSubject {
  /** CN, at most 64 characters. Default: the instance uid as UUID text. */
  commonName?: string | undefined;
  /** O, at most 64 characters. Default: none. */
  organization?: string | undefined;
  /** OU, at most 64 characters. Default: none. */
  organizationalUnit?: string | undefined;
  /** L, at most 128 characters. Default: none. */
  locality?: string | undefined;
  /** ST, at most 128 characters. Default: none. */
  state?: string | undefined;
  /** C, two letters. Default: none. */
  country?: string | undefined;
  /** Host names among the alternative names. Default: none. */
  dnsNames?: readonly string[] | undefined;
  /** URIs among the alternative names. Default: `urn:uuid:` and the instance uid. */
  uris?: readonly string[] | undefined;
}

/** The subject for an agent that goes by this instance uid (UUID text). */
export type SubjectOf = (instanceUid: string) => CertificateSubject;

const HOST = /^(\*\.)?([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i;
const MAX_HOST_CHARACTERS = 253;
const MAX_URI_CHARACTERS = 2_048;
const VISIBLE_ASCII = /^[\x21-\x7e]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not be there
const CONTROL = /[\u0000-\u001f\u007f]/;

const RULES: RulesFor<CertificateSubject> = {
  commonName: isName(64),
  organization: isName(64),
  organizationalUnit: isName(64),
  locality: isName(128),
  state: isName(128),
  country: (where, value) => {
    if (!/^[A-Z]{2}$/.test(text(where, value))) throw wrongOption(where, "must be two capital letters, such as DE");
  },
  dnsNames: isListOf((where, value) => {
    const host = text(where, value);
    if (host.length > MAX_HOST_CHARACTERS || !HOST.test(host)) throw wrongOption(where, "must be the name of a host");
  }),
  uris: isListOf((where, value) => {
    const uri = text(where, value);
    const isUri = uri.length <= MAX_URI_CHARACTERS && VISIBLE_ASCII.test(uri) && URL.canParse(uri);
    if (!isUri) throw wrongOption(where, "must be a URI, such as urn:uuid: and an id, or spiffe: and a path");
  }),
};

/**
 * Checks what is given as the subject; what a function gives can only be checked once it is called.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export function checkSubject(where: string, given: unknown): void {
  if (typeof given === "function") return isFunction(where, given);
  if (!isObject(given)) throw wrongKind(where, "an object", given);
  checkByRules(where, given, RULES);
}

/**
 * The subject for an instance uid, with every default in place.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION` for what a function gives, and whatever it throws
 */
export function subjectFor(
  where: string,
  given: CertificateSubject | SubjectOf | undefined,
  instanceUid: string,
): CertificateSubject {
  const subject = typeof given === "function" ? given(instanceUid) : (given ?? {});
  if (typeof given === "function") checkByRules(`${where}()`, subject, RULES);
  const { commonName = instanceUid, uris = [`urn:uuid:${instanceUid}`] } = subject;
  return { ...subject, commonName, uris };
}

function isName(maxCharacters: number): Rule {
  return (where, value) => {
    const name = text(where, value);
    if (name.trim() === "") throw wrongOption(where, "is empty");
    if (CONTROL.test(name)) throw wrongOption(where, "has control characters");
    if ([...name].length > maxCharacters) throw wrongOption(where, `must have at most ${maxCharacters} characters`);
  };
}
