import type { EffectiveConfig } from "../../gen/opamp/v1/opamp_pb.js";

/** A file of an agent's effective configuration. */
export interface EffectiveFile {
  /** The content. */
  readonly body: Uint8Array;
  /** The media type, or empty. */
  readonly contentType: string;
  /** The body as UTF-8 text, with replacement characters for what is not UTF-8. */
  text(): string;
}

/** The files of a configuration by name, as a record without a prototype. */
export function effectiveFiles(config: EffectiveConfig | undefined): Record<string, EffectiveFile> {
  const files: Record<string, EffectiveFile> = Object.create(null);
  for (const [name, { body, contentType }] of Object.entries(config?.configMap?.configMap ?? {})) {
    files[name] = { body, contentType, text: () => new TextDecoder().decode(body) };
  }
  return files;
}
