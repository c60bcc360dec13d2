import { isUint8Array } from "node:util/types";
import { isOptions, kindOf, member } from "../../base/option-path.js";
import { UID_BYTES } from "../../base/uid.js";
import type { Input } from "../../core/io.js";
import { messageOf, OpAMPError } from "../../errors.js";
import type { StoredConfig, StoredFile, StoredRemoteConfig, StoredState } from "../../store/store.js";

/**
 * What a store gave, checked: what has the wrong form would break every message that it went into. A member that is wrong
 * is done without; none of the others depends on it, so they stay.
 *
 * @param report told of each member that is wrong
 * @throws TypeError that says what is wrong, where it is no state at all
 */
export function readStoredState(loaded: unknown, report: (error: OpAMPError) => void): StoredState {
  if (loaded === undefined || loaded === null) return {};
  if (!isOptions(loaded)) throw new TypeError(`it holds no state but ${kindOf(loaded)}`);
  const state: StoredState = {};
  const read = (name: keyof StoredState, reader: (value: unknown, where: string) => StoredState): void => {
    try {
      const value = loaded[name];
      if (value !== undefined) Object.assign(state, reader(value, `its ${name}`));
    } catch (cause) {
      const text = `the store holds something wrong, which is done without: ${messageOf(cause)}`;
      report(new OpAMPError("ERR_OPAMP_STORE", text, { cause, hint: "correct what the store's `load` returns" }));
    }
  };
  read("instanceUid", (value, where) => ({ instanceUid: readUid(value, where) }));
  read("remoteConfig", (value, where) => ({ remoteConfig: readRemoteConfig(value, where) }));
  read("lastGoodConfig", (value, where) => ({ lastGoodConfig: readConfig(value, where) }));
  read("heartbeatMs", (value, where) => ({ heartbeatMs: readInterval(value, where) }));
  return state;
}

/** What the core begins with: what outlived a restart (D14), less the uid where the host gave one. */
export function startInput({ instanceUid, remoteConfig, heartbeatMs }: StoredState, hasUid: boolean): Input {
  const input: Extract<Input, { type: "start" }> = { type: "start" };
  if (instanceUid !== undefined && !hasUid) input.instanceUid = instanceUid;
  if (heartbeatMs !== undefined) input.heartbeatMs = heartbeatMs;
  if (remoteConfig !== undefined) {
    input.remoteConfig = {
      lastRemoteConfigHash: remoteConfig.hash,
      status: remoteConfig.status === "applied" ? 1 : 3,
      errorMessage: remoteConfig.error,
    };
  }
  return input;
}

function readUid(stored: unknown, where: string): Uint8Array {
  if (!isUint8Array(stored) || stored.length !== UID_BYTES) throw new TypeError(`${where} is not ${UID_BYTES} bytes`);
  return new Uint8Array(stored);
}

function readRemoteConfig(stored: unknown, where: string): StoredRemoteConfig {
  if (!isOptions(stored)) throw new TypeError(`${where} is ${kindOf(stored)}`);
  const { hash, status, error } = stored;
  if (!isUint8Array(hash)) throw new TypeError(`${where}.hash is not bytes`);
  if (status !== "applied" && status !== "failed") throw new TypeError(`${where}.status is neither applied nor failed`);
  if (typeof error !== "string") throw new TypeError(`${where}.error is no text`);
  return { hash: new Uint8Array(hash), status, error };
}

function readConfig(stored: unknown, where: string): StoredConfig {
  if (!isOptions(stored)) throw new TypeError(`${where} is ${kindOf(stored)}`);
  const { hash, files } = stored;
  if (!isUint8Array(hash)) throw new TypeError(`${where}.hash is not bytes`);
  if (!isOptions(files)) throw new TypeError(`${where}.files is ${kindOf(files)}`);
  const read: Record<string, StoredFile> = Object.create(null);
  for (const [name, file] of Object.entries(files)) read[name] = readFile(file, member(`${where}.files`, name));
  return { hash: new Uint8Array(hash), files: read };
}

function readFile(stored: unknown, where: string): StoredFile {
  if (!isOptions(stored)) throw new TypeError(`${where} is ${kindOf(stored)}`);
  const { body, contentType } = stored;
  if (!isUint8Array(body)) throw new TypeError(`${where}.body is not bytes`);
  if (typeof contentType !== "string") throw new TypeError(`${where}.contentType is no text`);
  return { body: new Uint8Array(body), contentType };
}

function readInterval(stored: unknown, where: string): number {
  if (typeof stored !== "number" || !(stored > 0)) throw new TypeError(`${where} is no number of milliseconds above 0`);
  return stored;
}
