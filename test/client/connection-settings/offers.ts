import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type OpAMPOffer, readOpAMPOffer } from "../../../src/connection-settings/read-offer.js";
import { OpAMPError } from "../../../src/errors.js";
import {
  type ConnectionSettingsOffersSchema,
  OpAMPConnectionSettingsSchema,
} from "../../../src/gen/opamp/v1/opamp_pb.js";

/** An `opamp` offer as a test writes it. */
export type OfferInit = MessageInitShape<typeof OpAMPConnectionSettingsSchema>;

/** An offer of settings of any kind, without its hash. */
export type OffersInit = Omit<MessageInitShape<typeof ConnectionSettingsOffersSchema>, "hash" | "$typeName">;

/** The wall clock of these tests; certificates are made around it. */
export const NOW = Date.now();

export function read(offer: OfferInit): OpAMPOffer {
  return readOpAMPOffer(create(OpAMPConnectionSettingsSchema, offer), NOW);
}

/** The text of the refusal that a call ends in. */
export function refusal(call: () => unknown): string {
  try {
    call();
  } catch (cause) {
    if (cause instanceof OpAMPError && cause.code === "ERR_OPAMP_SETTINGS") return `${cause.message} (${cause.hint})`;
    throw cause;
  }
  throw new Error("it was not refused");
}

export function headers(...pairs: readonly (readonly [string, string])[]) {
  return { headers: pairs.map(([key, value]) => ({ key, value })) };
}

export function bytes(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
