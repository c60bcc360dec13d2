import { digestOfFiles } from "../../base/bytes.js";
import type { OfferStatus } from "../../core/parts.js";
import type { StoredConfig } from "../../store/store.js";
import { fromStoredConfig, toRemoteConfig, toStoredOutcome } from "../../values/config-files.js";
import type { OfferHandler } from "./handler-row.js";

/** Remote configuration, as its handler and the store see it. */
export const remoteConfig: OfferHandler<"remoteConfig"> = {
  title: "Remote config",
  capabilities: ["acceptsRemoteConfig", "reportsRemoteConfig"],
  members: ["apply"],
  optional: ["validate"],
  hint: "the server gets this message as the reason why the offer failed",
  read: toRemoteConfig,
  restore: ({ remoteConfig: status, lastGoodConfig }) => ({
    status: status && identified(status, lastGoodConfig),
    applied: lastGoodConfig && fromStoredConfig(lastGoodConfig),
  }),
  store: toStoredOutcome,
};

/** A store that says nothing of what was applied without a hash may still hold it. */
function identified(status: OfferStatus, lastGood: StoredConfig | undefined): OfferStatus {
  const isKnown = status.hash.length > 0 || status.digest !== undefined || status.status !== "applied";
  if (isKnown || lastGood === undefined || lastGood.hash.length > 0) return status;
  return { ...status, digest: digestOfFiles(lastGood.files) };
}
