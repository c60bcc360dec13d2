/** What the client calls something, and what it is for somebody who has typed flags, or written a file. */
type Row = readonly [api: RegExp, flags: string, file: string];

const ROWS: readonly Row[] = [
  [/`?proxy\.tls\.ca`?/g, "NODE_EXTRA_CA_CERTS", "NODE_EXTRA_CA_CERTS"],
  [/\btls\.ca\b/g, "--ca", "ca_file"],
  [/\btls\.cert\b/g, "--cert", "cert_file"],
  [/\btls\.key\b/g, "--key", "key_file"],
  [
    /give the passphrase that opens it, in tls\.passphrase/g,
    "give a key without a passphrase",
    "give a key without a passphrase",
  ],
  [/\btls\.serverName\b/g, "--server-name", "server_name_override"],
  [/\btls\.insecureSkipVerify\b/g, "--insecure-skip-verify", "insecure_skip_verify"],
  [
    /check tls\.minVersion, tls\.maxVersion and tls\.cipherSuites against/g,
    "check the TLS versions and cipher suites of Node against",
    "check min_version, max_version and cipher_suites against",
  ],
  [/the `tls` options/g, "--ca, --cert and --key", "the tls keys"],
  [
    /the credentials that `headers` supplies/g,
    "the credentials given with --token-file or -H",
    "the credentials in headers and auth",
  ],
  [
    /make the `headers` function return a record of strings, and in time/g,
    "check the headers and files",
    "check headers and auth",
  ],
  [/`headers`/g, "headers", "headers"],
  [/ within timeouts\.(connect|answer)Ms/g, " within --timeout", " in time"],
  [/; a slow server needs a longer timeouts\.answerMs/g, "; a slow server needs a longer --timeout", ""],
  [/,? or transport: "auto"/g, "", ""],
  [
    /the `proxy` option, or HTTP_PROXY, HTTPS_PROXY and NO_PROXY/g,
    "--proxy, or HTTP_PROXY, HTTPS_PROXY and NO_PROXY",
    "HTTP_PROXY, HTTPS_PROXY and NO_PROXY",
  ],
  [/the `proxy` option/g, "--proxy", "HTTP_PROXY, HTTPS_PROXY and NO_PROXY"],
  [/the function given to \w+ failed: /g, "the credentials cannot be read: ", "the credentials cannot be read: "],
  [/ and the credentials given to the helper/g, " and the credentials", " and the credentials"],
];

/** A text of the client in the words of `opamp doctor`'s flags. */
export function flagWords(text: string): string {
  return ROWS.reduce((before, [api, flags]) => before.replace(api, flags), text);
}

/** A text of the client in the words of the agent's file. */
export function fileWords(text: string): string {
  return ROWS.reduce((before, [api, , file]) => before.replace(api, file), text);
}
