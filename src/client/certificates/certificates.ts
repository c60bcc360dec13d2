import type { CertificateRequestState } from "../certificate-options.js";
import type { CertifiableConnection, CertificateParts, CertificateRequests } from "./certificate-requests.js";

/** Requests for certificates as the rest of the client sees them: what they take is loaded when the client starts. */
export class Certificates {
  readonly #parts: Omit<CertificateParts, "connection" | "isHeld">;
  #requests: CertificateRequests | undefined;
  #isAsked = false;
  #isApplying = false;
  #requestedKey: string | undefined;

  constructor(parts: Omit<CertificateParts, "connection" | "isHeld">) {
    this.#parts = parts;
  }

  /** The private keys that a certificate may be for which comes without one, in PEM. */
  get keys(): readonly string[] {
    return this.#requests?.keys ?? [];
  }

  /** Whether a certificate for this key is what the agent waits for: once for each, so that requests bound such moves. */
  isRequested(key: string | undefined): boolean {
    const isNew = key !== undefined && key !== this.#requestedKey && this.keys.includes(key);
    if (isNew) this.#requestedKey = key;
    return isNew;
  }

  /** `undefined` where there is no request, or its certificate is in force. */
  get state(): CertificateRequestState | undefined {
    return this.#requests?.state;
  }

  /** Takes up what an earlier process left of the requests for this connection. */
  async restore(connection: CertifiableConnection): Promise<void> {
    const { CertificateRequests: Requests } = await import("./certificate-requests.js");
    const requests = new Requests({ ...this.#parts, connection, isHeld: () => this.#isApplying });
    await requests.restore();
    this.#requests = requests;
  }

  /** The client has its instance uid, and begins to connect. */
  started(): void {
    this.#requests?.started();
    if (this.#isAsked) this.#requests?.ask();
  }

  /** An offer is being applied, or no longer: a certificate that came meanwhile would supersede the rest of it. */
  applying(isApplying: boolean): void {
    this.#isApplying = isApplying;
    if (!isApplying) this.#requests?.review();
  }

  /** The host wants a certificate now. */
  ask(): void {
    this.#isAsked = true;
    this.#requests?.ask();
  }

  declared(mask: bigint): void {
    this.#requests?.declared(mask);
  }

  settled(fate: "answered" | "refused", text: string): void {
    this.#requests?.settled(fate, text);
  }

  attemptFailed(): void {
    this.#requests?.attemptFailed();
  }

  connectionMoved(): void {
    this.#requests?.connectionMoved();
  }

  renamed(): void {
    this.#requests?.review();
  }

  async stop(): Promise<void> {
    await this.#requests?.stop();
  }
}
