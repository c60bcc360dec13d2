/** Pieces of DER (X.690) as bytes: as much of it as a signing request takes. */

const SEQUENCE = 0x30;
const SET = 0x31;
const CONTEXT = 0x80;
const CONSTRUCTED = 0x20;

export function sequence(...parts: readonly Uint8Array[]): Uint8Array {
  return tagged(SEQUENCE, ...parts);
}

/** A set of one, which needs no order. */
export function setOf(part: Uint8Array): Uint8Array {
  return tagged(SET, part);
}

/** A whole number from 0 to 127. */
export function smallInteger(value: number): Uint8Array {
  return tagged(0x02, Uint8Array.of(value));
}

export function bitString(bytes: Uint8Array): Uint8Array {
  // No bit of the last byte is unused.
  return tagged(0x03, Uint8Array.of(0), bytes);
}

export function octetString(bytes: Uint8Array): Uint8Array {
  return tagged(0x04, bytes);
}

export function nothing(): Uint8Array {
  return tagged(0x05);
}

/** @param dotted such as `2.5.4.3` */
export function objectIdentifier(dotted: string): Uint8Array {
  const [first = 0, second = 0, ...others] = dotted.split(".").map(Number);
  return tagged(0x06, Uint8Array.from([first * 40 + second, ...others].flatMap(base128)));
}

export function utf8String(text: string): Uint8Array {
  return tagged(0x0c, Buffer.from(text, "utf8"));
}

/** Letters, digits and few others. */
export function printableString(text: string): Uint8Array {
  return tagged(0x13, Buffer.from(text, "latin1"));
}

/** A value that its number in its context tells from others: bytes, or pieces in it. */
export function context(number: number, ...parts: readonly Uint8Array[]): Uint8Array {
  return tagged(CONTEXT | CONSTRUCTED | number, ...parts);
}

/** The same for ASCII text. */
export function contextText(number: number, text: string): Uint8Array {
  return tagged(CONTEXT | number, Buffer.from(text, "latin1"));
}

function tagged(tag: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const body = Buffer.concat(parts);
  return Buffer.concat([Uint8Array.from([tag, ...lengthOf(body.length)]), body]);
}

function lengthOf(length: number): readonly number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let left = length; left > 0; left = Math.floor(left / 0x100)) bytes.unshift(left % 0x100);
  return [0x80 | bytes.length, ...bytes];
}

/** Seven bits to a byte, the highest first; the top bit says that more follow. */
function base128(value: number): readonly number[] {
  const bytes = [value % 0x80];
  for (let left = Math.floor(value / 0x80); left > 0; left = Math.floor(left / 0x80))
    bytes.unshift(0x80 | (left % 0x80));
  return bytes;
}
