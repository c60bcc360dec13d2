import { isIP, type Socket } from "node:net";
import {
  connect,
  createSecureContext,
  DEFAULT_CIPHERS,
  type PeerCertificate,
  type SecureContext,
  type SecureContextOptions,
} from "node:tls";
import { isError, messageOf, OpAMPError } from "../../errors.js";
import { DEFAULT_MIN_VERSION, secureVersion, type TlsOptions, versionRank } from "../settings/tls-options.js";
import { connectionClosed, type SocketGroup, until } from "../socket-group.js";
import { cipherSuite } from "./cipher-suites.js";
import { digestOf, readAuthorities, readIdentity, systemAuthorities } from "./tls-material.js";

/** TLS options with everything read that they name; good for one dial. */
export interface PreparedTls {
  context: SecureContext;
  /** The name to ask for and to verify, in place of the host's. */
  serverName: string | undefined;
  /** Whether the certificate, and the name in it, are verified. */
  verify: boolean;
}

const NO_OPTIONS: TlsOptions = {};
/** What was made of options the last time, for as long as the files that they name stay the same. */
const prepared = new WeakMap<TlsOptions, { digest: string; tls: PreparedTls }>();

/**
 * Reads what the options name: files each time, so that rotated ones are picked up.
 *
 * @param where the option's path, such as `tls`
 * @throws OpAMPError `ERR_OPAMP_TLS` naming the option and the file, when something cannot be read or used
 */
export async function prepareTls(where: string, options: TlsOptions = NO_OPTIONS): Promise<PreparedTls> {
  const digest = await digestOf(options);
  const known = prepared.get(options);
  // Hundreds of authorities take tens of milliseconds, which polls must not pay for each time.
  if (known !== undefined && known.digest === digest) return known.tls;
  const tls = await prepare(where, options);
  if (digest !== undefined) prepared.set(options, { digest, tls });
  return tls;
}

async function prepare(where: string, options: TlsOptions): Promise<PreparedTls> {
  const { includeSystemCa = false, insecureSkipVerify = false } = options;
  const [own, system, identity] = await Promise.all([
    readAuthorities(where, options),
    includeSystemCa ? systemAuthorities() : undefined,
    readIdentity(where, options),
  ]);
  const protocol = protocolOf(where, options);
  try {
    const context = createSecureContext({
      ca: own === undefined && system === undefined ? undefined : [...(system ?? []), ...(own ?? [])],
      // An intermediate authority named as `ca` is trusted with or without its root.
      allowPartialTrustChain: own !== undefined,
      ...identity,
      ...protocol,
    });
    return { context, serverName: options.serverName, verify: !insecureSkipVerify };
  } catch (cause) {
    const text = `${where}: OpenSSL does not take these options: ${messageOf(cause)}`;
    throw new OpAMPError("ERR_OPAMP_TLS", text, { cause });
  }
}

/**
 * Speaks TLS on a connection and waits until the peer is verified; rejects with what Node says.
 *
 * @param host the peer's name or address, without brackets
 */
export async function startTls(base: Socket, host: string, prepared: PreparedTls, group: SocketGroup): Promise<Socket> {
  const { context, serverName, verify } = prepared;
  const name = (serverName ?? host).replace(/\.$/, "");
  if (base.destroyed) throw connectionClosed();
  const socket = group.add(() =>
    connect({
      socket: base,
      secureContext: context,
      // The name to verify; an address is never asked for by name (RFC 6066, 3).
      host: name,
      servername: isIP(name) === 0 ? name : undefined,
      ALPNProtocols: ["http/1.1"],
      // Said even when true: otherwise NODE_TLS_REJECT_UNAUTHORIZED could turn it off.
      rejectUnauthorized: verify,
    }),
  );
  // Which certificate it refuses, Node tells of a wrong name alone, and afterwards it is gone.
  let certificate: PeerCertificate | undefined;
  socket.prependOnceListener("secure", () => {
    certificate = socket.getPeerCertificate();
  });
  try {
    await until(socket, "secureConnect");
  } catch (cause) {
    if (certificate === undefined || !isError(cause) || "cert" in cause) throw cause;
    throw Object.assign(cause, { cert: certificate });
  }
  return socket;
}

/** Versions and suites as Node takes them. Suites of one version alone leave only that version. */
function protocolOf(where: string, options: TlsOptions): SecureContextOptions {
  const { minVersion = DEFAULT_MIN_VERSION, maxVersion, cipherSuites } = options;
  const suites = cipherSuites?.map((name) => {
    const suite = cipherSuite(name);
    if (suite !== undefined) return suite;
    throw new OpAMPError("ERR_OPAMP_TLS", `${where}.cipherSuites: ${JSON.stringify(name)} is not a known cipher suite`);
  });
  const ciphers = suites?.map(({ opensslName }) => opensslName).join(":");
  const least = suites?.every(({ forTls13 }) => forTls13) === true ? "1.3" : minVersion;
  const most = suites?.some(({ forTls13 }) => forTls13) === false ? (maxVersion ?? "1.2") : maxVersion;
  return {
    minVersion: secureVersion(least),
    maxVersion: most && secureVersion(most),
    // OpenSSL 3 takes the versions before 1.2, whose signatures use SHA-1, at its lowest level only.
    ciphers: versionRank(least) < versionRank("1.2") ? `${ciphers ?? DEFAULT_CIPHERS}:@SECLEVEL=0` : ciphers,
  };
}
