import { isUint8Array } from "node:util/types";
import type { Input } from "../core/io.js";
import type { StoredRemoteConfig, StoredState } from "../store/store.js";
import { isOptions, kindOf } from "./option-path.js";

const UID_BYTES = 16;

/**
 * What a store gave, checked: what has the wrong form would break every message that it went into.
 *
 * @throws TypeError that says what is wrong with it
 */
export function readStoredState(loaded: unknown): StoredState {
  if (loaded === undefined || loaded === null) return {};
  if (!isOptions(loaded)) throw new TypeError(`it holds no state but ${kindOf(loaded)}`);
  const { instanceUid, remoteConfig } = loaded;
  const state: StoredState = {};
  if (instanceUid !== undefined) {
    if (!isUint8Array(instanceUid) || instanceUid.length !== UID_BYTES) {
      throw new TypeError(`its instanceUid is not ${UID_BYTES} bytes`);
    }
    state.instanceUid = new Uint8Array(instanceUid);
  }
  if (remoteConfig !== undefined) state.remoteConfig = readRemoteConfig(remoteConfig);
  return state;
}

/** What the core begins with: what outlived a restart (D14), less the uid where the host gave one. */
export function startInput({ instanceUid, remoteConfig }: StoredState, hasUid: boolean): Input {
  const input: Extract<Input, { type: "start" }> = { type: "start" };
  if (instanceUid !== undefined && !hasUid) input.instanceUid = instanceUid;
  if (remoteConfig !== undefined) {
    input.remoteConfig = {
      lastRemoteConfigHash: remoteConfig.hash,
      status: remoteConfig.status === "applied" ? 1 : 3,
      errorMessage: remoteConfig.error,
    };
  }
  return input;
}

function readRemoteConfig(stored: unknown): StoredRemoteConfig {
  if (!isOptions(stored)) throw new TypeError(`its remoteConfig is ${kindOf(stored)}`);
  const { hash, status, error } = stored;
  if (!isUint8Array(hash)) throw new TypeError("its remoteConfig.hash is not bytes");
  if (status !== "applied" && status !== "failed") {
    throw new TypeError("its remoteConfig.status is neither applied nor failed");
  }
  if (typeof error !== "string") throw new TypeError("its remoteConfig.error is no text");
  return { hash: new Uint8Array(hash), status, error };
}
