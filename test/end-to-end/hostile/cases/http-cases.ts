import { gzipSync } from "node:zlib";
import { gzipBomb } from "../bombs.js";
import { answering, dripping, ending, goodAnswer, head, ok, onRequest, pouring } from "../conducts.js";
import type { HostileCase } from "../survives.js";

const KIB = "x".repeat(1_024);
const ZIPPED = gzipSync(KIB);

/** An answer to each POST, none of which is one. */
const answers: readonly HostileCase[] = [
  {
    name: "answers 101 to a POST",
    conduct: answering(head("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade")),
    errors: ["ERR_OPAMP_CLOSED"],
  },
  {
    name: "answers with an unknown version of HTTP",
    conduct: answering(head("HTTP/9.9 200 OK")),
    errors: ["ERR_OPAMP_NOT_OPAMP", "ERR_OPAMP_CLOSED"],
  },
  {
    name: "answers with a status of four digits",
    conduct: answering(head("HTTP/1.1 2000 OK")),
    errors: ["ERR_OPAMP_NOT_OPAMP", "ERR_OPAMP_CLOSED"],
  },
  {
    name: "answers in HTTP/2",
    conduct: answering(Buffer.from("000012040000000000000300000080000400010000", "hex")),
    errors: ["ERR_OPAMP_NOT_OPAMP"],
  },
  {
    name: "answers with a NUL in a header",
    conduct: answering(ok("X-Odd: a\0b", "Content-Length: 0")),
    errors: ["ERR_OPAMP_NOT_OPAMP", "ERR_OPAMP_CLOSED"],
  },
  {
    name: "answers with a header over the limit",
    conduct: answering(ok(`X-Long: ${"x".repeat(1_048_576)}`, "Content-Length: 0")),
    errors: ["ERR_OPAMP_CLOSED", "ERR_OPAMP_NOT_OPAMP"],
  },
  {
    name: "answers with headers without end",
    costly: true,
    conduct: pouring("HTTP/1.1 200 OK\r\n", `X-More: ${KIB}\r\n`),
    errors: ["ERR_OPAMP_CLOSED", "ERR_OPAMP_NOT_OPAMP"],
  },
  {
    name: "never ends its headers",
    conduct: answering("HTTP/1.1 200 OK\r\nX-Stuck: "),
    slow: true,
    errors: ["ERR_OPAMP_TIMEOUT"],
  },
  {
    name: "sends its headers byte by byte",
    conduct: dripping("HTTP/1.1 200 OK\r\nX-Slow: ", "x"),
    slow: true,
    errors: ["ERR_OPAMP_TIMEOUT"],
  },
  {
    name: "says 100 Continue for ever",
    costly: true,
    conduct: pouring("", head("HTTP/1.1 100 Continue")),
    errors: ["ERR_OPAMP_CLOSED", "ERR_OPAMP_NOT_OPAMP"],
  },
  {
    name: "gives early hints for ever",
    conduct: dripping("", head("HTTP/1.1 103 Early Hints", "Link: <a>")),
    slow: true,
    errors: ["ERR_OPAMP_TIMEOUT"],
  },
  {
    name: "says that it is processing for ever",
    conduct: dripping("", head("HTTP/1.1 102 Processing")),
    slow: true,
    errors: ["ERR_OPAMP_TIMEOUT"],
  },
];

/** A length that is not true. */
const lengths: readonly HostileCase[] = [
  {
    name: "announces a negative length",
    conduct: answering(ok("Content-Length: -1")),
    errors: ["ERR_OPAMP_NOT_OPAMP", "ERR_OPAMP_CLOSED"],
  },
  {
    name: "announces a length that is not a number",
    conduct: answering(ok("Content-Length: much")),
    errors: ["ERR_OPAMP_NOT_OPAMP", "ERR_OPAMP_CLOSED"],
  },
  {
    name: "announces two lengths",
    conduct: answering(ok("Content-Length: 4", "Content-Length: 5"), "abcde"),
    errors: ["ERR_OPAMP_NOT_OPAMP", "ERR_OPAMP_CLOSED"],
  },
  {
    name: "announces a length and sends chunks",
    conduct: answering(ok("Content-Length: 5", "Transfer-Encoding: chunked"), "0\r\n\r\n"),
    errors: ["ERR_OPAMP_NOT_OPAMP", "ERR_OPAMP_CLOSED"],
  },
  {
    name: "announces a length beyond 64 bits",
    conduct: answering(ok("Content-Length: 99999999999999999999")),
    errors: ["ERR_OPAMP_NOT_OPAMP", "ERR_OPAMP_CLOSED"],
  },
  {
    name: "announces more than the limit",
    conduct: answering(ok("Content-Length: 9007199254740991")),
    errors: ["ERR_OPAMP_TOO_LARGE"],
  },
  {
    name: "closes before its length is reached",
    conduct: ending(ok("Content-Length: 1000"), KIB.slice(0, 500)),
    errors: ["ERR_OPAMP_CLOSED"],
  },
  {
    name: "stops before its length is reached",
    conduct: answering(ok("Content-Length: 1000"), KIB.slice(0, 500)),
    slow: true,
    errors: ["ERR_OPAMP_TIMEOUT"],
  },
  {
    name: "sends the body byte by byte",
    conduct: dripping(ok("Content-Length: 100000"), "x"),
    slow: true,
    errors: ["ERR_OPAMP_TIMEOUT"],
  },
  {
    name: "sends a body without end",
    costly: true,
    conduct: pouring(ok("Connection: close"), KIB.repeat(64)),
    errors: ["ERR_OPAMP_TOO_LARGE"],
  },
];

/** Chunks that are none. */
const chunks: readonly HostileCase[] = [
  {
    name: "sends chunks without end",
    costly: true,
    conduct: pouring(ok("Transfer-Encoding: chunked"), `400\r\n${KIB}\r\n`),
    errors: ["ERR_OPAMP_TOO_LARGE"],
  },
  {
    name: "sends chunks of one byte without end",
    conduct: pouring(ok("Transfer-Encoding: chunked"), "1\r\nx\r\n"),
    errors: ["ERR_OPAMP_TOO_LARGE", "ERR_OPAMP_TIMEOUT"],
    slow: true,
  },
  {
    name: "sends a chunk whose size is not a number",
    conduct: answering(ok("Transfer-Encoding: chunked"), "size\r\n"),
    errors: ["ERR_OPAMP_CLOSED", "ERR_OPAMP_NOT_OPAMP"],
  },
  {
    name: "sends a chunk whose size does not fit 64 bits",
    conduct: answering(ok("Transfer-Encoding: chunked"), "FFFFFFFFFFFFFFFFF\r\n"),
    errors: ["ERR_OPAMP_CLOSED", "ERR_OPAMP_NOT_OPAMP"],
  },
  {
    name: "sends a chunk extension without end",
    conduct: pouring(`${ok("Transfer-Encoding: chunked")}1;`, KIB),
    errors: ["ERR_OPAMP_CLOSED", "ERR_OPAMP_TIMEOUT", "ERR_OPAMP_NOT_OPAMP"],
    slow: true,
  },
  {
    name: "sends trailers without end",
    costly: true,
    conduct: pouring(`${ok("Transfer-Encoding: chunked")}0\r\n`, `X-More: ${KIB}\r\n`),
    errors: ["ERR_OPAMP_CLOSED", "ERR_OPAMP_NOT_OPAMP"],
  },
  {
    name: "closes without a last chunk",
    conduct: ending(ok("Transfer-Encoding: chunked"), "4\r\nabcd\r\n"),
    errors: ["ERR_OPAMP_CLOSED"],
  },
  {
    name: "names an unknown transfer coding",
    conduct: answering(ok("Transfer-Encoding: nonsense"), "x"),
    errors: ["ERR_OPAMP_TIMEOUT", "ERR_OPAMP_CLOSED", "ERR_OPAMP_NOT_OPAMP"],
    slow: true,
  },
];

function encoded(coding: string, body: Uint8Array | string): Pick<HostileCase, "conduct"> {
  return { conduct: answering(ok(`Content-Encoding: ${coding}`, `Content-Length: ${body.length}`), body) };
}

/** Codings of the content. */
const codings: readonly HostileCase[] = [
  {
    name: "sends a gzip bomb",
    conduct: gzipBomb(67_108_864),
    errors: ["ERR_OPAMP_TOO_LARGE"],
  },
  { name: "cuts gzip short", ...encoded("gzip", ZIPPED.subarray(0, -9)), errors: ["ERR_OPAMP_MALFORMED"] },
  { name: "labels plain bytes as gzip", ...encoded("gzip", KIB), errors: ["ERR_OPAMP_MALFORMED"] },
  {
    name: "sends gzip with a wrong checksum",
    ...encoded("gzip", Buffer.from(ZIPPED).fill(0, ZIPPED.length - 8)),
    errors: ["ERR_OPAMP_MALFORMED"],
  },
  {
    name: "sends bytes after the end of gzip",
    ...encoded("gzip", Buffer.concat([ZIPPED, Buffer.from("tail")])),
    errors: ["ERR_OPAMP_MALFORMED"],
  },
  { name: "sends gzip within gzip", ...encoded("gzip, gzip", gzipSync(ZIPPED)), errors: ["ERR_OPAMP_MALFORMED"] },
  {
    name: "sends gzip a hundred times within itself",
    ...encoded(new Array(100).fill("gzip").join(", "), ZIPPED),
    errors: ["ERR_OPAMP_MALFORMED"],
  },
  { name: "sends brotli that was not accepted", ...encoded("br", KIB), errors: ["ERR_OPAMP_MALFORMED"] },
  {
    name: "names a content coding after a property of all objects",
    ...encoded("constructor", KIB),
    errors: ["ERR_OPAMP_MALFORMED"],
  },
];

/** More or other answers than there were questions. */
const surplus: readonly HostileCase[] = [
  {
    name: "sends a second answer with the first",
    conduct: onRequest(
      (socket, request) => void socket.write(Buffer.concat([goodAnswer(request), goodAnswer(request, { flags: 1n })])),
    ),
    perAttempt: 8,
    errors: [],
  },
  {
    name: "sends garbage after its answer",
    conduct: onRequest((socket, request) => void socket.write(Buffer.concat([goodAnswer(request), Buffer.from(KIB)]))),
    perAttempt: 8,
    errors: [],
  },
  {
    name: "sends more cookies than headers may be long",
    conduct: answering(ok(...new Array(500).fill("Set-Cookie: a=b; path=/; secure; httponly"), "Content-Length: 0")),
    errors: ["ERR_OPAMP_CLOSED", "ERR_OPAMP_NOT_OPAMP"],
  },
  {
    name: "answers with a web page",
    conduct: answering(head("HTTP/1.1 200 OK", "Content-Type: text/html", `Content-Length: 5`), "hello"),
    errors: ["ERR_OPAMP_NOT_OPAMP"],
  },
  {
    name: "answers without a content type",
    conduct: answering(head("HTTP/1.1 200 OK", `Content-Length: 5`), "hello"),
    errors: ["ERR_OPAMP_NOT_OPAMP", "ERR_OPAMP_MALFORMED"],
  },
  {
    name: "answers with a content type of the maximum length",
    conduct: answering(head("HTTP/1.1 200 OK", `Content-Type: ${"x/".repeat(6_000)}`, `Content-Length: 5`), "hello"),
    errors: ["ERR_OPAMP_NOT_OPAMP"],
  },
  {
    name: "answers 304 Not Modified",
    conduct: answering(head("HTTP/1.1 304 Not Modified")),
    errors: ["ERR_OPAMP_HTTP_STATUS"],
  },
];

/** What can be wrong with answers to a POST. */
export const httpCases: readonly HostileCase[] = [...answers, ...lengths, ...chunks, ...codings, ...surplus].map(
  (hostile) => ({ ...hostile, over: "HTTP" }),
);
