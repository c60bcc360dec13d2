/** One block of PEM text. */
export interface PemBlock {
  /** What kind of thing it is, such as `CERTIFICATE`. */
  label: string;
  /** Header lines of the old encryption of keys (RFC 1421), which belong to the text. */
  headers: readonly string[];
  /** In base64, without white space. */
  data: string;
}

const MARK = /-----(BEGIN|END) ([A-Z0-9 ]+?)-----/g;
const COMMENTED = /^[ \t]*#[ \t]*-----(BEGIN|END) [A-Z0-9 ]+-----[ \t]*$/gm;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;
const LINE = /.{1,64}/g;

/** The text of a file, in UTF-8 or as Windows writes UTF-16. */
export function decodedText(bytes: Uint8Array): string {
  const mark = Buffer.from(bytes.subarray(0, 2)).toString("hex");
  const encoding = { fffe: "utf-16le", feff: "utf-16be" }[mark] ?? "utf-8";
  return new TextDecoder(encoding).decode(bytes);
}

/**
 * Reads PEM text as people put it together: with anything between the blocks, blocks that share a line, indented lines,
 * any kind of line end, and byte order marks. OpenSSL passes over much of that without a word.
 *
 * @returns the blocks, or what is wrong with one of them, in words
 */
export function pemBlocks(given: string): readonly PemBlock[] | string {
  const text = given.replace(/\r\n?/g, "\n").replaceAll("\ufeff", "").replace(COMMENTED, "");
  const blocks: PemBlock[] = [];
  let open: { label: string; at: number } | undefined;
  for (const { 0: mark, 1: kind, 2: label = "", index } of text.matchAll(MARK)) {
    const called = `its block number ${blocks.length + 1}`;
    if (kind === "BEGIN") {
      if (open !== undefined) return `${called} (${open.label}) has no END line`;
      open = { label, at: index + mark.length };
      continue;
    }
    if (open === undefined) return `${called} (${label}) has no BEGIN line`;
    if (open.label !== label) return `${called} begins as ${open.label} and ends as ${label}`;
    const block = blockOf(label, text.slice(open.at, index));
    if (!BASE64.test(block.data)) return `${called} (${label}) holds something that is not base64`;
    blocks.push(block);
    open = undefined;
  }
  if (open !== undefined) return `its block number ${blocks.length + 1} (${open.label}) has no END line`;
  return blocks;
}

/** A block as OpenSSL wants it. */
export function pemText({ label, headers, data }: PemBlock): string {
  const above = headers.length === 0 ? [] : [...headers, ""];
  return [`-----BEGIN ${label}-----`, ...above, ...(data.match(LINE) ?? []), `-----END ${label}-----`, ""].join("\n");
}

function blockOf(label: string, body: string): PemBlock {
  const lines = body.split("\n").map((line) => line.trim());
  const isHeader = (line: string): boolean => line.includes(":");
  const data = lines.filter((line) => !isHeader(line)).join("");
  return { label, headers: lines.filter(isHeader), data: data.replace(/\s/g, "") };
}
