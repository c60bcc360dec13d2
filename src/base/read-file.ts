import { closeSync, constants, fstatSync, openSync, readFileSync, readSync } from "node:fs";
import fs, { type FileHandle } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { hasCode } from "../errors.js";

/** How long a pipe may have nothing to read, and a file system no answer, in milliseconds. */
const LIMIT_MS = 5_000;
const LOOK_MS = 20;
const PIECE_BYTES = 65_536;
/** A pipe that nobody writes to would otherwise hold up the thread that opens it. Windows has neither. */
const AT_ONCE = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

/** What to do about a file that fails with ETIMEDOUT. */
export const OVERDUE_HINT =
  "give a regular file: this one is a pipe that nobody writes to, or its file system does not answer";

/** What is being read, or has just been waited for in vain. */
const underWay = new Map<string, Promise<Buffer>>();

/**
 * Reads a file that a user named. One that brings nothing in time fails with ETIMEDOUT; a file system that never answers
 * takes one thread for each file, however often that is read.
 *
 * @throws the system's error
 */
export async function readNamedFile(path: string, limitMs = LIMIT_MS): Promise<Buffer> {
  const reading = underWay.get(path) ?? begin(path, limitMs);
  const ended = new AbortController();
  const late = delay(limitMs, undefined, { ref: false, signal: ended.signal }).then(() => {
    throw overdue(limitMs);
  });
  late.catch(() => undefined);
  try {
    return await Promise.race([reading, late]);
  } finally {
    ended.abort();
  }
}

/** The same, at once. */
export function readNamedFileSync(path: string, limitMs = LIMIT_MS): Buffer {
  const file = openSync(path, AT_ONCE);
  try {
    if (!fstatSync(file).isFIFO()) return readFileSync(file);
    const idle = new Int32Array(new SharedArrayBuffer(4));
    const pipe = new Pipe(limitMs);
    while (!pipe.isRead) {
      if (pipe.took(attemptRead(() => readSync(file, pipe.piece)))) continue;
      Atomics.wait(idle, 0, 0, LOOK_MS);
    }
    return pipe.content;
  } finally {
    closeSync(file);
  }
}

function begin(path: string, limitMs: number): Promise<Buffer> {
  const reading = read(path, limitMs);
  underWay.set(path, reading);
  const forget = (): void => void underWay.delete(path);
  reading.then(forget, (error: unknown) => {
    if (hasCode(error, "ETIMEDOUT")) setTimeout(forget, limitMs).unref();
    else forget();
  });
  return reading;
}

async function read(path: string, limitMs: number): Promise<Buffer> {
  const file = await fs.open(path, AT_ONCE);
  try {
    return (await file.stat()).isFIFO() ? await readPipe(file, limitMs) : await file.readFile();
  } finally {
    await file.close();
  }
}

async function readPipe(file: FileHandle, limitMs: number): Promise<Buffer> {
  const pipe = new Pipe(limitMs);
  while (!pipe.isRead) {
    const bytes = await file.read(pipe.piece).then(({ bytesRead }) => bytesRead, nothingYet);
    if (!pipe.took(bytes)) await delay(LOOK_MS, undefined, { ref: false });
  }
  return pipe.content;
}

/** What has come from a pipe that is asked again and again. */
class Pipe {
  readonly piece = Buffer.alloc(PIECE_BYTES);
  isRead = false;
  readonly #pieces: Buffer[] = [];
  readonly #limitMs: number;
  #until: number;

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
    this.#until = performance.now() + limitMs;
  }

  get content(): Buffer {
    return Buffer.concat(this.#pieces);
  }

  /**
   * Takes what was read into the piece.
   *
   * @param bytes how many; `undefined` where there are none yet, 0 where nobody writes
   * @returns whether anything came
   */
  took(bytes: number | undefined): boolean {
    if (bytes !== undefined && bytes > 0) {
      this.#pieces.push(Buffer.from(this.piece.subarray(0, bytes)));
      this.#until = performance.now() + this.#limitMs;
      return true;
    }
    // Before anything was written, there may be no writer yet.
    this.isRead = bytes === 0 && this.#pieces.length > 0;
    if (!this.isRead && performance.now() > this.#until) throw overdue(this.#limitMs);
    return this.isRead;
  }
}

function attemptRead(call: () => number): number | undefined {
  try {
    return call();
  } catch (error) {
    return nothingYet(error);
  }
}

function nothingYet(error: unknown): undefined {
  if (!hasCode(error, "EAGAIN")) throw error;
}

function overdue(limitMs: number): Error {
  return Object.assign(new Error(`nothing came from it within ${limitMs / 1_000} s`), { code: "ETIMEDOUT" });
}
