import type { Outgoing } from "../../../src/core/io.js";
import { type PartName, partNames } from "../../../src/core/parts.js";
import type { ServerToAgent } from "../../../src/gen/opamp/v1/opamp_pb.js";
import { message } from "../harness.js";
import { hash, uid } from "../values.js";
import { customNames, type Extras } from "./walk-actions.js";

/** What a server makes of the messages of one agent, and what it says. */
export class WalkServer {
  /** The agent's state as the server has it. */
  readonly known = new Map<PartName, unknown>();
  readonly #noticesGaps: boolean;
  #lastNumber = 0n;
  /** Something did not arrive, or was not taken in: the next answer asks for everything. */
  gap = false;

  constructor(noticesGaps: boolean) {
    this.#noticesGaps = noticesGaps;
  }

  /** Takes in what a message says. */
  take(outgoing: Outgoing): void {
    this.#count(outgoing);
    for (const name of partNames) {
      if (outgoing[name] !== undefined) this.known.set(name, outgoing[name]);
    }
  }

  /** Takes note that there was a message, and nothing more. */
  refuse(outgoing: Outgoing): void {
    this.#count(outgoing);
  }

  /** The answer to a message that was taken in. */
  answer(extras: Extras): ServerToAgent {
    const flags = this.gap ? (extras.flags ?? 0) | 1 : (extras.flags ?? 0);
    this.gap = false;
    return saying({ ...extras, flags, ...(flags === 0 ? {} : { command: false }) });
  }

  #count({ sequenceNum }: Outgoing): void {
    if (this.#noticesGaps && sequenceNum !== this.#lastNumber + 1n) this.gap = true;
    this.#lastNumber = sequenceNum;
  }
}

/** A message with these things in it. */
export function saying(extras: Extras): ServerToAgent {
  const { offer, offerWithoutConfig, flags, newUid, heartbeatSeconds, capabilities, customCapabilities, command } =
    extras;
  return message({
    ...(command === true ? { command: {} } : {}),
    ...(flags === undefined ? {} : { flags: BigInt(flags) }),
    ...(capabilities === undefined ? {} : { capabilities: BigInt(capabilities) }),
    ...(newUid === undefined ? {} : { agentIdentification: { newInstanceUid: uid(newUid) } }),
    ...(heartbeatSeconds === undefined
      ? {}
      : { connectionSettings: { opamp: { heartbeatIntervalSeconds: BigInt(heartbeatSeconds) } } }),
    ...(offer === undefined
      ? {}
      : {
          remoteConfig: {
            configHash: hash(offer),
            ...(offerWithoutConfig === true ? {} : { config: { configMap: {} } }),
          },
        }),
    ...(customCapabilities === undefined
      ? {}
      : { customCapabilities: { capabilities: customCapabilities.map((each) => customNames[each] ?? "") } }),
  });
}
