import { isUint8Array } from "node:util/types";
import { create } from "@bufbuild/protobuf";
import { bytesOf, sha256 } from "../../base/bytes.js";
import { isObject, isRecord, isThenable, member, wrongKind } from "../../base/checks.js";
import { checkByRules, isText, isTextOrBytes, type RulesFor } from "../../base/rules.js";
import { type AgentRemoteConfig, AgentRemoteConfigSchema } from "../../gen/opamp/v1/opamp_pb.js";

/** One file of a configuration on offer: its body, alone or with its media type. */
export type OfferedFile = string | Uint8Array | { body: string | Uint8Array; contentType?: string | undefined };

const FILE = { body: isTextOrBytes, contentType: isText } satisfies RulesFor<Exclude<OfferedFile, string | Uint8Array>>;

/**
 * Makes an offer of a remote configuration. Throws ERR_OPAMP_OPTION naming what is not a file.
 *
 * @param files The files by name; a single file may have the empty name (CFG-07).
 * @param hash Default: SHA-256 over names, bodies and media types in the order given.
 */
export function configOffer(files: Readonly<Record<string, OfferedFile>>, hash?: Uint8Array): AgentRemoteConfig {
  if (!isRecord(files)) throw wrongKind("files", "a record of files by name", files);
  const entries = Object.entries(files).map(([name, file]) => [name, fileOf(file, member("files", name))] as const);
  const parts = entries.flatMap(([name, { body, contentType }]) => [name, body, contentType]);
  return create(AgentRemoteConfigSchema, {
    config: { configMap: Object.fromEntries(entries) },
    configHash: hash ?? sha256(parts),
  });
}

function fileOf(file: OfferedFile, where: string): { body: Uint8Array; contentType: string } {
  const isBare = typeof file === "string" || isUint8Array(file);
  if (!isBare && (!isObject(file) || isThenable(file))) {
    throw wrongKind(where, "a string, a Uint8Array or { body, contentType }", file);
  }
  if (!isBare) checkByRules(where, file, FILE, ["body"]);
  const { body, contentType = "" } = isBare ? { body: file } : file;
  return { body: bytesOf(body), contentType };
}
