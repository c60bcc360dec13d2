import { createHash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { StoredConfig, StoredFile } from "./store.js";

const NEWLINE = 0x0a;
/** How much is hashed before others have their turn. */
const SLICE_BYTES = 4 * 1024 * 1024;
const NAME = /^config-[0-9a-f]{64}$/;

/** What the first line says of a file. */
interface Entry {
  name: string;
  contentType: string;
  bytes: number;
}

/** Whether a file of a store holds a config. */
export function isConfigFile(name: string): boolean {
  return NAME.test(name);
}

/** A config as a file: a line of JSON that lists the files, and their bodies as they are. */
export function encodeConfig(files: StoredConfig["files"]): readonly Uint8Array[] {
  const entries = Object.entries(files);
  const list = entries.map(([name, { body, contentType }]): Entry => ({ name, contentType, bytes: body.length }));
  return [Buffer.from(`${JSON.stringify({ files: list })}\n`), ...entries.map(([, { body }]) => body)];
}

/** The name that such a file has, which says all about what is in it. */
export async function configFileName(chunks: Iterable<Uint8Array>): Promise<string> {
  const hash = createHash("sha256");
  let hashed = 0;
  for (const chunk of chunks) {
    for (let at = 0; at < chunk.length; at += SLICE_BYTES) {
      const slice = chunk.subarray(at, at + SLICE_BYTES);
      hash.update(slice);
      hashed += slice.length;
      if (hashed < SLICE_BYTES) continue;
      hashed = 0;
      await nextTurn();
    }
  }
  return `config-${hash.digest("hex")}`;
}

/**
 * The opposite of {@link encodeConfig}. The bodies are parts of the bytes given.
 *
 * @throws Error where these are no such file
 */
export function decodeConfig(bytes: Uint8Array): Readonly<Record<string, StoredFile>> {
  let at = bytes.indexOf(NEWLINE) + 1;
  const { files: list }: { files: readonly Entry[] } = JSON.parse(Buffer.from(bytes.subarray(0, at)).toString());
  const files: Record<string, StoredFile> = Object.create(null);
  for (const { name, contentType, bytes: length } of list) {
    files[name] = { body: new Uint8Array(bytes.buffer, bytes.byteOffset + at, length), contentType };
    at += length;
  }
  if (at !== bytes.length) throw new RangeError("it is longer or shorter than its first line says");
  return files;
}
