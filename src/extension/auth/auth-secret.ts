import { fileSecret } from "../../auth/file-secret.js";
import type { SectionReader } from "../reader/section-reader.js";

/**
 * A secret that stands in the configuration, or in a file that counts for more and is read anew each time.
 *
 * @returns `undefined` when neither is given
 */
export function readSecret(block: SectionReader, key: string, fileKey: string): (() => Promise<string>) | undefined {
  const text = (block.text(key) ?? "").replace(/[\r\n]+$/, "");
  const file = block.text(fileKey) ?? "";
  if (file !== "") return trimmed(fileSecret(file));
  if (text === "") return undefined;
  if (/[\r\n\0]/.test(text)) throw block.wrong(key, "has a line break inside", "give a text of one line");
  return async () => text;
}

/** As the Collector does with files, spaces around it included. */
function trimmed(secret: () => Promise<string>): () => Promise<string> {
  return async () => (await secret()).trim();
}
