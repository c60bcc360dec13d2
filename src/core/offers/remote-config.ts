import { digestOfFiles } from "../../base/bytes.js";
import { capabilityTable } from "../capabilities.js";
import type { OfferRow } from "./offer-row.js";

/** Remote configuration: one offer is a whole set of files. */
export const remoteConfig: OfferRow = {
  kind: "remoteConfig",
  accepts: capabilityTable.acceptsRemoteConfig.bit,
  field: "remoteConfig",
  part: "remoteConfigStatus",
  what: "remote config",
  incomplete: "a remote config hash without a config",
  changesEffectiveConfig: true,
  storedFirst: false,
  find({ remoteConfig: offer }) {
    if (offer === undefined) return undefined;
    const { configHash: hash, config } = offer;
    const digest = hash.length === 0 && config !== undefined ? digestOfFiles(config.configMap) : undefined;
    // The message's bytes belong to a network buffer; what is kept is a copy.
    return { hash, offered: config && { kind: "remoteConfig", hash: new Uint8Array(hash), digest, offer } };
  },
};
