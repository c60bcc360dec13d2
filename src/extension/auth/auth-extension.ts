import { fileSecret } from "../../auth/file-secret.js";
import { OpAMPError } from "../../errors.js";
import { checkHeader, type HeaderContext, type HeaderRecord } from "../../transport/settings/headers.js";
import type { SectionReader } from "../reader/section-reader.js";

/** What an auth extension of the Collector does to the headers of an attempt. */
export interface AuthExtension {
  /**
   * @param headers those so far, with names in lower case
   * @returns those that go out
   * @throws OpAMPError `ERR_OPAMP_AUTH`
   */
  apply(headers: HeaderRecord, context: HeaderContext): Promise<HeaderRecord>;
  /** Names, in lower case, that it may take away. Default: none. */
  readonly removes?: ReadonlySet<string>;
}

/** The component ids that name the same thing are written the same: spaces around either part do not count. */
export function componentId(text: string): string {
  return text
    .split("/")
    .map((part) => part.trim())
    .join("/");
}

/** Refuses a header that cannot be sent. */
export function checkSendable(block: SectionReader, key: string, name: string, value: string): void {
  try {
    checkHeader(name, value);
  } catch (cause) {
    if (!(cause instanceof OpAMPError)) throw cause;
    block.refuse(key, "cannot be sent as a header", cause.hint);
  }
}

/**
 * A secret that stands in the configuration, or in a file that counts for more and is read again each time.
 *
 * @returns `undefined` when neither is given
 */
export function readSecret(block: SectionReader, key: string, fileKey: string): (() => Promise<string>) | undefined {
  const text = (block.text(key) ?? "").replace(/[\r\n]+$/, "");
  const file = block.text(fileKey) ?? "";
  if (file !== "") {
    if (text !== "") block.note(key, `has no effect: ${fileKey} counts`);
    block.need(fileKey, { kind: "secret", name: file });
    const read = fileSecret(file);
    // As the Collector does with files, spaces around it included.
    return async () => (await read()).trim();
  }
  if (text === "") return undefined;
  if (/[\r\n\0]/.test(text)) block.refuse(key, "has a line break inside", "give a text of one line");
  return async () => text;
}
