import type { IncomingMessage } from "node:http";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { messageOf } from "../errors.js";
import { tooLarge } from "../wire/limits.js";
import { PROTOBUF_TYPE } from "./http-link.js";
import type { Refusal } from "./refusal.js";

/** The payload of a POST, or how to turn it away. */
export type Body = { ok: true; payload: Uint8Array } | { ok: false; refusal: Refusal };

const inflate = promisify(gunzip);

/** Reads the payload of a POST, gunzipped if need be (HTTP-07). Never rejects. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Body> {
  const misfit = misfitOf(request);
  if (misfit !== undefined) {
    return { ok: false, refusal: misfit };
  }
  try {
    const body = await collect(request, maxBytes);
    if (body === undefined) {
      return { ok: false, refusal: tooLargeRefusal(maxBytes) };
    }
    const isGzip = encodingOf(request) === "gzip";
    return { ok: true, payload: isGzip ? await inflate(body, { maxOutputLength: maxBytes }) : body };
  } catch (thrown) {
    const isTooLarge = thrown instanceof Error && "code" in thrown && thrown.code === "ERR_BUFFER_TOO_LARGE";
    return { ok: false, refusal: isTooLarge ? tooLargeRefusal(maxBytes) : { status: 400, body: messageOf(thrown) } };
  }
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
    if (bytes > maxBytes) {
      chunks = [];
    } else {
      chunks.push(chunk);
    }
  }
  return bytes > maxBytes ? undefined : Buffer.concat(chunks);
}

function tooLargeRefusal(maxBytes: number): Refusal {
  return { status: 413, body: tooLarge("receive", undefined, maxBytes).message };
}
