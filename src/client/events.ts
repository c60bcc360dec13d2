import type { PhaseReason } from "../core/io.js";
import type { Phase } from "../core/phases.js";
import type { OpAMPError } from "../errors.js";

/** The link moved on. */
export interface PhaseEvent {
  phase: Phase;
  previous: Phase;
  reason: PhaseReason;
  /** Whether the server has answered on this link; `online` without an answer means that it keeps silent (D18). */
  answered: boolean;
  /** The name of the transport in use, or used last: `"websocket"`, `"http"`; `undefined` before the first attempt. */
  transport: string | undefined;
  /** In `waiting`: when the next attempt is due. */
  retryAt?: Date;
  /** What went wrong, where something did. */
  error?: OpAMPError;
}

/** The status of a remote config offer changed. */
export interface RemoteConfigEvent {
  hash: Uint8Array;
  status: "applying" | "applied" | "failed";
  /** Empty unless failed. */
  error: string;
}

/** The agent goes by another uid. */
export interface InstanceUidEvent {
  /** UUID text. */
  instanceUid: string;
  previous: string;
}

/** The server answered with an error (MSG-03). */
export interface ServerErrorEvent {
  type: "badRequest" | "unavailable" | "unknown";
  /** The server's own words. */
  message: string;
  /** Parts of the refused report; they are not sent again until they change (RETRY-01). */
  dropped: readonly string[];
}

/** The client is set up in a way that is not safe. */
export interface WarningEvent {
  /**
   * `"insecure-skip-verify"`: a certificate is not verified; `"cleartext"`: what is sent leaves this machine without
   * being encrypted.
   */
  code: "insecure-skip-verify" | "cleartext";
  message: string;
  /** Plain words on what to do. */
  hint: string;
}

/** What a client tells its host. A listener that throws is reported as `error` and harms nobody else. */
export interface OpAMPClientEvents {
  phase: (event: PhaseEvent) => void;
  /**
   * Something failed. The client goes on by itself, unless it stopped for it (`onForeignStore`); without a listener
   * nothing happens. Message, hint and stack hold no secrets; a `cause` that is not an `OpAMPError` is as it was thrown,
   * and may hold anything: think before it is printed.
   */
  error: (error: OpAMPError) => void;
  /** Told by `start`, for each thing that is not safe. */
  warning: (event: WarningEvent) => void;
  serverError: (event: ServerErrorEvent) => void;
  remoteConfig: (event: RemoteConfigEvent) => void;
  instanceUid: (event: InstanceUidEvent) => void;
  /** The server declared its capabilities (CAP-07). */
  serverCapabilities: (mask: bigint) => void;
  /** The server announced the custom capabilities it understands (CUSTOM-02). */
  serverCustomCapabilities: (names: readonly string[]) => void;
  /** The interval between heartbeats, or polls, in milliseconds; `Infinity` when the server turned them off (HB-03). */
  heartbeatInterval: (intervalMs: number) => void;
}
