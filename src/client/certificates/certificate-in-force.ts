import { renewAt, type Validity, validityOf } from "../../connection-settings/certificates/renewal.js";
import type { ConnectionSettings } from "../../connection-settings/laid-over.js";
import type { Snapshot } from "../../connection-settings/snapshot.js";
import type { ConnectionEvent } from "../connection-options.js";

/** The connection that certificates are for. */
export interface CertifiedConnection {
  readonly inForce: ConnectionSettings;
  /** The part of it that the server offered. */
  readonly snapshot: Snapshot;
  readonly facts: ConnectionEvent;
}

/** When the certificate that the server gave is valid; `undefined` where it gave none. */
export function offeredValidity({ snapshot: { certificate } }: CertifiedConnection): Validity | undefined {
  return certificate ? validityOf(certificate.cert) : undefined;
}

/** When that one is to be followed by another, in milliseconds since the Unix epoch. */
export function renewalOf(connection: CertifiedConnection, renewBeforeMs: number | undefined): number | undefined {
  const validity = offeredValidity(connection);
  if (validity === undefined) return undefined;
  // Authorities date back; what counts is the time for which it can be of use.
  const since = connection.facts.since?.getTime() ?? 0;
  const from = Math.min(Math.max(validity.from, since), validity.until);
  return renewAt({ ...validity, from }, renewBeforeMs);
}
