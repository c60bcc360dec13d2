import { BINARY, ending, endlessly, goodAnswer, ok, onRequest, pour, silence, upgraded, wsFrame } from "../conducts.js";
import type { HostileCase } from "../survives.js";

const GARBAGE = new Uint8Array(64).fill(0xff);
/** More than what lies between two sockets can hold. */
const LARGE_BYTES = 16_777_216;
const LARGE = "x".repeat(LARGE_BYTES);

/** Sends and takes large reports. */
const talkative = {
  maxMessageBytes: { send: 2 * LARGE_BYTES, receive: 1_048_576 },
  effectiveConfig: () => ({ "agent.yaml": { body: LARGE } }),
  // What takes its time on a busy machine is not hostile yet.
  ping: { intervalMs: 250 },
  timeouts: { answerMs: 500, closeMs: 50 },
};

/** What goes wrong below HTTP. */
export const tcpCases: readonly HostileCase[] = [
  {
    name: "accepts and says nothing",
    conduct: silence,
    slow: true,
    errors: ["ERR_OPAMP_TIMEOUT"],
  },
  {
    name: "accepts and closes at once",
    conduct: (socket) => socket.end(),
    errors: ["ERR_OPAMP_CLOSED", "ERR_OPAMP_CONNECT"],
  },
  {
    name: "accepts and resets at once",
    conduct: (socket) => socket.resetAndDestroy(),
    errors: ["ERR_OPAMP_CLOSED", "ERR_OPAMP_CONNECT"],
  },
  {
    name: "sends garbage before the request",
    conduct: (socket) => socket.end(GARBAGE),
    errors: ["ERR_OPAMP_NOT_OPAMP"],
  },
  {
    name: "sends garbage for ever",
    costly: true,
    conduct: (socket) => pour(endlessly(GARBAGE), socket),
    errors: ["ERR_OPAMP_NOT_OPAMP"],
  },
  {
    name: "greets like a mail server",
    conduct: (socket) => socket.write("220 mail.example.com ESMTP\r\n"),
    errors: ["ERR_OPAMP_NOT_OPAMP"],
  },
  {
    name: "answers before the request, and then stays silent",
    conduct: (socket) => socket.write(ok("Content-Length: 0")),
    slow: true,
    errors: ["ERR_OPAMP_NOT_OPAMP", "ERR_OPAMP_TIMEOUT", "ERR_OPAMP_CLOSED"],
  },
  {
    name: "closes when the request has come",
    conduct: onRequest((socket) => socket.end()),
    errors: ["ERR_OPAMP_CLOSED", "ERR_OPAMP_CONNECT"],
  },
  {
    name: "resets when the request has come",
    conduct: onRequest((socket) => socket.resetAndDestroy()),
    errors: ["ERR_OPAMP_CLOSED", "ERR_OPAMP_CONNECT"],
  },
  {
    name: "closes its own direction only and reads on",
    conduct: (socket) => {
      socket.allowHalfOpen = true;
      socket.resume().end();
    },
    errors: ["ERR_OPAMP_CLOSED", "ERR_OPAMP_CONNECT"],
  },
  {
    name: "never answers the request",
    conduct: onRequest(() => undefined),
    slow: true,
    errors: ["ERR_OPAMP_TIMEOUT"],
  },
  {
    name: "resets in the middle of an answer",
    over: "HTTP",
    conduct: onRequest((socket, request) => {
      socket.write(goodAnswer(request).subarray(0, -4), () => setImmediate(() => socket.resetAndDestroy()));
    }),
    errors: ["ERR_OPAMP_CLOSED"],
  },
  {
    name: "is swallowed by a black hole in the middle of an answer",
    over: "HTTP",
    conduct: onRequest((socket, request) => void socket.write(goodAnswer(request).subarray(0, -4))),
    slow: true,
    errors: ["ERR_OPAMP_TIMEOUT"],
  },
  {
    name: "is swallowed by a black hole after the handshake",
    over: "WebSocket",
    conduct: upgraded((socket) => void socket.pause()),
    slow: true,
    errors: ["ERR_OPAMP_TIMEOUT"],
  },
  {
    name: "is swallowed by a black hole in the middle of a message",
    over: "WebSocket",
    conduct: upgraded((socket) => void socket.write(wsFrame(BINARY, GARBAGE, 1_000))),
    slow: true,
    errors: ["ERR_OPAMP_TIMEOUT"],
  },
  {
    name: "resets after the handshake",
    over: "WebSocket",
    conduct: upgraded((socket) => setImmediate(() => socket.resetAndDestroy())),
    errors: ["ERR_OPAMP_CLOSED"],
  },
  {
    name: "closes its own direction after the handshake",
    over: "WebSocket",
    conduct: upgraded((socket) => {
      socket.allowHalfOpen = true;
      socket.end();
    }),
    errors: ["ERR_OPAMP_CLOSED"],
  },
  {
    name: "stops reading in the middle of a large report",
    over: "HTTP",
    conduct: (socket) => void socket.once("data", () => socket.pause()),
    slow: true,
    costly: true,
    client: talkative,
    errors: ["ERR_OPAMP_TIMEOUT"],
  },
  {
    name: "stops reading in the middle of a large report",
    over: "WebSocket",
    conduct: upgraded((socket) => void socket.pause()),
    slow: true,
    costly: true,
    client: talkative,
    errors: ["ERR_OPAMP_TIMEOUT"],
  },
  {
    name: "refuses a large report before all of it is there, and closes",
    over: "HTTP",
    conduct: (socket) =>
      void socket.once("data", () => socket.end("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")),
    slow: true,
    costly: true,
    client: talkative,
    errors: ["ERR_OPAMP_HTTP_STATUS", "ERR_OPAMP_CLOSED"],
  },
  {
    name: "answers in HTTP/0.9",
    conduct: ending("<html>It works</html>"),
    errors: ["ERR_OPAMP_NOT_OPAMP"],
  },
];
