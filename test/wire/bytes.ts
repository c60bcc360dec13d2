/** Bytes from hexadecimal text; spaces are for the reader. */
export function bytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex"));
}

/** Upper-case hexadecimal text of bytes, spaced as {@link bytes} takes it. */
export function hex(data: Uint8Array): string {
  return Array.from(data, (byte) => byte.toString(16).padStart(2, "0").toUpperCase()).join(" ");
}

/** The 16 bytes 00 to 0F. */
export const uid = Uint8Array.from({ length: 16 }, (_, index) => index);

/** A length-delimited field: tag, length as a varint, content. */
export function field(number: number, content: Uint8Array): Uint8Array {
  return concat(varint((number << 3) | 2), varint(content.length), content);
}

/** A varint of a safe integer. */
export function varint(value: number): Uint8Array {
  const out: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    out.push((rest % 128) | 0x80);
    rest = Math.floor(rest / 128);
  }
  return Uint8Array.from([...out, rest]);
}

/** Bytes one after the other. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}
