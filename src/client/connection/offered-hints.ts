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
  /** `undefined` where it is right. */
  readonly hint: string | undefined;
}

/** Says of a failure what to do about it, where that is not in the options. */
export type Hinted = (error: OpAMPError) => OpAMPError;

/** Why a server that demands a certificate may refuse the agent. */
export const NO_CERTIFICATE = "the offer names no certificate, so none was shown";

const CREDENTIALS = /check (?:what )?the credentials that `headers` supplies(?: may do)?/;
const CERTIFICATE = /^.*\btls\.cert\b.*$/s;
/** As it is said to who has none. */
const GIVE_CERTIFICATE =
  /^give tls\.cert and tls\.key.*$|check tls\.cert and the server's log|tls\.cert, tls\.key(?=\))/s;
const AUTHORITY = /^.*\btls\.ca\b.*$/s;
const PROXY =
  /leave out the `proxy` option for this host|check the `proxy` option.*$|put (?:the proxy's )?user and password into .*$/s;
const SERVER_NAME = / in the URL or as tls\.serverName,|, or set tls\.serverName to a name that the server knows/;
const GO_BACK =
  "give another connectionSettings.settingsEpoch, or call forgetConnectionSettings(), to go back to the options";
/** Where settings lead to a place at which no server is, or none any more. */
const NOT_THERE = /^ERR_OPAMP_(CONNECT|PROXY|TLS|TIMEOUT|HTTP_STATUS|NOT_OPAMP)$/;

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
  const isTrial = use === "candidate";
  const isProxyOffered = settings.proxy !== own.proxy;
  const leadsElsewhere = !isTrial && (settings.isOffered === true || isProxyOffered);
  const goBack = isTrial ? "" : `, or ${GO_BACK}`;
  const rows = (): readonly Row[] => [
    { about: CREDENTIALS, hint: credentialsHint(own, settings, goBack) },
    { about: CERTIFICATE, hint: certificateHint(own, settings, goBack, wallNow()) },
    { about: GIVE_CERTIFICATE, hint: isTrial ? "have the server offer one" : undefined },
    { about: AUTHORITY, hint: authorityHint(own, settings, goBack) },
    {
      about: PROXY,
      hint: isProxyOffered ? `have the server offer another proxy, or credentials for it${goBack}` : undefined,
    },
    { about: SERVER_NAME, hint: isTrial ? "" : undefined },
  ];
  if (!leadsElsewhere && rows().every(({ hint }) => hint === undefined)) return undefined;
  return (error) => {
    const row = rows().find(({ about, hint }) => hint !== undefined && about.test(error.hint));
    const { code, message, httpStatus, retryable, cause } = error;
    const found = row === undefined ? error.hint : error.hint.replace(row.about, () => row.hint ?? "");
    const isSaid = !leadsElsewhere || found.includes(GO_BACK) || !NOT_THERE.test(code);
    const hint = isSaid ? found : `${found}; the server offered this connection: to leave it, ${GO_BACK}`;
    return hint === error.hint ? error : new OpAMPError(code, message, { hint, httpStatus, retryable, cause });
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

/** @param goBack empty on trial */
function certificateHint(own: OwnSettings, { tls }: ConnectionSettings, goBack: string, now: number) {
  const cert = tls?.cert;
  if (cert === own.tls?.cert) {
    if (goBack !== "" || cert === undefined) return;
    return "the client certificate is the agent's own: have the server accept it, or offer another one";
  }
  if (cert === undefined) {
    return `${NO_CERTIFICATE} (connectionSettings.opamp.keepCertificate): have the server offer one${goBack}`;
  }
  const until = certificateFacts(cert)?.validUntil;
  const ended = until && until.getTime() < now ? ` ended on ${until.toISOString()}` : " may be what is refused";
  return `the client certificate that the server offered${ended}: have the server offer another one${goBack}`;
}

function authorityHint(own: OwnSettings, { tls }: ConnectionSettings, goBack: string) {
  if (tls?.ca !== own.tls?.ca) {
    return `the authorities that count were offered: have the server offer this one too, in tls.ca_pem_contents${goBack}`;
  }
  return goBack === ""
    ? "have the server offer its authority in tls.ca_pem_contents, and send its intermediates"
    : undefined;
}
