import { attempt } from "../../base/checks.js";

/** A text, and what of it may be read in another way: each two characters of ASCII are one of UTF-16. */
export interface Decoded {
  text: string;
  /** Empty where there is no doubt. */
  otherReading: string;
}

interface Encoding {
  readonly mark: readonly number[];
  decode(bytes: Uint8Array): string | undefined;
}

const MARKED: readonly Encoding[] = [
  // Those of UTF-32 first: one begins as that of UTF-16 does.
  { mark: [0xff, 0xfe, 0, 0], decode: (bytes) => utf32(bytes, true) },
  { mark: [0, 0, 0xfe, 0xff], decode: (bytes) => utf32(bytes, false) },
  { mark: [0xff, 0xfe], decode: (bytes) => utf16(bytes) },
  { mark: [0xfe, 0xff], decode: (bytes) => utf16(swapped(bytes)) },
];
/** What no text has, but for white space. */
const CONTROL = /[^\P{Cc}\t\n\v\f\r\x80-\x9f]/u;
/** What Windows-1252 has from 80 to 9f; a space is none. */
const FROM_80 =
  "\u20ac \u201a\u0192\u201e\u2026\u2020\u2021\u02c6\u2030\u0160\u2039\u0152 \u017d  \u2018\u2019\u201c\u201d\u2022\u2013\u2014\u02dc\u2122\u0161\u203a\u0153 \u017e\u0178";
/** Of text in UTF-16 whose first 256 characters are those of Latin-1, this share at least: keys and white space are. */
const LEAST_LATIN = 1 / 4;

/**
 * The text in bytes: UTF-8; UTF-16 and UTF-32 with a byte order mark; UTF-16 without one, where it is for the most part
 * Latin; what else has no control characters is taken for Windows-1252. The mark of UTF-8 stays, others go.
 *
 * @returns `undefined` for what is not text in any of these
 */
export function decodeConfig(bytes: Uint8Array): Decoded | undefined {
  const marked = MARKED.find(({ mark }) => mark.every((byte, at) => bytes[at] === byte));
  if (marked !== undefined) return decoded(marked.decode(bytes.subarray(marked.mark.length)));
  if (bytes.includes(0)) return decoded(unmarkedUtf16(bytes));
  const utf8 = attempt(() => new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes));
  if (utf8 !== undefined) return { text: utf8, otherReading: "" };
  const text = windows1252(bytes);
  return CONTROL.test(text) ? undefined : { text, otherReading: "" };
}

function decoded(text: string | undefined): Decoded | undefined {
  return text === undefined || CONTROL.test(text)
    ? undefined
    : { text, otherReading: `${pairsOfAscii(text, false)}\n${pairsOfAscii(text, true)}` };
}

/** Node 20 takes it for Latin-1. */
function windows1252(bytes: Uint8Array): string {
  const latin1 = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");
  return latin1.replace(/[\x80-\x9f]/g, (control) => FROM_80.charAt(control.charCodeAt(0) - 0x80));
}

function utf16(bytes: Uint8Array): string | undefined {
  return attempt(() => new TextDecoder("utf-16le", { fatal: true, ignoreBOM: true }).decode(bytes));
}

function swapped(bytes: Uint8Array): Uint8Array {
  return bytes.length % 2 === 0 ? Buffer.from(bytes).swap16() : bytes;
}

function utf32(bytes: Uint8Array, littleEndian: boolean): string | undefined {
  if (bytes.length % 4 !== 0) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const utf16 = Buffer.alloc(bytes.length);
  return attempt(() => {
    let end = 0;
    for (let at = 0; at < bytes.length; at += 4) {
      end += utf16.write(String.fromCodePoint(view.getUint32(at, littleEndian)), end, "utf16le");
    }
    return new TextDecoder("utf-16le", { fatal: true, ignoreBOM: true }).decode(utf16.subarray(0, end));
  });
}

/** Where all bytes that are zero are the upper ones. */
function unmarkedUtf16(bytes: Uint8Array): string | undefined {
  const zeros = [0, 0];
  for (const [at, byte] of bytes.entries()) if (byte === 0) zeros[at % 2] = (zeros[at % 2] ?? 0) + 1;
  const [even = 0, odd = 0] = zeros;
  if (Math.min(even, odd) > 0 || Math.max(even, odd) < (bytes.length / 2) * LEAST_LATIN) return undefined;
  return utf16(odd > 0 ? bytes : swapped(bytes));
}

/** Files are appended to in other encodings: where that makes characters of UTF-16, what it may have been. */
function pairsOfAscii(text: string, bigEndian: boolean): string {
  let pairs = "";
  let isInside = false;
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at);
    const [low, high] = [unit & 0xff, unit >> 8];
    const isPair = isAscii(low) && isAscii(high);
    if (isPair) pairs += bigEndian ? String.fromCharCode(high, low) : String.fromCharCode(low, high);
    else if (isInside) pairs += "\n";
    isInside = isPair;
  }
  return pairs;
}

function isAscii(byte: number): boolean {
  return (byte >= 0x20 && byte < 0x7f) || (byte >= 0x09 && byte <= 0x0d);
}
