import { hexOf } from "../base/bytes.js";
import { messageOf, OpAMPError, type OpAMPErrorDetails } from "../errors.js";
import type { Redactor } from "./redactor.js";

/** The longest that one text from outside may make a log line, in characters. */
const LONGEST = 1_000;
/** How much of a text is looked at; redaction can make it shorter. */
const LONGEST_RAW = 16 * 1_024;
/** Control characters, line and paragraph ends, halves of pairs, and what turns the direction of writing. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ufeff]/gu;

/**
 * A text from outside, fit for a log line: nobody who writes it can begin a line of their own, hide one or fill the disk.
 *
 * @param redact takes secrets out
 */
export function oneLine(text: string, redact: (text: string) => string): string {
  const clean = redact(text.length > LONGEST_RAW ? beforeLastSpace(text.slice(0, LONGEST_RAW)) : text);
  const cut = clean.slice(0, LONGEST);
  const left = clean.length - cut.length + Math.max(0, text.length - LONGEST_RAW);
  return cut.replace(UNPRINTABLE, escaped) + (left > 0 ? `... (${left} more)` : "");
}

/** A secret cut in half might not be known for one. */
function beforeLastSpace(text: string): string {
  const space = text.lastIndexOf(" ");
  return space > text.length - LONGEST ? text.slice(0, space) : text;
}

function escaped(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\r") return "\\r";
  if (character === "\t") return "\\t";
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
}

/** Hashes, signatures and uids, of which everybody wants to see what they are. */
const LONGEST_BYTES = 64;

/** Bytes in hexadecimal, or just how many there are where that would be long: the server chooses. */
export function bytesText(bytes: Uint8Array): string {
  if (bytes.length > LONGEST_BYTES) return `[${bytes.length} bytes]`;
  return hexOf(bytes);
}

/** What went wrong and what to do about it, for a log or a terminal. */
export function errorLine(error: unknown): string {
  return error instanceof OpAMPError ? `${error.message} (${error.hint})` : messageOf(error);
}

/** How far down causes are looked at. */
const DEEPEST_CAUSE = 8;

/**
 * An error fit to be shown: itself, unless its words hold a secret. Causes that are errors of this package are cleaned
 * too; others stay as they were thrown, since programs tell them apart by identity.
 */
export function scrubbedError(error: OpAMPError, redactor: Redactor, depth = 0): OpAMPError {
  const message = redactor.text(error.message);
  const hint = redactor.text(error.hint);
  const ours = error.cause instanceof OpAMPError && depth < DEEPEST_CAUSE;
  const cause =
    ours && error.cause instanceof OpAMPError ? scrubbedError(error.cause, redactor, depth + 1) : error.cause;
  if (message === error.message && hint === error.hint && cause === error.cause) return error;
  const details: OpAMPErrorDetails = { hint, cause, retryable: error.retryable, foreignStore: error.foreignStore };
  if (error.httpStatus !== undefined) details.httpStatus = error.httpStatus;
  const clean = new OpAMPError(error.code, message, details);
  // Where it happened, which begins with the message as it was.
  if (error.stack !== undefined) clean.stack = redactor.text(error.stack);
  return clean;
}
