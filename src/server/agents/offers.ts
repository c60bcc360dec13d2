import { create } from "@bufbuild/protobuf";
import { sha256 } from "../../base/bytes.js";
import { OpAMPError } from "../../errors.js";
import {
  type AgentRemoteConfig,
  AgentRemoteConfigSchema,
  type ConnectionSettingsOffers,
  ConnectionSettingsOffersSchema,
} from "../../gen/opamp/v1/opamp_pb.js";

/** One file of a configuration on offer: its body, alone or with its media type. */
export type OfferedFile = string | Uint8Array | { body: string | Uint8Array; contentType?: string | undefined };

/**
 * Makes an offer of a remote configuration.
 *
 * @param files The files by name; a single file may have the empty name (CFG-07).
 * @param hash Default: SHA-256 over names, bodies and media types in the order given.
 */
export function configOffer(files: Readonly<Record<string, OfferedFile>>, hash?: Uint8Array): AgentRemoteConfig {
  const entries = Object.entries(files).map(([name, file]) => [name, fileOf(file)] as const);
  const parts = entries.flatMap(([name, { body, contentType }]) => [name, body, contentType]);
  return create(AgentRemoteConfigSchema, {
    config: { configMap: Object.fromEntries(entries) },
    configHash: hash ?? sha256(parts),
  });
}

/** Makes an offer of a heartbeat interval. Throws ERR_OPAMP_OPTION for other than whole seconds. */
export function heartbeatOffer(destinationEndpoint: string, seconds: number | bigint): ConnectionSettingsOffers {
  if (seconds < 0 || (typeof seconds === "number" && !Number.isSafeInteger(seconds))) {
    throw new OpAMPError("ERR_OPAMP_OPTION", `a heartbeat interval is a whole number of seconds, not ${seconds}`);
  }
  return create(ConnectionSettingsOffersSchema, {
    hash: sha256([destinationEndpoint, String(seconds)]),
    opamp: { destinationEndpoint, heartbeatIntervalSeconds: BigInt(seconds) },
  });
}

function fileOf(file: OfferedFile): { body: Uint8Array; contentType: string } {
  const { body, contentType = "" } = typeof file === "string" || file instanceof Uint8Array ? { body: file } : file;
  return { body: typeof body === "string" ? new TextEncoder().encode(body) : body, contentType };
}
