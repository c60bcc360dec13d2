import type { OpAMPOffer } from "./read-offer.js";
import { refused } from "./refusal.js";
import type { Snapshot } from "./snapshot.js";

/** What an `opamp` offer means on top of what is in force. */
export type Overlay =
  /** The interval between heartbeats, in seconds, and nothing else (AMB-05). */
  | { readonly type: "interval"; readonly seconds: bigint }
  /** Other settings for the connection; the interval, if one is named, counts with them. */
  | { readonly type: "settings"; readonly next: Snapshot; readonly seconds: bigint | undefined };

/** How to read what an offer leaves open. */
export interface OverlayRules {
  /** An offer without a certificate leaves the one in force. Otherwise there is none afterwards (CONN-15). */
  readonly keepCertificate: boolean;
  /** An interval of 0, which is the same as none on the wire, turns heartbeats off (AMB-03). */
  readonly zeroIsOff: boolean;
}

/**
 * Lays an offer over the settings in force. A member that the offer does not name stays as it is, but for the certificate.
 *
 * @throws OpAMPError `ERR_OPAMP_SETTINGS` for an offer that names nothing (CONN-12)
 */
export function overlay(inForce: Snapshot, offer: OpAMPOffer, rules: OverlayRules): Overlay {
  const { heartbeatSeconds, certificate, endpoint, headers, tls, proxy } = offer;
  const seconds = secondsOf(heartbeatSeconds, rules);
  const isNamed = [endpoint, headers, certificate, tls, proxy].some((member) => member !== undefined);
  if (!isNamed) {
    if (seconds !== undefined) return { type: "interval", seconds };
    throw refused("opamp", "names nothing: its destination_endpoint is empty, and so is all else");
  }
  const next: Snapshot = {
    ...inForce,
    ...(endpoint !== undefined && { endpoint }),
    ...(headers !== undefined && { headers }),
    ...(tls !== undefined && { tls }),
    ...(proxy !== undefined && { proxy }),
    ...(certificate !== undefined && { certificate }),
    ...(certificate === undefined && !rules.keepCertificate && { certificate: null }),
  };
  return { type: "settings", next: Object.freeze(next), seconds };
}

/** The interval that an offer asks for. @param named `undefined` for 0, which is the same as none on the wire */
export function secondsOf(named: bigint | undefined, { zeroIsOff }: OverlayRules): bigint | undefined {
  return named ?? (zeroIsOff ? 0n : undefined);
}
