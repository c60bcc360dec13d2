import { sameBytes } from "../base/bytes.js";
/** Who the agent is, who it was, and whether the server is asked for a name. */
export class Identity {
  #uid: Uint8Array;
  #previous: Uint8Array | undefined;
  #wanted: boolean;

  constructor(uid: Uint8Array, wanted: boolean) {
    this.#uid = uid;
    this.#wanted = wanted;
  }

  get uid(): Uint8Array {
    return this.#uid;
  }

  /** The server is to make the uid, and has not yet (UID-04). */
  get wanted(): boolean {
    return this.#wanted;
  }

  /** A uid that was kept from an earlier life: nothing has to be asked for. */
  restore(uid: Uint8Array): void {
    this.#uid = uid;
    this.#wanted = false;
  }

  /** Whether a message with this uid is for this agent: its own, the one just replaced, or none (D10). */
  owns(uid: Uint8Array): boolean {
    return uid.length === 0 || sameBytes(uid, this.#uid) || sameBytes(uid, this.#previous);
  }

  /**
   * Takes a uid made by the server (UID-05).
   *
   * @returns whether it is another one
   */
  adopt(uid: Uint8Array): boolean {
    this.#wanted = false;
    if (sameBytes(uid, this.#uid)) return false;
    this.#previous = this.#uid;
    this.#uid = new Uint8Array(uid);
    return true;
  }
}
