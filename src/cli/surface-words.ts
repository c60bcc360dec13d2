/** What the client calls something, and what it is for somebody who has typed flags, or written a file. */
type Row = readonly [api: RegExp, flags: string, file: string];

/** The same for both. */
const both = (api: RegExp, words: string): Row => [api, words, words];

/** What is longer comes before what is part of it. */
const ROWS: readonly Row[] = [
  // TLS.
  [/`?proxy\.tls\.ca`?/g, "--ca, or in NODE_EXTRA_CA_CERTS", "ca_file, or in NODE_EXTRA_CA_CERTS"],
  [/\btls\.ca\b/g, "--ca", "ca_file"],
  [/\btls\.cert\b/g, "--cert", "cert_file"],
  [/\btls\.key\b/g, "--key", "key_file"],
  both(/give the passphrase that opens it, in tls\.passphrase/g, "give a key without a passphrase"),
  both(/\btls\.passphrase\b/g, "the passphrase"),
  [/\btls\.serverName\b/g, "--server-name", "server_name_override"],
  [/\btls\.insecureSkipVerify\b/g, "--insecure-skip-verify", "insecure_skip_verify"],
  both(/\btls\.includeSystemCa\b/g, "include_system_ca_certs_pool"),
  [/\binsecureSkipVerify\b/g, "--insecure-skip-verify", "insecure_skip_verify"],
  [
    /check tls\.minVersion, tls\.maxVersion and tls\.cipherSuites against/g,
    "check the TLS versions and cipher suites of Node against",
    "check min_version, max_version and cipher_suites against",
  ],
  [/\btls\.minVersion\b/g, "the lowest TLS version", "min_version"],
  [/\btls\.maxVersion\b/g, "the highest TLS version", "max_version"],
  [/\btls\.cipherSuites\b/g, "the cipher suites", "cipher_suites"],
  [/the (`tls`|tls) options/g, "--ca, --cert and --key", "ca_file, cert_file and key_file"],
  // Headers and credentials.
  [
    /the credentials that `headers` supplies/g,
    "the credentials given with --token-file or -H",
    "the credentials in headers and auth",
  ],
  [
    /make the `headers` function return a record of strings, and in time/g,
    "check -H and --token-file",
    "check headers and auth",
  ],
  [/`headers`/g, "headers (-H)", "headers"],
  both(/the headers function failed: /g, "the headers cannot be made: "),
  both(/the headers function must return a record of headers, not \S+/g, "there are no headers"),
  both(/the headers function did not return in time/g, "the credentials did not come in time"),
  both(/the function given to \S+ failed: /g, "the credentials cannot be read: "),
  both(/the function given to \S+ did not return within/g, "the credentials did not come within"),
  both(
    /the function given to \S+ returned no credentials/g,
    "the file with the secret has nothing in it, or several lines",
  ),
  both(
    /make (it|the function) return the token, key or password( as a text of one line)?/g,
    "put the secret alone into its file, on one line",
  ),
  both(/ and the credentials given to the helper/g, " and the credentials"),
  both(/\bclientCredentials: /g, "oauth2client: "),
  both(/\bbasicAuth: /g, "basicauth: "),
  both(/\bfileSecret: must be given/g, "give"),
  both(/\bclientId\b/g, "client_id"),
  both(/\bclientSecret\b/g, "client_secret"),
  both(/\btokenUrl\b/g, "token_url"),
  both(/, or a function that returns one/g, ""),
  // Time limits, sizes, ways.
  [/ within timeouts\.(connect|answer)Ms/g, " within --timeout", " in time"],
  [/; a slow server needs a longer timeouts\.answerMs/g, "; a slow server needs a longer --timeout", ""],
  both(/ within timeouts\.applyMs/g, " in time"),
  both(/ \(maxMessageBytes\.(send|receive) here\)/g, ""),
  both(/raise maxRedirects, or give/g, "give"),
  both(/,? or transport: "auto"/g, ""),
  [/ \(compression: false\)/g, ": leave out --compression", ""],
  // The proxy.
  [/\bproxy\.url\b/g, "--proxy", "the proxy's URL"],
  [
    /the `proxy` option, or HTTP_PROXY, HTTPS_PROXY and NO_PROXY/g,
    "--proxy, or HTTP_PROXY, HTTPS_PROXY and NO_PROXY",
    "HTTP_PROXY, HTTPS_PROXY and NO_PROXY",
  ],
  [
    /the URL of the `proxy` option, or of HTTP_PROXY and HTTPS_PROXY/g,
    "the URL given with --proxy, or in HTTP_PROXY and HTTPS_PROXY",
    "the URL in HTTP_PROXY and HTTPS_PROXY",
  ],
  [/leave out the `proxy` option for/g, "leave out --proxy for", "exempt with NO_PROXY"],
  [/the `proxy` option/g, "--proxy", "HTTP_PROXY, HTTPS_PROXY and NO_PROXY"],
  both(/must be a record or a function/g, "must be text"),
  // Connection settings that the server offers.
  both(/connectionSettings\.opamp is not given/g, "the file accepts no connection settings"),
  both(
    /they stay in the store, and count again with connectionSettings\.opamp/g,
    "they stay in storage.directory, and count again with connection_settings.accept: true",
  ),
  both(/\bconnectionSettings\.opamp\.endpoints\b/g, "connection_settings.endpoints"),
  both(/\bconnectionSettings\.opamp\.allowCleartext\b/g, "connection_settings.allow_cleartext"),
  both(/\bconnectionSettings\.opamp\.allowInsecureSkipVerify\b/g, "connection_settings.allow_insecure_skip_verify"),
  both(/\b(?:connectionSettings\.)?settingsEpoch of the agent\b/g, "connection_settings.epoch of the agent"),
  both(/\bretryConnectionSettings\(\) on the agent\b/g, "SIGHUP to the agent"),
  both(/, or call forgetConnectionSettings\(\),/g, ""),
  both(/\bgive another connectionSettings\.settingsEpoch\b/g, "write another connection_settings.epoch"),
  both(/\bconnectionSettings\.settingsEpoch\b/g, "connection_settings.epoch"),
  both(/\bconnectionSettings\.opamp\.keepHeaders\b/g, "connection_settings.keep_headers"),
  both(/\bconnectionSettings\.opamp\.keepCertificate\b/g, "connection_settings.keep_certificate"),
  both(/\bto go back to the options\b/g, "to go back to the file"),
  both(/\bthose of the options go to their own server\b/g, "those of the file go to their own server"),
  both(/\bconnectionSettings\.opamp\.verifyMs\b/g, "connection_settings.verify_timeout"),
  both(/\bconnectionSettings\.opamp\.maxPerHour\b/g, "connection_settings.max_per_hour"),
  both(/\bconnectionSettings was aborted\b/g, "the offer was aborted"),
  both(/the options changed since they were offered: url\b/g, "the file changed since they were offered: endpoint"),
  both(/the options changed since they were offered/g, "the file changed since they were offered"),
  both(/: the options count, and the agent asks/g, ": the file counts, and the agent asks"),
  both(/: the options count, and the server may/g, ": the file counts, and the server may"),
  [
    /give the agent a store that outlives it and keeps blobs, such as fileStore/g,
    "look at the state directory",
    "check that storage.directory exists and may be written",
  ],
  both(
    /\bconnectionSettings\.certificates\.subject or \.keyType; requestCertificate\(\) asks again/g,
    "connection_settings.certificates.subject or key_type, then send SIGHUP",
  ),
  both(
    /\bconnectionSettings\.certificates\.expired "bootstrap"/g,
    "connection_settings.certificates.expired: bootstrap",
  ),
  both(/the agent goes back to its options/g, "the agent goes back to its file"),
  // What is around the client.
  both(/there is no \S+ handler any more/g, "it is no longer accepted"),
  both(/\bthe handler did not end\b/g, "the command did not end"),
  both(/\beffectiveConfig\b/g, "the effective config"),
  both(/: make a new OpAMPClient/g, ": start it again"),
  both(/, or with refreshEffectiveConfig\(\)/g, ""),
  [
    /the client goes on; `cause` has what the handler threw/g,
    "look at the message",
    "check the command or file named in the message",
  ],
  [/give the store a directory/g, "give the agent a directory", "give storage.directory a directory"],
  [/the store's directory/g, "the state directory", "storage.directory"],
  [
    /check that the store's place exists and may be written/g,
    "look at the message",
    "check that storage.directory exists and may be written",
  ],
];

/** A text of the client in the words of `opamp doctor`'s flags. */
export function flagWords(text: string): string {
  return ROWS.reduce((before, [api, flags]) => before.replace(api, flags), text);
}

const OPTION = /--[a-z][a-z-]*|-H\b/g;

/** The same where a file was given too: in the words of an option that was typed, else in those of the file. */
export function mixedWords(text: string, typed: ReadonlySet<string>): string {
  return ROWS.reduce((before, [api, flags, file]) => {
    const isTyped = (flags.match(OPTION) ?? []).some((option) => typed.has(option));
    return before.replace(api, isTyped ? flags : file);
  }, text);
}

/** A text of the client in the words of the agent's file. */
export function fileWords(text: string): string {
  return ROWS.reduce((before, [api, , file]) => before.replace(api, file), text);
}
