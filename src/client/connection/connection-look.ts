import { hexOf, sha256 } from "../../base/bytes.js";
import { fingerprintOf } from "../../connection-settings/fingerprint.js";
import type { ConnectionSettings, OwnSettings } from "../../connection-settings/laid-over.js";
import { decodeSnapshot, NO_SNAPSHOT, type Snapshot } from "../../connection-settings/snapshot.js";
import { messageOf } from "../../errors.js";
import type { StoredSettings, StoredState } from "../../store/store.js";
import type { OpAMPClientOptions } from "../options.js";
import { readNetworkSettings } from "../settings/network-settings.js";
import { readTakenSettings } from "../settings/taken-settings.js";
import { OfferReader } from "./offer-plan.js";

/** The connection of a client as its next start would find it. */
export interface ConnectionLook {
  /** What it would dial, once nothing is on trial. */
  readonly settings: ConnectionSettings;
  /** What of that the server offered. */
  readonly snapshot: Snapshot;
  /** Since when the server's count, in milliseconds since the Unix epoch; `undefined` where the options count. */
  readonly sinceMs: number | undefined;
  /** What is still to be proved, where there is such a thing. */
  readonly candidate: ConnectionSettings | undefined;
  /** Why settings that are stored would be put aside. */
  readonly putAside: string | undefined;
}

/**
 * Looks at what a store holds of the client's own connection; nothing is changed.
 *
 * @param options those of the client, with which its store is one that lasts
 * @returns `undefined` where the options let the server change nothing
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export async function lookAtConnection(
  options: OpAMPClientOptions,
  state: StoredState | undefined,
  readBlob: (name: string) => Promise<Uint8Array | undefined>,
): Promise<ConnectionLook | undefined> {
  const taken = readTakenSettings(options);
  if (taken?.opamp === undefined) return undefined;
  const { tls, proxy } = readNetworkSettings(options);
  const own: OwnSettings = { url: String(options.url), headers: options.headers, tls, proxy };
  const reader = new OfferReader(own, taken.opamp, { isLasting: true });
  const byOptions: ConnectionLook = {
    settings: reader.laidOver(NO_SNAPSHOT),
    snapshot: NO_SNAPSHOT,
    sinceMs: undefined,
    candidate: undefined,
    putAside: undefined,
  };
  const stored = state?.connection;
  if (stored === undefined) return byOptions;
  const { transport } = options;
  const kind = typeof transport === "string" ? transport : transport && "custom";
  try {
    if (stored.fingerprint !== fingerprintOf(own, kind, taken.epoch)) {
      throw new Error("the options are others than those that they were offered for");
    }
    const { accepted } = stored;
    const snapshot = accepted === undefined ? NO_SNAPSHOT : await snapshotOf(accepted, readBlob);
    const settings = reader.checked(snapshot, NO_SNAPSHOT);
    const candidate = stored.candidate && (await snapshotOf(stored.candidate, readBlob).catch(() => undefined));
    return {
      settings,
      snapshot,
      sinceMs: accepted?.at,
      candidate: candidate && reader.laidOver(candidate),
      putAside: undefined,
    };
  } catch (cause) {
    return { ...byOptions, putAside: messageOf(cause) };
  }
}

async function snapshotOf(
  { blob }: StoredSettings,
  readBlob: (name: string) => Promise<Uint8Array | undefined>,
): Promise<Snapshot> {
  const bytes = await readBlob(blob);
  const isWhole = bytes !== undefined && blob.endsWith(hexOf(sha256([bytes])).slice(0, 32));
  const snapshot = isWhole ? decodeSnapshot(bytes) : undefined;
  if (snapshot === undefined) throw new Error("they are gone or damaged");
  return snapshot;
}
