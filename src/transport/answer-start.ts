import type { Socket } from "node:net";
import { OpAMPError } from "../errors.js";

/** So much may come in front of an answer; what follows has the limits of its parser. In bytes. */
const MAX_INTERIM_BYTES = 65_536;
/** As far as a status line has to be read to tell an interim answer. */
const STATUS_LINE = "HTTP/1.1 100";
const INTERIM = /^HTTP\/1\.\d 1(?!01)\d\d$/;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;

/**
 * Takes interim answers (1xx but 101; RFC 9110, 15.2), and empty lines, out of what comes in front of an answer, for parsers
 * that do not pass over all of them, or pass over any number. Costs one look at the beginning of each answer.
 */
export class AnswerStart {
  readonly #socket: Socket;
  readonly #push: Socket["push"];
  #isAwaited = true;
  #isHeard = false;
  /** Within the header of an interim answer. */
  #isInside = false;
  /** The line that is being read of it has nothing in it so far. */
  #isLineEmpty = false;
  #interimBytes = 0;
  /** A beginning too short to tell. */
  #held: Buffer | undefined;

  /** An answer is awaited from now on. */
  constructor(socket: Socket) {
    this.#socket = socket;
    this.#push = socket.push;
    // As it comes: what is read from a socket need not pass by `read`.
    socket.push = (chunk: Buffer | null) => {
      const rest = chunk === null || !this.#isAwaited ? chunk : this.#passOver(chunk);
      // Nothing would mean the end.
      return rest === null && chunk !== null ? true : this.#push.call(socket, rest);
    };
    if (socket.readableLength > 0) this.#passOverEarly();
  }

  /** Whether anything came of the answer that is, or was last, awaited. */
  get isHeard(): boolean {
    return this.#isHeard;
  }

  /** Another request leaves. */
  expect(): void {
    this.#isAwaited = true;
    this.#isHeard = false;
    this.#interimBytes = 0;
  }

  /** Leaves the connection as it was. */
  release(): void {
    // Not deleted, which makes the objects of long-lived sockets larger.
    this.#socket.push = this.#push;
  }

  /** What came before anything was asked. */
  #passOverEarly(): void {
    const early: Buffer | null = this.#socket.read();
    const rest = early === null ? null : this.#passOver(early);
    if (rest !== null) this.#socket.unshift(rest);
  }

  /** @returns what does not belong to interim answers; `null` where nothing is left */
  #passOver(chunk: Buffer): Buffer | null {
    this.#isHeard = true;
    const bytes = this.#held === undefined ? chunk : Buffer.concat([this.#held, chunk]);
    this.#held = undefined;
    for (let at = 0; at < bytes.length; ) {
      if (this.#isInside) {
        at = this.#endOfHeader(bytes, at);
        continue;
      }
      if (bytes[at] === CARRIAGE_RETURN || bytes[at] === LINE_FEED) {
        at += 1;
        this.#count(1, "empty lines");
        continue;
      }
      const start = bytes.toString("latin1", at, at + STATUS_LINE.length);
      if (INTERIM.test(start)) this.#isInside = true;
      else if (INTERIM.test(start + STATUS_LINE.slice(start.length))) {
        this.#held = Buffer.from(bytes.subarray(at));
        break;
      } else {
        this.#isAwaited = false;
        return bytes.subarray(at);
      }
    }
    return null;
  }

  /** @returns where the header of an interim answer ends, or the piece of it that is there */
  #endOfHeader(bytes: Buffer, from: number): number {
    let at = from;
    while (this.#isInside && at < bytes.length) {
      const byte = bytes[at];
      if (byte !== LINE_FEED) this.#isLineEmpty &&= byte === CARRIAGE_RETURN;
      else if (this.#isLineEmpty) this.#isInside = false;
      else this.#isLineEmpty = true;
      at += 1;
    }
    if (!this.#isInside) this.#isLineEmpty = false;
    this.#count(at - from, "interim answers (1xx)");
    return at;
  }

  #count(bytes: number, what: string): void {
    this.#interimBytes += bytes;
    if (this.#interimBytes > MAX_INTERIM_BYTES) this.#socket.destroy(flooded(what));
  }
}

function flooded(what: string): OpAMPError {
  const text = `more than ${MAX_INTERIM_BYTES} bytes of ${what} came in place of an answer`;
  const hint = "look at the server and at any proxy in between: one of them never gives its answer";
  return new OpAMPError("ERR_OPAMP_NOT_OPAMP", text, { hint });
}
