import type { ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import { PROTOBUF_TYPE } from "../link/http-link.js";
import type { HttpLink } from "../link/link.js";
import type { Timers } from "../timers.js";
import type { HttpMisbehaviour, WebSocketMisbehaviour } from "./misbehaviour.js";
import { gzipBomb } from "./padding.js";
import { pour } from "./pour.js";
import type { Twist } from "./twist.js";

const PAGE = "<!doctype html><title>It works</title><p>This is no OpAMP server.</p>\n";
const BLOCK = new Uint8Array(65_536);

type Mode = HttpMisbehaviour | WebSocketMisbehaviour | { mode: "bomb"; bytes: number };

/** Says what becomes of the answer to a POST; undefined if there is no occasion. */
export function misbehaveOverHttp(bad: Mode, { wire }: HttpLink, timers: Timers): Twist | undefined {
  if (wire === undefined) return undefined;
  const { response } = wire;
  switch (bad.mode) {
    case "wrong-type":
      return {
        instead() {
          response.writeHead(200, { "content-type": bad.contentType ?? "text/html" });
          response.end(bad.body ?? PAGE);
        },
      };
    case "drip":
      return {
        write(payload) {
          begin(response, payload.byteLength);
          response.flushHeaders();
          drip(response, payload, bad.bytes ?? 1, bad.everyMs, timers);
        },
      };
    case "truncated":
      return {
        write(payload) {
          begin(response, payload.byteLength);
          response.write(firstHalf(payload), () => wire.socket.destroySoon());
        },
      };
    case "stuck-body":
      return {
        write(payload) {
          begin(response, payload.byteLength);
          response.write(firstHalf(payload));
        },
      };
    case "endless-body":
      return {
        write(payload) {
          begin(response, undefined);
          response.write(payload);
          pour(endless(), response);
        },
      };
    case "truncated-gzip":
      return { write: (payload) => sendAsGzip(response, firstHalf(gzipSync(payload))) };
    case "false-gzip":
      return { write: (payload) => sendAsGzip(response, payload) };
    case "bomb":
      return {
        write(payload) {
          begin(response, undefined, true);
          pour(gzipBomb(payload, bad.bytes), response, () => response.end());
        },
      };
    case "text":
    case "fragments":
    case "flood":
    case "close":
    case "bad-frame":
      return undefined;
    default:
      return bad satisfies never;
  }
}

function begin(response: ServerResponse, bytes: number | undefined, gzip = false): void {
  response.writeHead(200, {
    "content-type": PROTOBUF_TYPE,
    ...(bytes !== undefined && { "content-length": bytes }),
    ...(gzip && { "content-encoding": "gzip" }),
  });
}

function sendAsGzip(response: ServerResponse, body: Uint8Array): void {
  begin(response, body.byteLength, true);
  response.end(body);
}

function firstHalf(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, bytes.byteLength / 2);
}

function drip(response: ServerResponse, rest: Uint8Array, bytes: number, everyMs: number, timers: Timers): void {
  timers.after(everyMs, () => {
    if (response.destroyed) return;
    response.write(rest.subarray(0, bytes));
    if (rest.byteLength > bytes) drip(response, rest.subarray(bytes), bytes, everyMs, timers);
    else response.end();
  });
}

function* endless(): Generator<Uint8Array> {
  for (;;) yield BLOCK;
}
