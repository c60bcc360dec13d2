import { withoutUndefined } from "../../base/checks.js";
import { nearest } from "../../base/nearest.js";
import { type TlsOptions, versionRank } from "../../transport/settings/tls-options.js";
import { cipherSuite, ianaNameOf } from "../../transport/tls/cipher-suites.js";
import type { SectionReader } from "./section-reader.js";

const VERSIONS = ["1.0", "1.1", "1.2", "1.3"] as const;
/** As this package's own options, and other programs, write the keys. */
const elsewhere = {
  ca: "write ca_file, or ca_pem for the text itself",
  cert: "write cert_file, or cert_pem for the text itself",
  key: "write key_file, or key_pem for the text itself",
  server_name: "write server_name_override",
  serverName: "write server_name_override",
};
/** The suites of TLS 1.3 that Go always offers: its list of suites is about TLS 1.2. */
const ALWAYS = ["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"];

/**
 * The Collector's `tls` keys for a client, in this package's words.
 *
 * Files are read again at every dial, so `reload_interval` changes nothing. `insecure` is about gRPC and changes nothing
 * either: whether there is TLS, the scheme of the URL says.
 *
 * @returns `undefined` when nothing is given that counts
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export function readTlsKeys(block: SectionReader): TlsOptions | undefined {
  const options = withoutUndefined<TlsOptions>({
    ca: pem(block, "ca", "provide either a CA file or the PEM-encoded string, but not both"),
    cert: pem(block, "cert", "provide either certificate file or PEM, but not both"),
    key: pem(block, "key", "provide either key file or PEM, but not both"),
    includeSystemCa: block.flag("include_system_ca_certs_pool", false) || undefined,
    insecureSkipVerify: block.flag("insecure_skip_verify", false) || undefined,
    serverName: block.text("server_name_override") || undefined,
    minVersion: version(block, "min_version"),
    maxVersion: version(block, "max_version"),
  });
  const { cert, key, minVersion, maxVersion } = options;
  const cipherSuites = suites(block, maxVersion);
  block.flag("insecure", false);
  if (block.durationMs("reload_interval") !== undefined) {
    block.note("reload_interval", "has no effect: files are read again for each connection");
  }
  if (block.textList("curve_preferences").length > 0) {
    block.refuse("curve_preferences", "is not supported: the curves are Node's", "remove it");
  }
  refuseTpm(block);
  block.done(elsewhere);
  if ((cert === undefined) !== (key === undefined)) {
    const [there, missing] = cert === undefined ? ["key", "cert"] : ["cert", "key"];
    const problem = "TLS configuration must include both certificate and key";
    block.lacks(
      [`${missing}_file`, `${missing}_pem`],
      problem,
      `give ${missing}_file or ${missing}_pem, or leave the ${there} away`,
    );
  }
  if (maxVersion !== undefined && versionRank(maxVersion) < versionRank(minVersion ?? "1.2")) {
    const problem = `min_version cannot be greater than max_version; min_version is ${minVersion ?? "1.2 unless given"}`;
    block.refuse("max_version", problem, "raise max_version or lower min_version");
  }
  if (cipherSuites !== undefined) options.cipherSuites = cipherSuites;
  return Object.keys(options).length === 0 ? undefined : options;
}

/** A file's path or PEM text; this package tells them apart by the text's first line. */
function pem(block: SectionReader, name: "ca" | "cert" | "key", both: string): string | undefined {
  const [fileKey, pemKey] = [`${name}_file`, `${name}_pem`];
  const file = block.text(fileKey) ?? "";
  const text = block.text(pemKey) ?? "";
  if (file !== "" && text !== "") block.refuse(pemKey, both, `take away ${fileKey} or ${pemKey}`);
  if (text !== "" && !text.includes("-----BEGIN")) {
    block.refuse(pemKey, "must be PEM text", `give the text with its -----BEGIN line, or the path in ${fileKey}`);
  }
  return file || text || undefined;
}

function version(block: SectionReader, key: string): (typeof VERSIONS)[number] | undefined {
  const given = block.text(key) ?? "";
  if (given === "") return undefined;
  const found = VERSIONS.find((known) => known === given);
  if (found !== undefined) return found;
  return block.refuse(
    key,
    "unsupported TLS version",
    `write one of ${VERSIONS.map((known) => `"${known}"`).join(", ")}`,
  );
}

function suites(block: SectionReader, maxVersion: TlsOptions["maxVersion"]): readonly string[] | undefined {
  const given = block.textList("cipher_suites");
  const [unknown] = given.filter((name) => cipherSuite(name) === undefined);
  if (unknown !== undefined) {
    const meant = ianaNameOf(unknown) ?? nearest(unknown, ALWAYS);
    const hint =
      meant === undefined ? "use IANA's names, such as TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" : `write ${meant}`;
    return block.refuse(["cipher_suites", given.indexOf(unknown)], "invalid TLS cipher suite", hint);
  }
  if (given.length === 0) return undefined;
  const hasNewest = given.some((name) => cipherSuite(name)?.forTls13 === true);
  const newestAllowed = maxVersion === undefined || maxVersion === "1.3";
  return hasNewest || !newestAllowed ? given : [...given, ...ALWAYS];
}

function refuseTpm(block: SectionReader): void {
  const tpm = block.section("tpm");
  if (tpm === undefined) return;
  const enabled = tpm.flag("enabled", false);
  tpm.ignore("path", "owner_auth", "auth");
  tpm.done();
  if (enabled) tpm.refuse("enabled", "keys in a TPM are not supported", "give the key in key_file or key_pem");
}
