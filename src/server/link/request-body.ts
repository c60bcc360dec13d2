import type { IncomingMessage } from "node:http";
import { createGunzip } from "node:zlib";
import { messageOf } from "../../errors.js";
import { tooLarge } from "../../wire/limits.js";
import { PROTOBUF_TYPE, type Refusal } from "./http-link.js";

/** Reads the payload of a POST, gunzipped if need be (HTTP-07), or tells how to turn it away. Never rejects. */
export async function readBody(request: IncomingMessage, maxBytes: number): Promise<Uint8Array | Refusal> {
  const misfit = misfitOf(request);
  if (misfit !== undefined) return misfit;
  try {
    const payload = await (isGzipped(request) ? inflate(request, maxBytes) : collect(request, maxBytes));
    return payload ?? { status: 413, body: tooLarge("receive", undefined, maxBytes).message };
  } catch (thrown) {
    return { status: 400, body: messageOf(thrown) };
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

/** The whole body inflated, or `undefined` as soon as that is over the limit: what is beyond is never inflated (SIZE-09). */
async function inflate(request: IncomingMessage, maxBytes: number): Promise<Uint8Array | undefined> {
  const gunzip = createGunzip();
  request.once("close", () => {
    if (!request.complete) gunzip.destroy(new Error("the request was cut off"));
  });
  request.pipe(gunzip);
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  try {
    for await (const chunk of gunzip as AsyncIterable<Uint8Array>) {
      bytes += chunk.byteLength;
      if (bytes > maxBytes) return undefined;
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } finally {
    // The rest is read and thrown away, so that the sender sees the answer.
    request.unpipe(gunzip);
    request.resume();
  }
}
