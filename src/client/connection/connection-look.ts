import { changedBetween, fingerprintOf } from "../../connection-settings/fingerprint.js";
import type { ConnectionSettings, OwnSettings } from "../../connection-settings/laid-over.js";
import { isAllowed } from "../../connection-settings/policy.js";
import { decodeSnapshot, NO_SNAPSHOT, type Snapshot } from "../../connection-settings/snapshot.js";
import { messageOf } from "../../errors.js";
import type { StoreBlobs, StoredSettings } from "../../store/store.js";
import { RequestFile, type RequestRecord } from "../certificates/request-record.js";
import type { OpAMPClientOptions } from "../options.js";
import { readNetworkSettings } from "../settings/network-settings.js";
import { readTakenSettings } from "../settings/taken-settings.js";
import { OfferReader } from "./offer-plan.js";
import { type Hinted, offeredHints } from "./offered-hints.js";
import { DAMAGED, forOtherOptions, isWhole } from "./settings-blobs.js";

/** The connection of a client as its next start would find it. */
export interface ConnectionLook {
  /** What it would dial, once nothing is on trial. */
  readonly settings: ConnectionSettings;
  /** The part of it that the server offered. */
  readonly snapshot: Snapshot;
  /** Where a redirect may lead; `undefined` for anywhere. */
  readonly mayLead: ((to: URL) => boolean) | undefined;
  /** Since when the server's count, in milliseconds since the Unix epoch; `undefined` where the options count. */
  readonly sinceMs: number | undefined;
  /** What is still to be proved, where there is such a thing. */
  readonly candidate: ConnectionSettings | undefined;
  /** Why that will not be tried; `undefined` where it will. */
  readonly refused: string | undefined;
  /** What to do about failures with it; `undefined` where the usual hints are right. */
  readonly hinted: Hinted | undefined;
  /** The signing request for which no certificate has come, where there is one. */
  readonly request: RequestRecord | undefined;
  /** Why settings that are stored would be put aside. */
  readonly putAside: string | undefined;
}

/**
 * Looks at what the store of a client holds of its own connection; nothing is saved.
 *
 * @param options those of the client; the store's failures are thrown
 * @returns `undefined` where the options let the server change nothing
 * @throws OpAMPError `ERR_OPAMP_OPTION`
 */
export async function lookAtConnection(options: OpAMPClientOptions): Promise<ConnectionLook | undefined> {
  const taken = readTakenSettings(options);
  if (taken?.opamp === undefined) return undefined;
  const { store, transport } = options;
  const { endpoints } = taken.opamp;
  const { tls, proxy } = readNetworkSettings(options);
  const own: OwnSettings = { url: String(options.url), headers: options.headers, tls, proxy };
  const reader = new OfferReader(own, taken.opamp, { isLasting: store?.lasting === true });
  const blobs = store?.blobs;
  const fingerprint = fingerprintOf(own, transport, taken.epoch);
  const byOptions: ConnectionLook = {
    settings: reader.laidOver(NO_SNAPSHOT),
    snapshot: NO_SNAPSHOT,
    mayLead: undefined,
    sinceMs: undefined,
    candidate: undefined,
    refused: undefined,
    hinted: undefined,
    request: taken.certificates && blobs && (await requestIn(blobs, fingerprint)),
    putAside: undefined,
  };
  const stored = (await store?.load())?.connection;
  if (stored === undefined || blobs === undefined) return byOptions;
  try {
    const changed = changedBetween(stored.fingerprint, fingerprint);
    if (changed.length > 0) throw new Error(forOtherOptions(changed));
    const { accepted } = stored;
    const snapshot = accepted === undefined ? NO_SNAPSHOT : await snapshotOf(accepted, blobs);
    const settings = accepted === undefined ? byOptions.settings : reader.checked(snapshot, NO_SNAPSHOT);
    const isHome = settings.endpoint.url.href === byOptions.settings.endpoint.url.href;
    const candidate = stored.candidate && (await snapshotOf(stored.candidate, blobs).catch(() => undefined));
    return {
      ...byOptions,
      settings,
      snapshot,
      mayLead: isHome ? undefined : (to) => isAllowed(to, { endpoints }),
      sinceMs: accepted?.at,
      hinted: offeredHints(own, settings, "committed", Date.now),
      candidate: candidate && reader.laidOver(candidate),
      refused: candidate && refusalOf(() => reader.checked(candidate, snapshot)),
    };
  } catch (cause) {
    return { ...byOptions, putAside: messageOf(cause) };
  }
}

function refusalOf(check: () => unknown): string | undefined {
  try {
    check();
    return undefined;
  } catch (cause) {
    return messageOf(cause);
  }
}

/** One that cannot be read is the next start's to tell of. */
async function requestIn(blobs: StoreBlobs, origin: string): Promise<RequestRecord | undefined> {
  const record = await new RequestFile(blobs, () => undefined).read(origin).catch(() => undefined);
  return record?.state === "issued" ? undefined : record;
}

async function snapshotOf({ blob }: StoredSettings, blobs: StoreBlobs): Promise<Snapshot> {
  const bytes = await blobs.read(blob);
  const snapshot = bytes !== undefined && isWhole(blob, bytes) ? decodeSnapshot(bytes) : undefined;
  if (snapshot === undefined) throw new Error(DAMAGED);
  return snapshot;
}
