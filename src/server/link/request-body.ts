import { constants } from "node:buffer";
import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { hasCode, messageOf } from "../../errors.js";
import { tooLarge } from "../../wire/limits.js";
import { PROTOBUF_TYPE, type Refusal } from "./http-link.js";

const inflate = promisify(gunzip);

/** Reads the payload of a POST, gunzipped if need be (HTTP-07), or tells how to turn it away. Never rejects. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Uint8Array | Refusal> {
  const misfit = misfitOf(request);
  if (misfit !== undefined) return misfit;
  const tooLong = { status: 413, body: tooLarge("receive", undefined, maxBytes).message };
  try {
    if (!isGzipped(request)) return (await collect(request, maxBytes)) ?? tooLong;
    // What cannot be compressed gets a little longer.
    const body = await collect(request, maxBytes + Math.ceil(maxBytes / 1_024) + 1_024);
    // What is beyond the limit is never inflated (SIZE-09).
    return body === undefined
      ? tooLong
      : await inflate(body, { maxOutputLength: Math.min(maxBytes, constants.MAX_LENGTH) });
  } catch (thrown) {
    return hasCode(thrown, "ERR_BUFFER_TOO_LARGE") ? tooLong : { status: 400, body: messageOf(thrown) };
  }
}

/** Whether the body of a request comes compressed. */
export function isGzipped(request: IncomingMessage): boolean {
  return encodingOf(request) === "gzip";
}

function misfitOf(request: IncomingMessage): Refusal | undefined {
  if (request.method !== "POST") {
    return { status: 405, headers: { allow: "POST" } };
  }
  const mediaType = request.headers["content-type"]?.split(";")[0]?.trim().toLowerCase();
  if (mediaType !== PROTOBUF_TYPE) {
    return { status: 415, headers: { accept: PROTOBUF_TYPE } };
  }
  if (!["", "identity", "gzip"].includes(encodingOf(request))) {
    return { status: 415, headers: { "accept-encoding": "gzip" } };
  }
  return undefined;
}

function encodingOf(request: IncomingMessage): string {
  return request.headers["content-encoding"]?.trim().toLowerCase() ?? "";
}

/** The whole body, or `undefined` if it is over the limit. Reads to the end either way, so that the sender sees the answer. */
async function collect(request: IncomingMessage, maxBytes: number): Promise<Uint8Array | undefined> {
  let chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Uint8Array>) {
    bytes += chunk.byteLength;
    if (bytes > maxBytes) chunks = [];
    else chunks.push(chunk);
  }
  return bytes > maxBytes ? undefined : Buffer.concat(chunks);
}
