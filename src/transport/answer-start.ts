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
 * Takes interim answers (1xx but 101; RFC 9110, 15.2) out of what is read from a connection, for a parser that does not pass
 * over all of them. Costs one look at the beginning of each answer.
 */
export class AnswerStart {
  readonly #socket: Socket;
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
    const read = socket.read;
    socket.read = (size) => {
      const chunk: Buffer | null = read.call(socket, size);
      return chunk === null || !this.#isAwaited ? chunk : this.#passOver(chunk);
    };
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
    Reflect.deleteProperty(this.#socket, "read");
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
    this.#interimBytes += at - from;
    if (this.#interimBytes > MAX_INTERIM_BYTES) this.#socket.destroy(flooded());
    return at;
  }
}

function flooded(): OpAMPError {
  const text = `more than ${MAX_INTERIM_BYTES} bytes of interim answers (1xx) came in place of an answer`;
  const hint = "look at the server and at any proxy in between: one of them never gives its answer";
  return new OpAMPError("ERR_OPAMP_NOT_OPAMP", text, { hint });
}
