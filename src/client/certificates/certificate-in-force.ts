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

/** The times of the certificate in force. */
export class CertificateInForce {
  readonly #connection: CertifiedConnection;

  constructor(connection: CertifiedConnection) {
    this.#connection = connection;
  }

  /** Of the one that the server gave; `undefined` where it gave none. */
  get offered(): Validity | undefined {
    const { certificate } = this.#connection.snapshot;
    return certificate ? validityOf(certificate.cert) : undefined;
  }

  /** When the one that the server gave is to be followed by another, in milliseconds since the Unix epoch. */
  renewAt(renewBeforeMs: number | undefined): number | undefined {
    const validity = this.offered;
    if (validity === undefined) return undefined;
    // Authorities date back; what counts is the time for which it can be of use.
    const since = this.#connection.facts.since?.getTime() ?? 0;
    const from = Math.min(Math.max(validity.from, since), validity.until);
    return renewAt({ ...validity, from }, renewBeforeMs);
  }
}
