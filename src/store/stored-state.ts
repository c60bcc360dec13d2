import { isUint8Array } from "node:util/types";
import { isObject, kindOf, member } from "../base/checks.js";
import { uidProblem } from "../base/instance-uid.js";
import { messageOf, OpAMPError } from "../errors.js";
import type {
  StoredCandidate,
  StoredConfig,
  StoredConnection,
  StoredFile,
  StoredOffer,
  StoredOther,
  StoredOthers,
  StoredRemoteConfig,
  StoredSettings,
  StoredState,
} from "./store.js";

/** Takes a copy of a value that has the right form; throws a TypeError that says what is wrong with any other. */
type Reader<T> = (value: unknown, where: string) => T;

type Readers<T> = { readonly [Name in keyof T]-?: Reader<T[Name]> };

/** What each member of a state has to be. */
export const STATE_READERS: Readers<Required<StoredState>> = {
  instanceUid: readUid,
  remoteConfig: readRemoteConfig,
  lastGoodConfig: readConfig,
  heartbeatMs: readInterval,
  connectionSettings: readRemoteConfig,
  connection: readConnection,
  otherConnections: readOthers,
};

/**
 * The members that have the right form. One that is wrong is done without: none of the others depends on it.
 *
 * @param wrong called for each that is wrong
 */
export function readMembers<T extends object>(
  given: Readonly<Record<string, unknown>>,
  readers: Readers<T>,
  wrong: (name: string, cause: unknown) => void,
): Partial<T> {
  const read: Partial<T> = {};
  for (const name in readers) {
    try {
      const value = given[name];
      if (value !== undefined) read[name] = readers[name](value, `its ${name}`);
    } catch (cause) {
      wrong(name, cause);
    }
  }
  return read;
}

/**
 * What a store gave, checked: a value of the wrong form would break every message that it went into.
 *
 * @param report called for each member that is wrong
 * @throws TypeError that says what is wrong, where it is not a state at all
 */
export function readStoredState(loaded: unknown, report: (error: OpAMPError) => void): StoredState {
  if (loaded === undefined || loaded === null) return {};
  if (!isObject(loaded)) throw new TypeError(`it holds no state but ${kindOf(loaded)}`);
  return readMembers(loaded, STATE_READERS, (_, cause) => {
    const text = `the store holds something wrong, which is done without: ${messageOf(cause)}`;
    report(new OpAMPError("ERR_OPAMP_STORE", text, { cause, hint: "correct what the store's `load` returns" }));
  });
}

export function readHash(value: unknown, where: string): Uint8Array {
  if (!isUint8Array(value)) throw new TypeError(`${where}.hash is not bytes`);
  return new Uint8Array(value);
}

export function readObject(value: unknown, where: string): Readonly<Record<string, unknown>> {
  if (!isObject(value)) throw new TypeError(`${where} is ${kindOf(value)}`);
  return value;
}

function readUid(value: unknown, where: string): Uint8Array {
  if (!isUint8Array(value)) throw new TypeError(`${where} is not bytes`);
  const problem = uidProblem(value);
  if (problem !== undefined) throw new TypeError(`${where} ${problem}`);
  return new Uint8Array(value);
}

function readRemoteConfig(value: unknown, where: string): StoredRemoteConfig {
  const { hash, status, error, digest } = readObject(value, where);
  const copy = readHash(hash, where);
  if (status !== "applied" && status !== "failed") throw new TypeError(`${where}.status is neither applied nor failed`);
  if (typeof error !== "string") throw new TypeError(`${where}.error is not text`);
  if (digest === undefined) return { hash: copy, status, error };
  if (!isUint8Array(digest)) throw new TypeError(`${where}.digest is not bytes`);
  return { hash: copy, status, error, digest: new Uint8Array(digest) };
}

function readConfig(value: unknown, where: string): StoredConfig {
  const { hash, files } = readObject(value, where);
  const copy = readHash(hash, where);
  const read: Record<string, StoredFile> = Object.create(null);
  for (const [name, file] of Object.entries(readObject(files, `${where}.files`))) {
    read[name] = readFile(file, member(`${where}.files`, name));
  }
  return { hash: copy, files: read };
}

function readFile(value: unknown, where: string): StoredFile {
  const { body, contentType } = readObject(value, where);
  if (!isUint8Array(body)) throw new TypeError(`${where}.body is not bytes`);
  if (typeof contentType !== "string") throw new TypeError(`${where}.contentType is not text`);
  return { body: new Uint8Array(body), contentType };
}

function readConnection(value: unknown, where: string): StoredConnection {
  const { fingerprint, accepted, open, candidate, trial, switchedAt } = readObject(value, where);
  const { phase, from, to, hash, crashes } = readObject(trial, `${where}.trial`);
  if (!Array.isArray(switchedAt)) throw new TypeError(`${where}.switchedAt is not a list`);
  return {
    fingerprint: readText(fingerprint, `${where}.fingerprint`),
    accepted: accepted === undefined ? undefined : readSettings(accepted, `${where}.accepted`),
    open: open === undefined ? undefined : readOffer(open, `${where}.open`),
    candidate: candidate === undefined ? undefined : readCandidate(candidate, `${where}.candidate`),
    trial: {
      phase: readText(phase, `${where}.trial.phase`),
      from: readText(from, `${where}.trial.from`),
      to: readText(to, `${where}.trial.to`),
      hash: readText(hash, `${where}.trial.hash`),
      crashes: readNumber(crashes, `${where}.trial.crashes`),
    },
    switchedAt: switchedAt.map((at: unknown, index) => readNumber(at, member(`${where}.switchedAt`, index))),
  };
}

function readSettings(value: unknown, where: string): StoredSettings {
  const { blob, at } = readObject(value, where);
  return { blob: readText(blob, `${where}.blob`), at: readNumber(at, `${where}.at`) };
}

function readCandidate(value: unknown, where: string): StoredCandidate {
  return { ...readSettings(value, where), ...readOffer(value, where) };
}

function readOffer(value: unknown, where: string): StoredOffer {
  const { offer, digest } = readObject(value, where);
  const read = { offer: readText(offer, `${where}.offer`) };
  return digest === undefined ? read : { ...read, digest: readText(digest, `${where}.digest`) };
}

function readOthers(value: unknown, where: string): StoredOthers {
  const { epoch, parts } = readObject(value, where);
  if (!Array.isArray(parts)) throw new TypeError(`${where}.parts is not a list`);
  const read = parts.map((part: unknown, index) => readOther(part, member(`${where}.parts`, index)));
  return { epoch: readText(epoch, `${where}.epoch`), parts: read };
}

function readOther(value: unknown, where: string): StoredOther {
  const { part, name } = readObject(value, where);
  const read = { ...readSettings(value, where), part: readText(part, `${where}.part`) };
  return name === undefined ? read : { ...read, name: readText(name, `${where}.name`) };
}

function readText(value: unknown, where: string): string {
  if (typeof value !== "string") throw new TypeError(`${where} is not text`);
  return value;
}

function readNumber(value: unknown, where: string): number {
  if (typeof value !== "number" || !Number.isFinite(value)) throw new TypeError(`${where} is not a number`);
  return value;
}

function readInterval(value: unknown, where: string): number {
  if (typeof value !== "number" || !(value > 0))
    throw new TypeError(`${where} is not a number of milliseconds above 0`);
  return value;
}
