import { X509Certificate } from "node:crypto";
import { DAY_MS } from "../../base/time.js";
import { OpAMPError } from "../../errors.js";
import type { TlsOptions } from "../../transport/settings/tls-options.js";
import { readAuthorities, readIdentity } from "../../transport/tls/tls-material.js";
import type { DiagnoseOptions, Finding } from "./diagnosis.js";

/** Why a file that cannot be used does no harm. */
export const NOT_NEEDED = "not needed while what the server offered is in force";
/** A certificate that ends sooner is worth a warning. */
const SOON_DAYS = 14;

/** A look at each of the files that are named; of what is wrong with one, nothing hides the others. */
export function fileChecks({ named, secrets }: DiagnoseOptions): readonly (() => Promise<Finding>)[] {
  return [
    ...tlsChecks(named),
    ...secrets.map(({ where, read, isSpare = false }) => async () => {
      try {
        await read();
      } catch (error) {
        if (!(error instanceof OpAMPError)) throw error;
        const { code, message, hint, cause } = error;
        if (isSpare) return { detail: `${where}: ${message}`, warning: NOT_NEEDED, hint };
        throw new OpAMPError(code, `${where}: ${message}`, { hint, cause });
      }
      return { detail: `the secret of ${where} can be read` };
    }),
  ];
}

/** The same for those of TLS options. */
export function tlsChecks(tls: TlsOptions): readonly (() => Promise<Finding>)[] {
  const { ca, cert, key } = tls;
  return [
    ...(ca === undefined ? [] : [() => checkAuthorities(tls)]),
    ...(cert === undefined || key === undefined ? [] : [() => checkIdentity(tls)]),
  ];
}

async function checkAuthorities(tls: TlsOptions): Promise<Finding> {
  const texts = (await readAuthorities("tls", tls)) ?? [];
  const certificates = texts
    .join("")
    .split(/(?=-----BEGIN )/)
    .map((text) => new X509Certificate(text));
  const [first] = certificates;
  const what =
    certificates.length === 1 ? `one authority, ${first && nameOf(first)}` : `${certificates.length} authorities`;
  // Some of many are always out of date.
  const last = certificates.reduce((a, b) => (Date.parse(a.validTo) > Date.parse(b.validTo) ? a : b));
  return { detail: `tls.ca has ${what}`, ...expiry(last.validTo, Date.now(), "give the authority that replaces it") };
}

async function checkIdentity(tls: TlsOptions): Promise<Finding> {
  const identity = await readIdentity("tls", tls);
  const certificate = new X509Certificate(identity?.cert ?? "");
  const { validFrom, validTo } = certificate;
  const detail = `the client certificate is ${nameOf(certificate)}, valid until ${dateOf(validTo)}, and has its key`;
  if (Date.parse(validFrom) > Date.now()) {
    return { detail, warning: `it is valid only from ${dateOf(validFrom)} on`, hint: "set this machine's clock" };
  }
  return { detail, ...expiry(validTo, Date.now(), "renew the certificate given as tls.cert") };
}

/** What is to be said of a certificate that has ended, or will soon. */
export function expiry(validTo: string, now: number, hint: string): Pick<Finding, "warning" | "hint"> {
  const leftMs = Date.parse(validTo) - now;
  if (leftMs >= SOON_DAYS * DAY_MS) return {};
  const days = Math.floor(leftMs / DAY_MS);
  const soon = days === 0 ? "within a day" : days === 1 ? "in 1 day" : `in ${days} days`;
  return { warning: leftMs < 0 ? `it expired on ${dateOf(validTo)}` : `it expires ${soon}`, hint };
}

/** A date as certificates write it, in ISO 8601. */
export function dateOf(text: string): string {
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? text : timeText(new Date(atMs));
}

/** A time, without a fraction where it has none. */
export function timeText(date: Date): string {
  return date.toISOString().replace(".000Z", "Z");
}

function nameOf({ subject }: X509Certificate): string {
  return /^CN=(.+)$/m.exec(subject)?.[1] ?? "without a name";
}
