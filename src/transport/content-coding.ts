import { pipeline, type Readable } from "node:stream";
import { promisify } from "node:util";
import { createGunzip, gzip } from "node:zlib";
import { codeOf, messageOf, OpAMPError } from "../errors.js";
import { PIECE_BYTES, tooLarge } from "../wire/limits.js";
import { printable } from "./explain/explain.js";

/** How a body is written down: as it is, or compressed (HTTP-07, HTTP-09). */
export type ContentCoding = "identity" | "gzip";

/** Below this a message is sent as it is: compressing it costs more than it spares. In bytes. */
export const MIN_COMPRESSED_BYTES = 1_024;
/** As much of a body as it takes to recognize what sent it. */
const START_BYTES = 1_024;

const compress = promisify(gzip);

/** A body to send: compressed where that makes it smaller. */
export async function encodeBody(payload: Uint8Array): Promise<{ body: Uint8Array; coding: ContentCoding }> {
  if (payload.length < MIN_COMPRESSED_BYTES) return { body: payload, coding: "identity" };
  const compressed = await compress(payload);
  if (compressed.length >= payload.length) return { body: payload, coding: "identity" };
  return { body: compressed, coding: "gzip" };
}

/** What a Content-Encoding header says. @returns an error for a coding that is not understood, or several on top of each other */
export function contentCoding(header: string | readonly string[] | undefined): ContentCoding | OpAMPError {
  if (header === undefined) return "identity";
  const names = [header].flat().join(",").toLowerCase().split(",");
  const [name = "identity", ...others] = names
    .map((one) => one.trim())
    .filter((one) => one !== "" && one !== "identity");
  if (others.length === 0 && name === "identity") return name;
  if (others.length === 0 && (name === "gzip" || name === "x-gzip")) return "gzip";
  const text = `the answer is in the content coding ${printable([name, ...others].join(", "), 60)}, which is not understood`;
  const hint = "have the server, or the proxy in between that compresses, send it as it is or as gzip";
  return new OpAMPError("ERR_OPAMP_MALFORMED", text, { hint });
}

/**
 * Reads a body up to the limit, which counts what it inflates to, and not a byte more (SIZE-05, SIZE-06).
 *
 * @param announcedBytes what its Content-Length says, if it has one
 * @param progress told of every further piece of a large one
 * @throws OpAMPError `ERR_OPAMP_TOO_LARGE`, or `ERR_OPAMP_MALFORMED` for what is not gzip, cut short or followed by
 * something else; what the body itself fails with passes through
 */
export function readBody(
  body: Readable,
  coding: ContentCoding,
  announcedBytes: number,
  maxBytes: number,
  progress?: () => void,
): Promise<Uint8Array> {
  // What cannot be compressed gets a little longer by it.
  const maxRawBytes = coding === "identity" ? maxBytes : maxBytes + Math.ceil(maxBytes / 1_024) + 1_024;
  if (announcedBytes > maxRawBytes) return Promise.reject(tooLarge("receive", announcedBytes, maxBytes));
  if (progress !== undefined && (announcedBytes === 0 || announcedBytes > PIECE_BYTES)) reportPieces(body, progress);
  return coding === "identity" ? collect(body, maxBytes) : inflate(body, maxRawBytes, maxBytes);
}

/** Tells of every piece of a large body that has come. */
function reportPieces(body: Readable, progress: () => void): void {
  let bytes = 0;
  body.on("data", (chunk: Uint8Array) => {
    bytes += chunk.length;
    if (bytes < PIECE_BYTES) return;
    bytes = 0;
    progress();
  });
}

/** The first bytes of a body that is not read further; none where it breaks off. */
export async function readStart(body: Readable): Promise<Uint8Array> {
  try {
    for await (const chunk of body)
      return chunk instanceof Uint8Array ? chunk.subarray(0, START_BYTES) : new Uint8Array();
  } catch {
    // Its status tells enough.
  }
  return new Uint8Array();
}

async function inflate(body: Readable, maxRawBytes: number, maxBytes: number): Promise<Uint8Array> {
  const gunzip = createGunzip();
  let rawBytes = 0;
  async function* counted(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      rawBytes += chunk.length;
      if (rawBytes > maxRawBytes) throw tooLarge("receive", undefined, maxBytes);
      yield chunk;
    }
  }
  // An error on the way ends the last stream with it, and an end of that stream ends those before.
  pipeline(body, counted, gunzip, () => undefined);
  let whole: Uint8Array;
  try {
    whole = await collect(gunzip, maxBytes);
  } catch (cause) {
    if (rawBytes === 0 && body.readableEnded) return new Uint8Array();
    throw codeOf(cause)?.startsWith("Z_") ? damaged(messageOf(cause), cause) : cause;
  }
  // zlib takes zeros behind the end for padding, and whatever follows them.
  if (gunzip.bytesWritten !== rawBytes) throw damaged("something follows its end");
  return whole;
}

/** By events: an iterator costs as much as reading and decoding what most answers hold. */
function collect(source: Readable, maxBytes: number): Promise<Uint8Array> {
  // Grown as needed: a list of pieces would take a hundred times the limit where each of them is a byte (SEC-01).
  let room: Uint8Array = new Uint8Array();
  let bytes = 0;
  return new Promise((resolve, reject) => {
    source.on("data", (chunk: Uint8Array) => {
      const end = bytes + chunk.length;
      if (end > maxBytes) {
        reject(tooLarge("receive", undefined, maxBytes));
        source.destroy();
      } else if (bytes === 0) room = chunk;
      else {
        if (end > room.length) {
          const larger = new Uint8Array(Math.max(end, Math.min(2 * room.length, maxBytes)));
          larger.set(room);
          room = larger;
        }
        room.set(chunk, bytes);
      }
      bytes = end;
    });
    source.on("end", () => resolve(room.subarray(0, bytes)));
    source.on("error", reject);
    source.on("close", () => source.readableEnded || reject(new Error("the body broke off")));
  });
}

function damaged(what: string, cause?: unknown): OpAMPError {
  return new OpAMPError("ERR_OPAMP_MALFORMED", `the answer's gzip body is damaged: ${what}`, { cause });
}
