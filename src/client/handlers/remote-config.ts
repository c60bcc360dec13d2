import { fromStoredConfig, toRemoteConfig, toStoredOutcome } from "../../values/config-files.js";
import type { OfferHandler } from "./handler-row.js";

/** Remote configuration, as its handler and the store see it. */
export const remoteConfig: OfferHandler<"remoteConfig"> = {
  title: "Remote config",
  capabilities: ["acceptsRemoteConfig", "reportsRemoteConfig"],
  members: ["apply"],
  optional: ["validate"],
  read: toRemoteConfig,
  restore: ({ remoteConfig: status, lastGoodConfig }) => ({
    status,
    applied: lastGoodConfig && fromStoredConfig(lastGoodConfig),
  }),
  store: toStoredOutcome,
};
