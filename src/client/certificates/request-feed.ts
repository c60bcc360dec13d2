import { create } from "@bufbuild/protobuf";
import { serverCapabilityTable } from "../../core/capabilities.js";
import type { Input } from "../../core/io.js";
import { ConnectionSettingsRequestSchema } from "../../gen/opamp/v1/opamp_pb.js";
import { isSecure } from "../../transport/url/endpoint.js";
import type { WarningEvent } from "../events.js";
import type { CertifiedConnection } from "./certificate-in-force.js";

const TAKES_REQUESTS = serverCapabilityTable.acceptsConnectionSettingsRequest;

/** Hands a request to the core, or takes it back: it leaves over verified TLS alone. */
export class RequestFeed {
  readonly #connection: CertifiedConnection;
  readonly #feed: (input: Input) => void;
  readonly #warn: (event: WarningEvent) => void;
  /** What the core has, and whether it was told that this server takes it. */
  #csr: string | undefined;
  #isTaken = false;
  /** The host that declared last that it takes requests; over HTTP it may not say so again. */
  #taker: string | undefined;
  #isWithheldTold = false;

  constructor(connection: CertifiedConnection, feed: (input: Input) => void, warn: (event: WarningEvent) => void) {
    this.#connection = connection;
    this.#feed = feed;
    this.#warn = warn;
  }

  /** Whether the core has one to send. */
  get isSet(): boolean {
    return this.#csr !== undefined;
  }

  /** The host of the server in force. */
  get host(): string {
    return this.#connection.inForce.endpoint.url.hostname;
  }

  /** The server in force declares this. */
  declared(mask: bigint): void {
    if ((mask & TAKES_REQUESTS) !== 0n) this.#taker = this.host;
    else if (this.#taker === this.host) this.#taker = undefined;
  }

  /** Has the core send this request, in PEM; none for `undefined`. */
  set(csr: string | undefined): void {
    const { endpoint, tls } = this.#connection.inForce;
    const isEncrypted = isSecure(endpoint.url.protocol);
    const isVerified = isEncrypted && tls?.insecureSkipVerify !== true;
    if (csr !== undefined && !isVerified) this.#tellWithheld(isEncrypted);
    // A server on trial gets none: what it is, and how it is reached, is not settled yet.
    const next = isVerified && this.#connection.facts.state !== "verifying" ? csr : undefined;
    const isTaken = this.#taker === this.host;
    if (next === this.#csr && (next === undefined || isTaken === this.#isTaken)) return;
    this.#csr = next;
    this.#isTaken = isTaken;
    if (next === undefined) return this.#feed({ type: "requestSettings" });
    const certificateRequest = { csr: new TextEncoder().encode(next) };
    const request = create(ConnectionSettingsRequestSchema, { opamp: { certificateRequest } });
    this.#feed({ type: "requestSettings", request, isTaken });
  }

  /** The core has it no longer. */
  settled(): void {
    this.#csr = undefined;
  }

  /** Another connection is in force: what that one does not allow ends at once. */
  again(): void {
    this.set(this.#csr);
  }

  #tellWithheld(isEncrypted: boolean): void {
    if (this.#isWithheldTold) return;
    this.#isWithheldTold = true;
    const why = isEncrypted ? "the server's certificate is not verified" : "the connection is not encrypted";
    const hint = isEncrypted
      ? "take insecureSkipVerify away, and give the authority as tls.ca"
      : "use a wss or https URL";
    this.#warn({ code: "certificate-not-requested", message: `no certificate is requested: ${why}`, hint });
  }
}
