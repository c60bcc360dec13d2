import { Socket } from "node:net";
import type { SecureVersion, TLSSocket, TlsOptions } from "node:tls";
import { wrongOption } from "../../base/checks.js";
import { checkByRules, isOneOf, isOneOrMore, isText, isTextOrBytes, type RulesFor } from "../../base/rules.js";
import { messageOf, OpAMPError } from "../../errors.js";

/** TLS of an OpAMPServer: PEM text throughout. */
export interface ServerTlsOptions {
  /** The server's certificate, followed by its chain. */
  cert: string | Uint8Array;
  /** The private key of `cert`. */
  key: string | Uint8Array;
  /** Opens an encrypted `key`. */
  passphrase?: string | undefined;
  /** The authorities that may have signed clients' certificates. Default: the server's own with `signingRequests`, otherwise those that Node trusts. */
  ca?: string | Uint8Array | readonly (string | Uint8Array)[] | undefined;
  /**
   * Whether clients are asked for a certificate. `true` takes whatever they show, also none, and tells it as
   * `agent.link.tls`; `"require"` ends the handshake unless it was signed by one of `ca`. Default: false.
   */
  requestClientCert?: boolean | "require" | undefined;
  /** Default: Node's, TLS 1.2. */
  minVersion?: SecureVersion | undefined;
  /** Default: Node's, TLS 1.3. */
  maxVersion?: SecureVersion | undefined;
  /** OpenSSL's names, separated by colons. Default: Node's. */
  ciphers?: string | undefined;
}

const TLS_VERSION = isOneOf("TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3");
const TLS: RulesFor<ServerTlsOptions> = {
  cert: isTextOrBytes,
  key: isTextOrBytes,
  passphrase: isText,
  ca: isOneOrMore(isTextOrBytes),
  requestClientCert: (where, value) => {
    if (typeof value !== "boolean" && value !== "require") throw wrongOption(where, 'must be true, false or "require"');
  },
  minVersion: TLS_VERSION,
  maxVersion: TLS_VERSION,
  ciphers: isText,
};

/** What a client showed of itself. */
export interface ClientCertificate {
  /** Such as `CN=agent`; several attributes stand one per line. */
  readonly subject: string;
  /** Who issued the certificate of the peer, as a distinguished name. */
  readonly issuer: string;
  /** SHA-256 over the certificate: hexadecimal, with colons. */
  readonly fingerprint256: string;
  /** Of the certificate, in hexadecimal digits. */
  readonly serialNumber: string;
  /** Whether one of `ca` signed it and it is valid now. */
  readonly trusted: boolean;
}

/** A TLS session from the server's side. */
export interface TlsPeer {
  /** The version agreed on, such as `TLSv1.3`. */
  readonly protocol: string;
  /** The cipher suite agreed on, by its IANA name. */
  readonly cipher: string;
  /** The name that the client asked for (SNI), if it named one. */
  readonly serverName: string | undefined;
  /** What the client showed, if it was asked and had one. */
  readonly clientCertificate: ClientCertificate | undefined;
}

/** A TCP connection whose TLS handshake failed. */
export interface TlsFailure {
  /** The number of the TCP connection, from 1 in the order they were accepted. */
  readonly connection: number;
  /** ERR_OPAMP_TLS, with OpenSSL's or Node's error as its cause. */
  readonly error: OpAMPError;
}

/**
 * Does something with the options as Node takes them. Throws ERR_OPAMP_OPTION if it does not take them.
 *
 * @param ownCa the authority for clients where `tls` names none
 */
export function withTls<Result>(
  tls: ServerTlsOptions,
  ownCa: string | undefined,
  use: (options: TlsOptions) => Result,
): Result {
  checkByRules("tls", tls, TLS, ["cert", "key"]);
  try {
    return use(nodeTlsOptions({ ...tls, ca: tls.ca ?? ownCa }));
  } catch (cause) {
    throw new OpAMPError("ERR_OPAMP_OPTION", `tls: ${messageOf(cause)}`, {
      cause,
      hint: "give certificate and key as PEM text, and the key that belongs to the certificate",
    });
  }
}

function nodeTlsOptions({ requestClientCert = false, ca, cert, key, ...others }: ServerTlsOptions): TlsOptions {
  return {
    ...others,
    cert: bufferOf(cert),
    key: bufferOf(key),
    ...(ca && { ca: [ca].flat().map(bufferOf) }),
    requestCert: requestClientCert !== false,
    rejectUnauthorized: requestClientCert === "require",
  };
}

/** The TCP connection that a socket is, or that its TLS session runs over: Node keeps it in `_parent` alone. */
export function tcpOf(socket: Socket): Socket {
  const parent: unknown = Reflect.get(socket, "_parent");
  return parent instanceof Socket ? parent : socket;
}

/** Describes a session whose handshake is complete. */
export function tlsPeer(socket: TLSSocket): TlsPeer {
  // Typed as a string, and false where the client named no server.
  const serverName: unknown = Reflect.get(socket, "servername");
  return {
    protocol: socket.getProtocol() ?? "unknown",
    cipher: socket.getCipher().standardName,
    serverName: typeof serverName === "string" ? serverName : undefined,
    clientCertificate: clientCertificate(socket),
  };
}

function clientCertificate(socket: TLSSocket): ClientCertificate | undefined {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) return undefined;
  const { subject, issuer, fingerprint256, serialNumber } = certificate;
  return { subject, issuer, fingerprint256, serialNumber, trusted: socket.authorized };
}

function bufferOf(pem: string | Uint8Array): string | Buffer {
  return typeof pem === "string" ? pem : Buffer.from(pem);
}
