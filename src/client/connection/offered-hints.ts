import type { ConnectionSettings, OwnSettings } from "../../connection-settings/laid-over.js";
import { certificateFacts } from "../../connection-settings/read-certificate.js";
import type { Use } from "../../core/io.js";
import { OpAMPError } from "../../errors.js";
import { sourcesOf } from "../../transport/settings/headers.js";
import { parseEndpoint } from "../../transport/url/endpoint.js";

/** What was offered in place of an option, or left out of an offer: the option is not what has to be looked at. */
interface Row {
  /** The part of a hint that names the option. */
  readonly about: RegExp;
  readonly hint: string;
}

/** Says of a failure what to do about it, where that is not in the options. */
export type Hinted = (error: OpAMPError) => OpAMPError;

const CREDENTIALS = /check (?:what )?the credentials that `headers` supplies(?: may do)?/;
const GO_BACK = ", or give another connectionSettings.settingsEpoch to go back to the options";
const CERTIFICATE = /^.*\btls\.cert\b.*$/s;
const AUTHORITY = /^.*\btls\.ca\b.*$/s;

/**
 * Hints for a connection whose settings are not those of the options alone.
 *
 * @param wallNow milliseconds since the Unix epoch
 * @returns `undefined` where the usual hints are right
 */
export function offeredHints(
  own: OwnSettings,
  settings: ConnectionSettings,
  use: Use,
  wallNow: () => number,
): Hinted | undefined {
  const goBack = use === "committed" ? GO_BACK : "";
  const rows = () => [
    { about: CREDENTIALS, hint: credentialsHint(own, settings, goBack) },
    { about: CERTIFICATE, hint: certificateHint(own, settings, goBack, wallNow()) },
    { about: AUTHORITY, hint: authorityHint(own, settings, goBack) },
  ];
  if (rows().every(({ hint }) => hint === undefined)) return undefined;
  return (error) => {
    const row = rows().find((one): one is Row => one.hint !== undefined && one.about.test(error.hint));
    if (row === undefined) return error;
    const { code, message, httpStatus, retryable, cause } = error;
    const hint = error.hint.replace(row.about, () => row.hint);
    return new OpAMPError(code, message, { hint, httpStatus, retryable, cause });
  };
}

function credentialsHint(own: OwnSettings, { headers, endpoint }: ConnectionSettings, goBack: string) {
  const ours = sourcesOf(own.headers);
  const isOffered = sourcesOf(headers).some((source) => typeof source !== "function" && !ours.includes(source));
  if (isOffered) return `have the server offer credentials that count${goBack}`;
  const home = parseEndpoint(own.url);
  if (headers !== undefined || endpoint.authorization !== undefined || endpoint.url.host === home.url.host) return;
  const isWithheld = ours.length > 0 || home.authorization !== undefined;
  const why = isWithheld
    ? ", and those of the options go to their own server alone (connectionSettings.opamp.keepHeaders)"
    : "";
  return `the offer names no headers${why}: have the server offer headers for this endpoint${goBack}`;
}

function certificateHint(own: OwnSettings, { tls }: ConnectionSettings, goBack: string, now: number) {
  const cert = tls?.cert;
  if (cert === own.tls?.cert) return;
  if (cert === undefined) {
    return `the offer names no client certificate, so none is shown (connectionSettings.opamp.keepCertificate): have the server offer one${goBack}`;
  }
  const until = certificateFacts(cert)?.validUntil;
  const ended = until && until.getTime() < now ? ` ended on ${until.toISOString()}` : " may be what is refused";
  return `the client certificate that the server offered${ended}: have the server offer another one${goBack}`;
}

function authorityHint(own: OwnSettings, { tls }: ConnectionSettings, goBack: string) {
  if (tls?.ca === own.tls?.ca) return;
  return `the authorities that count were offered: have the server offer this one too, in tls.ca_pem_contents${goBack}`;
}
