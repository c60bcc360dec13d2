import type { Identity } from "./identity.js";
import type { Outgoing, Output } from "./io.js";
import type { Outbox } from "./outbox.js";
import { Part, type PartSet } from "./parts.js";
import type { Report } from "./report.js";

/** Makes the messages of one agent, and numbers them. */
export class Composer {
  readonly #identity: Identity;
  readonly #report: Report;
  readonly #outbox: Outbox;
  /** The number of the last message that left or may have left (D2). */
  #sequenceNum = 0n;
  /** What the last message held, in case it never leaves. */
  #lastParts: PartSet = 0;
  #lastCustom = false;

  constructor(identity: Identity, report: Report, outbox: Outbox) {
    this.#identity = identity;
    this.#report = report;
    this.#outbox = outbox;
  }

  /** A message with these parts; with none it only shows life (HB-05). */
  report(parts: PartSet, capabilities: bigint): Outgoing {
    this.#sequenceNum += 1n;
    const message: Outgoing = {
      instanceUid: this.#identity.uid,
      sequenceNum: this.#sequenceNum,
      capabilities,
    };
    if (parts !== 0) this.#report.take(parts, message);
    if ((parts & Part.uidRequest) !== 0) message.flags = 1n;
    this.#lastParts = parts;
    this.#lastCustom = false;
    return message;
  }

  /** A message with these parts and the next custom message, if there is anything to say at all. */
  next(parts: PartSet, capabilities: bigint): Outgoing | undefined {
    const custom = this.#outbox.take();
    if (parts === 0 && custom === undefined) return undefined;
    const message = this.report(parts, capabilities);
    if (custom !== undefined) message.customMessage = custom;
    this.#lastCustom = custom !== undefined;
    return message;
  }

  /** The last message to a server, with what is still to be told (CLOSE-01). */
  goodbye(parts: PartSet, capabilities: bigint): Outgoing {
    const message = this.report(parts, capabilities);
    message.agentDisconnect = {};
    return message;
  }

  /** The last message never left: its number is free again (D2). */
  unsent(): void {
    this.#sequenceNum -= 1n;
  }

  /** The last message is over the size limit: it never left, and what cannot be split is given up (SIZE-04). */
  oversized(out: Output[]): void {
    this.unsent();
    if (this.#lastCustom) {
      const id = this.#outbox.giveUpLast();
      if (id !== undefined) out.push({ type: "customSettled", id, fate: "oversized" });
      this.#report.mark(this.#lastParts);
      return;
    }
    const parts = this.#report.oversized(this.#lastParts);
    if (parts !== 0) out.push({ type: "notice", notice: { kind: "dropped", parts, why: "oversized" } });
  }
}
