import type { OpAMPError } from "../errors.js";

/**
 * What an agent has to remember so that it is the same agent after a restart.
 *
 * Each member stands for itself: one that is missing, or has the wrong form, costs nothing but itself.
 */
export interface StoredState {
  /** 16 bytes: the agent's name for as long as the store lives (UID-03). */
  instanceUid?: Uint8Array | undefined;
  /** How the last remote config offer ended. */
  remoteConfig?: StoredRemoteConfig | undefined;
  /**
   * The config whose handler resolved last; `previous` of the next apply. It may be as large as a message, so a save that
   * has the same object here as the one before need not write it again. Its bodies do not change.
   */
  lastGoodConfig?: StoredConfig | undefined;
  /** The heartbeat interval that the server asked for, in milliseconds; `Infinity` for none (HB-02, HB-03). */
  heartbeatMs?: number | undefined;
  /** How the last offer of connection settings ended. */
  connectionSettings?: StoredRemoteConfig | undefined;
  /** The settings for the agent's own connection that the server had accepted, or was having tried. */
  connection?: StoredConnection | undefined;
  /** The settings for other connections that the server had accepted. */
  otherConnections?: StoredOthers | undefined;
}

/** Settings for a connection: a blob has all of them, keys included. */
export interface StoredSettings {
  /** The name of the blob; it says which content it has. */
  blob: string;
  /** Since when they count, in milliseconds since the Unix epoch. */
  at: number;
}

/** An offer of connection settings. */
export interface StoredOffer {
  /** The name of the blob with the whole of it. */
  offer: string;
  /** In hexadecimal digits, what tells the offer from others where it has no hash. */
  digest?: string | undefined;
}

/** Settings that are being tried, and the offer that they came with. */
export interface StoredCandidate extends StoredSettings, StoredOffer {}

/** The agent's own connection, as the server has changed it. */
export interface StoredConnection {
  /** Of the options that all this is laid over. */
  fingerprint: string;
  /** In force; `undefined` for the options alone. */
  accepted?: StoredSettings | undefined;
  /** What led to the settings in force, until it is kept how it ended. */
  open?: StoredOffer | undefined;
  /** On trial. */
  candidate?: StoredCandidate | undefined;
  /** How far the trial of the candidate is, as `base/trial.ts` has it. */
  trial: { phase: string; from: string; to: string; hash: string; crashes: number };
  /** When the connection was moved in the last hour, in milliseconds since the Unix epoch. */
  switchedAt: readonly number[];
}

/** Settings for one connection besides the agent's own. */
export interface StoredOther extends StoredSettings {
  /** Which: the name of its handler in the options. */
  part: string;
  /** Where there are several of its kind, which of them. */
  name?: string | undefined;
}

/** The agent's other connections, as the server has set them. */
export interface StoredOthers {
  /** What `settingsEpoch` was; another one puts them aside. */
  epoch: string;
  /** In no order. */
  parts: readonly StoredOther[];
}

/** The outcome of the last remote config offer. */
export interface StoredRemoteConfig {
  /** As the server gave it. */
  hash: Uint8Array;
  /** How it ended. */
  status: "applied" | "failed";
  /** Empty unless failed. */
  error: string;
  /** Where the hash is empty: what tells the offer from others, a digest of its files. */
  digest?: Uint8Array | undefined;
}

/** A config that was put to use. */
export interface StoredConfig {
  /** As the server gave it. */
  hash: Uint8Array;
  /** By name; a single file may have the name "" (CFG-07). */
  files: Readonly<Record<string, StoredFile>>;
}

/** One of its files. */
export interface StoredFile {
  /** The content. */
  body: Uint8Array;
  /** The MIME type that the server gave, or "". */
  contentType: string;
}

/**
 * Where an agent keeps what it must not forget: `load` and `save` are all that it needs. All methods may be
 * asynchronous and may fail: a failure is reported as `ERR_OPAMP_STORE` and the agent goes on without. An `OpAMPError`
 * of that code that is not `retryable` says that the store is not for this agent, because another one has it for
 * instance: then nothing more is asked of it. One with `foreignStore`, thrown by `load`, says that what is there is not
 * for this version to change, or cannot be read now: see `onForeignStore`.
 */
export interface Store {
  /**
   * The state as last saved; `undefined` when there is none. Called before anything else.
   *
   * @param report tells of what went wrong and was survived, now or later
   */
  load(report?: (error: OpAMPError) => void): StoredState | undefined | Promise<StoredState | undefined>;
  /** Keeps the whole state; not before `load` has ended, and the next save starts when this one has. */
  save(state: StoredState): void | Promise<void>;
  /** Lets go of what `load` took. Called when the agent has stopped, after the last save; another `load` may follow. */
  close?(): void | Promise<void>;
  /** Whether what is saved outlives the process. Default: false. */
  readonly lasting?: boolean | undefined;
  /** Keeps what is not part of the state, a key for instance. Default: nothing of that kind can be kept. */
  readonly blobs?: StoreBlobs | undefined;
}

/**
 * Byte strings by name, beside the state. A name is 1 to 64 of `a-z`, `0-9` and `-`, and does not begin with `-`; a blob has
 * at most 4 MiB.
 *
 * To be used between `load` and `close`. Calls of these and of `save` take effect in the order in which they are made. Each
 * rejects with `ERR_OPAMP_STORE` where it fails; then the blob is as it was.
 */
export interface StoreBlobs {
  /** Exactly what was written last; `undefined` where nothing was, or where it was damaged, which is reported. */
  read(name: string): Promise<Uint8Array | undefined>;
  /** Replaces a blob as a whole, or adds it. Once this resolves, the blob lasts as a saved state does. */
  write(name: string, bytes: Uint8Array): Promise<void>;
  /** Removes a blob; resolves too where there is none. */
  remove(name: string): Promise<void>;
}
