import { createPublicKey, type KeyObject, verify } from "node:crypto";
import { isArrayBuffer, isUint8Array } from "node:util/types";
import type { Extension, Name, Pkcs10CertificateRequest } from "@peculiar/x509";
import { uidText } from "../../base/bytes.js";
import { attempt } from "../../base/checks.js";
import { x509For } from "./authority.js";
import type { SigningRequest } from "./signing-options.js";

/** What of a good request goes into a certificate. */
export interface Wanted {
  readonly subject: Name;
  readonly spki: Uint8Array;
  readonly names: Extension | undefined;
}

const PEM = /-----BEGIN (NEW )?CERTIFICATE REQUEST-----/;
const UUID_URN = /^urn:uuid:/i;
const CURVES: Readonly<Record<string, string>> = { prime256v1: "p256", secp384r1: "p384", secp521r1: "p521" };

/**
 * Reads a request, and checks its signature.
 *
 * @param uid of the agent that sent it; a request that names another one is not for it (CERT-09)
 * @returns `wanted`: what goes into its certificate; undefined where there is a problem
 * @throws OpAMPError `ERR_OPAMP_OPTION` where the library for it is not installed
 */
export function readSigningRequest(
  csr: Uint8Array,
  uid: Uint8Array,
): { readonly shown: SigningRequest; readonly wanted: Wanted | undefined } {
  const x509 = x509For("a signing request");
  const pem = Buffer.from(csr).toString("utf8");
  const unread = (problem: string) => ({
    shown: { pem, subject: "", names: [], keyType: "", problem },
    wanted: undefined,
  });
  if (!PEM.test(pem)) return unread("is not a certificate request in PEM");
  const read = attempt(() => {
    const request = new x509.Pkcs10CertificateRequest(pem);
    const alternative = request.extensions.find((one) => one instanceof x509.SubjectAlternativeNameExtension);
    const spki = new Uint8Array(request.publicKey.rawData);
    const key = createPublicKey({ key: Buffer.from(spki), format: "der", type: "spki" });
    const names = alternative?.names.items.map(({ value }) => value) ?? [];
    return { request, subject: request.subjectName, alternative, spki, key, names };
  });
  if (read === undefined) return unread("cannot be read");
  const { request, subject, alternative, spki, key, names } = read;
  const problem = problemOf(request, key, names, uidText(uid));
  const shown = { pem, subject: request.subject, names, keyType: keyTypeOf(key), problem };
  return { shown, wanted: problem === undefined ? { subject, spki, names: alternative } : undefined };
}

function problemOf(
  request: Pkcs10CertificateRequest,
  key: KeyObject,
  names: readonly string[],
  uid: string,
): string | undefined {
  if (!isSignedBy(key, request)) return "was not signed with the key that it is for";
  const foreign = names.find((name) => UUID_URN.test(name) && name.toLowerCase() !== `urn:uuid:${uid}`);
  return foreign === undefined ? undefined : `names ${foreign}, and came from ${uid}`;
}

function isSignedBy(key: KeyObject, request: Pkcs10CertificateRequest): boolean {
  // The library's own verification takes more than a turn.
  const signed: unknown = Reflect.get(request, "tbs");
  if (!isUint8Array(signed) && !isArrayBuffer(signed)) return false;
  const hash = request.signatureAlgorithm.hash?.name.toLowerCase().replace("-", "");
  return attempt(() => verify(hash, new Uint8Array(signed), key, new Uint8Array(request.signature)), false);
}

function keyTypeOf({ asymmetricKeyType, asymmetricKeyDetails: details }: KeyObject): string {
  const { namedCurve = "", modulusLength } = details ?? {};
  if (asymmetricKeyType === "ec") return `ec-${CURVES[namedCurve] ?? namedCurve}`;
  return `${asymmetricKeyType}${modulusLength === undefined ? "" : `-${modulusLength}`}`;
}
