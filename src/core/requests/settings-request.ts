import type { ConnectionSettingsRequest } from "../../gen/opamp/v1/opamp_pb.js";
import { has, serverCapabilityTable } from "../capabilities.js";
import type { Output } from "../io.js";
import type { Report } from "../report.js";

/** No message has this number. */
const NONE = 0;

/**
 * What the agent asks of its server for the connection: a certificate. It travels alone, so that nothing is dropped with
 * it where the server refuses it, and behind everything that has an answer, so that its answer is its own. It is sent until
 * that answer has come, and then not again (CERT-06).
 */
export class SettingsRequest {
  readonly #report: Report;
  #value: ConnectionSettingsRequest | undefined;
  /** The server of this connection has declared before that it takes requests; not all say so again. */
  #isTaken = false;
  /** The number of the message that carries it, while that has no answer. */
  #sentIn = NONE;
  /** The same, once there was an answer. */
  #answeredIn = NONE;

  constructor(report: Report) {
    this.#report = report;
  }

  /** Replaces the request, whatever became of the one before; `undefined` takes it back. */
  set(value: ConnectionSettingsRequest | undefined, isTaken: boolean): void {
    this.#value = value;
    this.#isTaken = isTaken;
    this.#sentIn = NONE;
    this.#answeredIn = NONE;
  }

  /** Whether it is to be sent, to a server that has declared that it takes it. */
  get isDue(): boolean {
    const { capabilities, serverCapabilities } = this.#report;
    const isDeclared = (serverCapabilities & serverCapabilityTable.acceptsConnectionSettingsRequest) !== 0n;
    const isTaken = isDeclared || (serverCapabilities === 0n && this.#isTaken);
    const isWaiting = this.#value !== undefined && this.#sentIn === NONE;
    return isWaiting && isTaken && has(capabilities, "acceptsOpAMPConnectionSettings");
  }

  /** It leaves with this message. */
  take(messageNo: number): ConnectionSettingsRequest | undefined {
    this.#sentIn = messageNo;
    return this.#value;
  }

  /** Its message may not have arrived, or has no answer, and its connection is gone. */
  restore(): void {
    this.#sentIn = NONE;
  }

  /** This message never left. */
  unsent(messageNo: number): void {
    if (this.#sentIn === messageNo) this.restore();
  }

  /** The server has answered up to this message. */
  answered(messageNo: number, out: Output[]): void {
    if (this.#isIn(messageNo)) this.#settle("answered", out);
  }

  /** The server has refused this message. What it pushed before that may have looked like the answer. */
  refused(messageNo: number, text: string, out: Output[]): void {
    if (!this.#isIn(messageNo) && this.#answeredIn !== messageNo) return;
    this.#settle("refused", out, text);
    this.#answeredIn = NONE;
  }

  /** It is too large for a message. @returns whether it was in this one */
  oversized(messageNo: number, out: Output[]): boolean {
    if (!this.#isIn(messageNo)) return false;
    this.#settle("refused", out, "it is larger than a message may be");
    return true;
  }

  #isIn(messageNo: number): boolean {
    return this.#sentIn !== NONE && this.#sentIn <= messageNo;
  }

  #settle(fate: "answered" | "refused", out: Output[], text = ""): void {
    this.#answeredIn = this.#sentIn;
    this.#sentIn = NONE;
    this.#value = undefined;
    out.push({ type: "settingsRequest", fate, text });
  }
}
