import type { Hinted } from "../../client/connection/offered-hints.js";
import type { OpAMPClientOptions } from "../../client/options.js";
import type { OpAMPError, OpAMPErrorCode } from "../../errors.js";
import type { TlsOptions } from "../../transport/settings/tls-options.js";

/** What is looked at, in this order; those of the connection come again for the place that a redirect leads to. */
export type StepName = "url" | "settings" | "files" | "resolve" | "connect" | "tls" | "redirect" | "open" | "report";

/** A redirect that the server answered with. */
export interface RedirectStep {
  /** The HTTP status. */
  status: number;
  /** Without user, password and query, as the next. */
  from: string;
  /** `undefined` where the answer names nothing that is a server URL. */
  to?: string | undefined;
  isFollowed: boolean;
}

/** How one step went. */
export interface Step {
  name: StepName;
  /** `warning` is not a failure; `skipped` was not needed, or could not be tried after a failure. */
  status: "ok" | "warning" | "failed" | "skipped";
  /** What was found, in plain words. */
  detail: string;
  /** What to do about it. */
  hint?: string;
  /** The failure's code, as the client would report it. */
  code?: OpAMPErrorCode;
  /** How long it took, in milliseconds. */
  durationMs?: number;
  /** With `redirect`. */
  redirect?: RedirectStep;
  /** How long the server asks to stay away, in milliseconds. */
  retryAfterMs?: number;
  /** Until when, in ISO 8601. */
  retryAt?: string;
}

/** All that was found out about one server. */
export interface Diagnosis {
  /** Without user, password and query. */
  url: string;
  ok: boolean;
  exitCode: number;
  steps: readonly Step[];
}

/** What a diagnosis needs: what the client itself would be given. */
export interface DiagnoseOptions extends Pick<OpAMPClientOptions, "headers" | "tls" | "proxy" | "compression"> {
  url: string;
  /** For each step, in milliseconds. */
  timeoutMs: number;
  /** Whether headers or credentials are sent, which go to the URL's own origin alone. */
  sendsHeaders: boolean;
  /** The TLS files that are named by the file or the command line, and count. */
  named: TlsOptions;
  /** Where a redirect may lead, where the server has moved the agent; else anywhere. */
  mayLead?: ((to: URL) => boolean) | undefined;
  /** What to do about failures of the connection, where the server has changed it. */
  hinted?: Hinted | undefined;
  /** What is to be said of where the settings come from, where the server may have changed them. */
  settings: readonly (() => Finding)[];
  /**
   * Files with secrets that the headers are made of: the key or option that names each, what reads it, and whether the agent
   * does without.
   */
  secrets: readonly { where: string; read: () => Promise<unknown>; isSpare?: boolean }[];
  /** A text of the client in the words of the command line, or of the file that was given. */
  words(text: string): string;
}

/** What a step found; it throws what went wrong. */
export interface Finding {
  detail: string;
  /** Something to know, though it works. */
  warning?: string | undefined;
  hint?: string | undefined;
  skipped?: boolean;
}

/** What the program ends with; part of its interface. */
export const exitCodes = {
  /** The server answered the report. */
  healthy: 0,
  /** The command line cannot be understood, or an option is wrong. */
  usage: 2,
  /** The host's name does not resolve. */
  resolve: 3,
  /** No connection: refused, unreachable, or the proxy in between. */
  connect: 4,
  /** TLS: certificates, versions, or a side that does not speak it. */
  tls: 5,
  /** Credentials are refused. */
  unauthorized: 6,
  /** Something answers, but not as an OpAMP server does. */
  notOpAMP: 7,
  /** The server asks for a pause, refuses the report, or fails by itself. */
  unavailable: 8,
  /** No answer in time. */
  timeout: 9,
} as const;

/** What failures lead to; any other means that what answers is not an OpAMP server. */
const BY_CODE: Readonly<Partial<Record<OpAMPErrorCode, number>>> = {
  ERR_OPAMP_OPTION: exitCodes.usage,
  ERR_OPAMP_STORE: exitCodes.usage,
  ERR_OPAMP_HEADERS: exitCodes.usage,
  ERR_OPAMP_INCOMPLETE: exitCodes.usage,
  ERR_OPAMP_CONNECT: exitCodes.connect,
  ERR_OPAMP_PROXY: exitCodes.connect,
  ERR_OPAMP_TLS: exitCodes.tls,
  ERR_OPAMP_UNAUTHORIZED: exitCodes.unauthorized,
  ERR_OPAMP_AUTH: exitCodes.unauthorized,
  ERR_OPAMP_THROTTLED: exitCodes.unavailable,
  ERR_OPAMP_REJECTED: exitCodes.unavailable,
  ERR_OPAMP_TIMEOUT: exitCodes.timeout,
};

/** Which exit code a failure leads to. */
export function exitCodeOf({ code, httpStatus = 0 }: OpAMPError, step: StepName): number {
  if (step === "files" || step === "url") return exitCodes.usage;
  if (code === "ERR_OPAMP_CONNECT" && step === "resolve") return exitCodes.resolve;
  if (code === "ERR_OPAMP_HTTP_STATUS" && httpStatus >= 500) return exitCodes.unavailable;
  return BY_CODE[code] ?? exitCodes.notOpAMP;
}
