/**
 * Every failure code, what a person can do about it, and whether the client tries again by itself.
 *
 * One heading per code in `docs/errors.md`.
 */
const CODES = {
  ERR_OPAMP_OPTION: { retryable: false, hint: "docs/api of the package says what each option takes" },
  ERR_OPAMP_INSTANCE_UID: { retryable: false, hint: "give a UUID, a ULID or 16 bytes" },
  ERR_OPAMP_STOPPED: { retryable: false, hint: "a stopped client stays stopped: make a new OpAMPClient" },
  ERR_OPAMP_TIMEOUT: {
    retryable: true,
    hint: "check that the server is up and that nothing in between swallows traffic",
  },
  ERR_OPAMP_CONNECT: { retryable: true, hint: "check the host, the port (OpAMP's default is 4320) and the network" },
  ERR_OPAMP_INCOMPLETE: {
    retryable: false,
    hint: "install opamp-client with all its dependencies; for a bundle see docs/bundling.md of the package",
  },
  ERR_OPAMP_TLS: {
    retryable: true,
    hint: "check the certificates on both sides and the `tls` options; wss and https speak TLS, ws and http do not",
  },
  ERR_OPAMP_PROXY: { retryable: true, hint: "check the `proxy` option, or HTTP_PROXY, HTTPS_PROXY and NO_PROXY" },
  ERR_OPAMP_CLOSED: {
    retryable: true,
    hint: "the server or something in between ended the connection: look at the server's log",
  },
  ERR_OPAMP_HTTP_STATUS: {
    retryable: true,
    hint: "check the URL's path (the usual one is /v1/opamp) and the server's log",
  },
  ERR_OPAMP_UNAUTHORIZED: { retryable: true, hint: "check the credentials that `headers` supplies" },
  ERR_OPAMP_THROTTLED: { retryable: true, hint: "the server asked for a pause; the client comes back by itself" },
  ERR_OPAMP_NOT_OPAMP: {
    retryable: true,
    hint: "what answers at this URL is not an OpAMP server: check host, port and path",
  },
  ERR_OPAMP_MALFORMED: {
    retryable: true,
    hint: "the server sent bytes that are not an OpAMP message: check its version and any proxy",
  },
  ERR_OPAMP_TOO_LARGE: {
    retryable: false,
    hint: "make the message smaller or raise the message size limit on both sides",
  },
  ERR_OPAMP_REJECTED: {
    retryable: false,
    hint: "the server refused the message and it is not sent again: read the server's text",
  },
  ERR_OPAMP_FOREIGN_UID: {
    retryable: false,
    hint: "the server addressed another agent on this connection: check its routing",
  },
  ERR_OPAMP_HEADERS: { retryable: true, hint: "make the `headers` function return a record of strings, and in time" },
  ERR_OPAMP_AUTH: { retryable: true, hint: "check the token endpoint and the credentials given to the helper" },
  ERR_OPAMP_HANDLER: { retryable: false, hint: "the client goes on; `cause` has what the handler threw" },
  ERR_OPAMP_STORE: { retryable: true, hint: "check that the store's place exists and may be written" },
  ERR_OPAMP_CAPABILITY: {
    retryable: false,
    hint: "use a reverse domain name such as com.example.feature, registered before use",
  },
  ERR_OPAMP_SETTINGS: { retryable: false, hint: "correct what the server offers" },
  ERR_OPAMP_QUEUE_FULL: { retryable: true, hint: "wait for earlier custom messages to leave before sending more" },
} as const satisfies Record<string, { retryable: boolean; hint: string }>;

/** The closed set of failure codes. */
export type OpAMPErrorCode = keyof typeof CODES;

/** All failure codes, for tables and tests. */
export const errorCodes = Object.keys(CODES) as readonly OpAMPErrorCode[];

/** What may accompany an {@link OpAMPError}. */
export interface OpAMPErrorDetails {
  /** What led to this error. */
  cause?: unknown;
  /** Plain words on what to do; each code has its own default. */
  hint?: string | undefined;
  /** Whether the same operation may succeed later; each code has its own default. */
  retryable?: boolean | undefined;
  /** The HTTP status that the server answered with, if one was. */
  httpStatus?: number | undefined;
  /**
   * With `ERR_OPAMP_STORE`: the store holds what is not for this version to change, or (then `retryable`) a state that cannot
   * be read now; see `onForeignStore`. Default false.
   */
  foreignStore?: boolean | undefined;
}

/** The one error class: everything this package throws, rejects with or emits as `error`. */
export class OpAMPError extends Error {
  override readonly name = "OpAMPError";
  /** Which failure this is; stable across versions. */
  readonly code: OpAMPErrorCode;
  /** What a person can do about it. */
  readonly hint: string;
  /** Whether trying again later can help. */
  readonly retryable: boolean;
  /** The HTTP status behind the failure, if there was one. */
  readonly httpStatus: number | undefined;
  /** Whether a store holds the state of a later version, something of another program, or (then `retryable`) a state that cannot be read now. */
  readonly foreignStore: boolean;

  constructor(code: OpAMPErrorCode, message: string, details: OpAMPErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint ?? CODES[code].hint;
    this.retryable = details.retryable ?? CODES[code].retryable;
    this.httpStatus = details.httpStatus;
    this.foreignStore = details.foreignStore ?? false;
  }
}

/** The hint that this failure was given; `undefined` where the hint is only its code's own. */
export function ownHint(cause: unknown): string | undefined {
  return cause instanceof OpAMPError && cause.hint !== CODES[cause.code].hint ? cause.hint : undefined;
}

/** Whether something thrown is an error, also one of another realm: under Jest those of Node itself are. */
export function isError(thrown: unknown): thrown is Error {
  if (thrown instanceof Error) return true;
  try {
    return /^\[object (Error|DOMException)\]$/.test(Object.prototype.toString.call(thrown));
  } catch {
    return false;
  }
}

/** The failures that an error of several stands for, as of a dial that tried several addresses. */
export function failuresIn(thrown: unknown): readonly unknown[] | undefined {
  return isError(thrown) && "errors" in thrown && Array.isArray(thrown.errors) ? thrown.errors : undefined;
}

/** The message of anything thrown, never empty. Never throws, whatever that is. */
export function messageOf(thrown: unknown): string {
  try {
    const message = String((isError(thrown) ? thrown.message : thrown) ?? "");
    return message.trim() === "" ? "failed without a message" : message;
  } catch {
    return "unknown error";
  }
}

/** The code of an error of Node or the system, such as `ENOENT`. */
export function codeOf(cause: unknown): string | undefined {
  return isError(cause) && "code" in cause && typeof cause.code === "string" ? cause.code : undefined;
}

/** Whether something thrown is an error with one of these codes. */
export function hasCode(cause: unknown, ...codes: readonly string[]): boolean {
  const code = codeOf(cause);
  return code !== undefined && codes.includes(code);
}
