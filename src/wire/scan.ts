import type { DescMessage } from "@bufbuild/protobuf";
import { MAX_MESSAGE_DEPTH, MAX_MESSAGE_FIELDS } from "./limits.js";
import { type FieldShape, type MessageShape, shapeOf, shapes, WireType } from "./message-shape.js";

/** Where the scan is, and what it may still meet. */
interface Cursor {
  readonly bytes: Uint8Array;
  at: number;
  fieldsLeft: number;
  fault: string;
}

/** What {@link scan} says of a message that is well formed, but too much of it. */
export const TOO_MANY_FIELDS = `more than ${MAX_MESSAGE_FIELDS} fields`;

const CUT_SHORT = "a field is longer than what holds it";
const TOO_DEEP = `nested over the limit of ${MAX_MESSAGE_DEPTH} messages`;
const MAX_VARINT_BYTES = 10;
const MAX_UINT32 = 0xffffffff;

/**
 * Walks over a serialized message without decoding it, since what is small on the wire can be a hundred times as large in
 * memory: a decoder makes an object of every two bytes (SEC-01).
 *
 * Whatever passes has at most {@link MAX_MESSAGE_FIELDS} fields, each with the wire type that the schema gives it and
 * within the message that holds it, and nests at most {@link MAX_MESSAGE_DEPTH} deep. Text is not checked for UTF-8. Never
 * throws, and allocates nothing that depends on the message.
 *
 * @returns what is wrong, in a few words that quote nothing; `undefined` if nothing is
 */
export function scan(schema: DescMessage, bytes: Uint8Array): string | undefined {
  const cursor: Cursor = { bytes, at: 0, fieldsLeft: MAX_MESSAGE_FIELDS, fault: "" };
  return passes(cursor, shapes.get(schema) ?? shapeOf(schema), bytes.length, 1) ? undefined : cursor.fault;
}

function passes(cursor: Cursor, shape: MessageShape, end: number, depth: number): boolean {
  if (depth > MAX_MESSAGE_DEPTH) return fail(cursor, TOO_DEEP);
  while (cursor.at < end) {
    const tag = tagAt(cursor, end);
    if (tag < 0) return false;
    const field = shape.fields[tag >>> 3];
    const ok = field === undefined ? skips(cursor, tag, end, depth) : passesField(cursor, field, tag & 7, end, depth);
    if (!ok) return false;
  }
  return true;
}

function passesField(cursor: Cursor, field: FieldShape, wireType: number, end: number, depth: number): boolean {
  if (wireType !== field.wireType) {
    // Decoders take a list of numbers in either form.
    if (wireType === WireType.Length && field.isPackable) return passesPacked(cursor, field.wireType, end);
    return fail(cursor, "a field has another type than it should have");
  }
  const { message } = field;
  if (message === undefined) return skipsValue(cursor, wireType, end);
  const childEnd = lengthEnd(cursor, end);
  if (childEnd < 0) return false;
  return passes(cursor, message, childEnd, message.isMapEntry ? depth : depth + 1);
}

/** A list of numbers without tags: each of them counts. */
function passesPacked(cursor: Cursor, wireType: number, end: number): boolean {
  const listEnd = lengthEnd(cursor, end);
  if (listEnd < 0) return false;
  while (cursor.at < listEnd) {
    if (!counts(cursor) || !skipsValue(cursor, wireType, listEnd)) return false;
  }
  return true;
}

/** A field that the schema does not know; what is in a group counts too. */
function skips(cursor: Cursor, tag: number, end: number, depth: number): boolean {
  const wireType = tag & 7;
  return wireType === WireType.StartGroup
    ? skipsGroup(cursor, tag >>> 3, end, depth + 1)
    : skipsValue(cursor, wireType, end);
}

function skipsGroup(cursor: Cursor, number: number, end: number, depth: number): boolean {
  if (depth > MAX_MESSAGE_DEPTH) return fail(cursor, TOO_DEEP);
  for (;;) {
    const tag = tagAt(cursor, end);
    if (tag < 0) return false;
    if ((tag & 7) === WireType.EndGroup) return tag >>> 3 === number || fail(cursor, "a group ends as another one");
    if (!skips(cursor, tag, end, depth)) return false;
  }
}

function skipsValue(cursor: Cursor, wireType: number, end: number): boolean {
  switch (wireType) {
    case WireType.Varint:
      return varintAt(cursor, end) >= 0;
    case WireType.Bit64:
      return skipsBytes(cursor, 8, end);
    case WireType.Bit32:
      return skipsBytes(cursor, 4, end);
    case WireType.Length: {
      const next = lengthEnd(cursor, end);
      if (next < 0) return false;
      cursor.at = next;
      return true;
    }
    default:
      return fail(cursor, "a group ends that has not begun");
  }
}

function skipsBytes(cursor: Cursor, count: number, end: number): boolean {
  cursor.at += count;
  return cursor.at <= end || fail(cursor, CUT_SHORT);
}

/** The next tag, counted; below 0 if there is none that is valid. */
function tagAt(cursor: Cursor, end: number): number {
  if (!counts(cursor)) return -1;
  const tag = varintAt(cursor, end);
  if (tag >= 8 && tag <= MAX_UINT32 && (tag & 7) <= WireType.Bit32) return tag;
  if (tag >= 0) fail(cursor, "a tag that is none");
  return -1;
}

/** Where a value ends that begins with its length; below 0 if that is beyond what holds it. */
function lengthEnd(cursor: Cursor, end: number): number {
  const length = varintAt(cursor, end);
  if (length < 0) return -1;
  if (length <= end - cursor.at) return cursor.at + length;
  fail(cursor, CUT_SHORT);
  return -1;
}

/** A varint, exact up to 53 bits; below 0 if it does not end in time. */
function varintAt(cursor: Cursor, end: number): number {
  const { bytes } = cursor;
  let value = 0;
  let scale = 1;
  for (let count = 0; count < MAX_VARINT_BYTES && cursor.at < end; count++) {
    const byte = bytes[cursor.at++] ?? 0;
    if (byte < 0x80) return value + byte * scale;
    value += (byte & 0x7f) * scale;
    scale *= 0x80;
  }
  fail(cursor, cursor.at < end ? "a number over 64 bits" : CUT_SHORT);
  return -1;
}

function counts(cursor: Cursor): boolean {
  cursor.fieldsLeft -= 1;
  return cursor.fieldsLeft >= 0 || fail(cursor, TOO_MANY_FIELDS);
}

function fail(cursor: Cursor, fault: string): false {
  cursor.fault = fault;
  return false;
}
