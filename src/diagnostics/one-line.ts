import { hexOf } from "../base/bytes.js";
import { failuresIn, messageOf, OpAMPError } from "../errors.js";
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
  return bytes.length > LONGEST_BYTES ? `[${bytes.length} bytes]` : hexOf(bytes);
}

/** What went wrong and what to do about it, for a log or a terminal. */
export function errorLine(error: unknown): string {
  return error instanceof OpAMPError ? `${error.message} (${error.hint})` : messageOf(error);
}

/** The same, as a line for each error that one stands for. */
export function errorLines(error: unknown): readonly string[] {
  return errorsIn(error).map(errorLine);
}

/** The errors that one stands for: those of several mistakes, or itself. */
export function errorsIn(error: unknown): readonly unknown[] {
  const { cause } = error instanceof OpAMPError ? error : {};
  return failuresIn(cause) ?? [error];
}

/** A path of keys, before what is wrong there. */
const KEY_PATH = /^[a-z_]\w{0,63}(?:\.[\w/-]{1,64}|\[\d{1,6}\]|\["[\w.-]{1,64}"\])+: /i;

/** Takes secrets out of what is said of a key: that the key is named like a secret makes no secret of the words behind it. */
export function redactedAfterKey(text: string, redact: (text: string) => string): string {
  const [path = ""] = KEY_PATH.exec(text) ?? [];
  return path + redact(text.slice(path.length));
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
  const { cause: given } = error;
  const isOurs = given instanceof OpAMPError && depth < DEEPEST_CAUSE;
  const cause = isOurs ? scrubbedError(given, redactor, depth + 1) : given;
  if (message === error.message && hint === error.hint && cause === given) return error;
  const { code, retryable, httpStatus, foreignStore } = error;
  const clean = new OpAMPError(code, message, { hint, cause, retryable, httpStatus, foreignStore });
  // Where it happened, which begins with the message as it was.
  if (error.stack !== undefined) clean.stack = redactor.text(error.stack);
  return clean;
}

/** What a line that may be written has to say besides itself. */
export interface Turn {
  /** How often the same happened since the line was written last, this time included; 1 where nothing was left out. */
  times: number;
  /** When it was written last, in milliseconds since the Unix epoch. */
  sinceMs: number;
}

interface Entry {
  topic: string;
  /** How long the line rests after it was written. */
  restMs: number;
  /** When it may be written again. */
  nextAt: number;
  seenAt: number;
  /** How often it was left out since it was written. */
  hidden: number;
  writtenMs: number;
}

const FIRST_REST_MS = 60_000;
const LONGEST_REST_MS = 3_600_000;
/** What has not happened for this long is news again. */
const FORGET_MS = 3_600_000;
/** How many different lines of a topic are kept apart; a source that makes each one different cannot flood the log. */
const MOST_OF_A_TOPIC = 10;
const MOST = 50;
const OTHERS = "...";

/**
 * Lets a line be written at once, and when it comes again and again only after growing rests: a minute, two, up to an
 * hour. Bounded in memory whatever happens.
 */
export class LogLimit {
  /** The one seen last comes last. */
  readonly #entries = new Map<string, Entry>();

  /**
   * @param topic what the line is about
   * @param detail which one of these it is; another one is another line
   * @param now on a clock that never goes back
   * @param wallMs the time of day, in milliseconds since the Unix epoch
   * @param always whether the line is written in any case
   * @returns `undefined` where it is not to be written
   */
  turn(topic: string, detail: string, now: number, wallMs: number, always = false): Turn | undefined {
    const entry = this.#entry(topic, detail, now, wallMs);
    entry.seenAt = now;
    if (!always && now < entry.nextAt) {
      entry.hidden += 1;
      return undefined;
    }
    const turn = { times: entry.hidden + 1, sinceMs: entry.writtenMs };
    entry.restMs = Math.min(LONGEST_REST_MS, entry.restMs * 2);
    entry.nextAt = now + entry.restMs;
    entry.hidden = 0;
    entry.writtenMs = wallMs;
    return turn;
  }

  /** What is known of the line, which is now the one seen last. */
  #entry(topic: string, detail: string, now: number, wallMs: number): Entry {
    const key = this.#keyOf(topic, detail, now);
    const known = this.#entries.get(key);
    this.#entries.delete(key);
    const isOld = known === undefined || now - known.seenAt >= FORGET_MS;
    const entry = isOld
      ? { topic, restMs: FIRST_REST_MS / 2, nextAt: now, seenAt: now, hidden: 0, writtenMs: wallMs }
      : known;
    this.#entries.set(key, entry);
    const [oldest] = this.#entries.keys();
    if (this.#entries.size > MOST && oldest !== undefined) this.#entries.delete(oldest);
    return entry;
  }

  #keyOf(topic: string, detail: string, now: number): string {
    const key = `${topic} ${detail}`;
    if (this.#entries.has(key)) return key;
    let count = 0;
    for (const [other, entry] of this.#entries) {
      if (now - entry.seenAt >= FORGET_MS) this.#entries.delete(other);
      else if (entry.topic === topic) count += 1;
    }
    return count < MOST_OF_A_TOPIC ? key : `${topic} ${OTHERS}`;
  }
}
