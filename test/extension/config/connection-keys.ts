/** One key of the section `connection_settings`, as the documents list it. */
export interface ConnectionKey {
  /** From the top of the file. */
  key: string;
  type: string;
  /** What counts when it is left out. */
  default: string;
  meaning: string;
}

const FLAG = "true or false";

export const connectionKeys: readonly ConnectionKey[] = [
  {
    key: "connection_settings.accept",
    type: FLAG,
    default: "false",
    meaning: "whether the server may change the agent's own connection; without it the other keys have no effect",
  },
  {
    key: "connection_settings.endpoints",
    type: "list of hosts",
    default: "the host of `endpoint`, any port",
    meaning: 'where the agent may be moved: `host`, `host:port`, `"*.example.com"` for all below one, `"*"` for any',
  },
  {
    key: "connection_settings.allow_cleartext",
    type: FLAG,
    default: "true for a ws or http `endpoint`, until the server has moved the agent to TLS",
    meaning: "whether ws and http URLs are taken",
  },
  {
    key: "connection_settings.allow_insecure_skip_verify",
    type: FLAG,
    default: "false",
    meaning: "whether the server may turn off the verification of certificates",
  },
  {
    key: "connection_settings.keep_certificate",
    type: FLAG,
    default: "false",
    meaning: "whether an offer without a client certificate leaves the one in force; otherwise there is none then",
  },
  {
    key: "connection_settings.keep_headers",
    type: "own or always",
    default: "own",
    meaning: "whether `headers` and `auth` go to the host of `endpoint` alone, or wherever the server moves the agent",
  },
  {
    key: "connection_settings.verify_timeout",
    type: "duration",
    default: "60s",
    meaning: "how long offered settings may take until their server answers; then they are rolled back",
  },
  {
    key: "connection_settings.max_per_hour",
    type: "whole number",
    default: "6",
    meaning:
      "how often in an hour the agent tries other settings, counted over restarts, those that fail included; of what comes more often, the newest waits",
  },
  {
    key: "connection_settings.epoch",
    type: "text",
    default: "none",
    meaning: "another text than before puts aside what the server has changed: the file counts again",
  },
  {
    key: "connection_settings.certificates.request",
    type: FLAG,
    default: "false",
    meaning: "whether the agent asks its server for a client certificate, and for the next one before its end",
  },
  {
    key: "connection_settings.certificates.key_type",
    type: "ec-p256, ed25519 or rsa-3072",
    default: "ec-p256",
    meaning: "the kind of key, which is made here and never leaves `storage.directory`",
  },
  {
    key: "connection_settings.certificates.subject",
    type: "map",
    default: "the instance uid",
    meaning:
      "whom the certificate is for: `common_name`, `organization`, `organizational_unit`, `locality`, `state`, `country`; lists `dns_names` and `uris`",
  },
  {
    key: "connection_settings.certificates.renew_before",
    type: "duration",
    default: "a third of the validity",
    meaning: "how long before the end of a certificate the next one is asked for",
  },
  {
    key: "connection_settings.certificates.expired",
    type: "keep or bootstrap",
    default: "keep",
    meaning:
      "once a certificate has ended and the server does not take it: go on trying with it, or connect as the file says",
  },
  {
    key: "connection_settings.certificates.ask_again",
    type: "duration",
    default: "24h",
    meaning: "after how long without a certificate the server is asked once more",
  },
];
