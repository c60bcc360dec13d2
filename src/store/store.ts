/** What an agent has to remember so that a restart is no new beginning. */
export interface StoredState {
  /** 16 bytes: the agent's name for as long as the store lives (UID-03). */
  instanceUid?: Uint8Array;
  /** How the last remote config offer ended (D14). */
  remoteConfig?: StoredRemoteConfig;
}

/** The outcome of the last remote config offer. */
export interface StoredRemoteConfig {
  /** As the server gave it. */
  hash: Uint8Array;
  status: "applied" | "failed";
  /** Empty unless failed. */
  error: string;
}

/**
 * Where an agent keeps what it must not forget. Both methods may be asynchronous and may fail: a failure is reported as
 * `ERR_OPAMP_STORE` and the agent goes on without. A save is the whole state, and the next starts when it has ended.
 */
export interface Store {
  /** The state as last saved; `undefined` when there is none. */
  load(): StoredState | undefined | Promise<StoredState | undefined>;
  save(state: StoredState): void | Promise<void>;
}
