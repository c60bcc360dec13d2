import {
  accept,
  answering,
  dripping,
  ending,
  head,
  onRequest,
  pouring,
  switching,
  type WireRequest,
} from "../conducts.js";
import type { HostileCase } from "../survives.js";

const KIB = "x".repeat(1_024);
const NO_HANDSHAKE = ["ERR_OPAMP_NOT_OPAMP"] as const;

/** Answers the upgrade with this text. */
function saying(text: (request: WireRequest) => string): Pick<HostileCase, "conduct"> {
  return { conduct: onRequest((socket, request) => void socket.write(text(request))) };
}

/** What can be wrong with the answer to an upgrade. */
export const upgradeCases: readonly HostileCase[] = (
  [
    {
      name: "closes after half of the 101",
      conduct: onRequest((socket, request) => void socket.end(switching(request).slice(0, 60))),
      errors: ["ERR_OPAMP_CLOSED", "ERR_OPAMP_CONNECT"],
    },
    {
      name: "stops after half of the 101",
      ...saying((request) => switching(request).slice(0, 60)),
      slow: true,
      errors: ["ERR_OPAMP_TIMEOUT"],
    },
    {
      name: "sends the 101 byte by byte",
      conduct: dripping("HTTP/1.1 101 ", "x"),
      slow: true,
      errors: ["ERR_OPAMP_TIMEOUT"],
    },
    {
      name: "answers with a wrong key",
      ...saying((request) => switching(request).replace(/(?<=Accept: )./, (first) => (first === "+" ? "/" : "+"))),
      errors: NO_HANDSHAKE,
    },
    {
      name: "answers without a key",
      ...saying(() => head("HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade")),
      errors: NO_HANDSHAKE,
    },
    {
      name: "names no protocol to switch to",
      ...saying(({ headers }) => head("HTTP/1.1 101 Switching Protocols", accept(headers))),
      errors: ["ERR_OPAMP_NOT_OPAMP", "ERR_OPAMP_HTTP_STATUS", "ERR_OPAMP_CLOSED"],
    },
    {
      name: "switches to HTTP/2",
      ...saying(({ headers }) =>
        head("HTTP/1.1 101 Switching Protocols", "Upgrade: h2c", "Connection: Upgrade", accept(headers)),
      ),
      errors: NO_HANDSHAKE,
    },
    {
      name: "picks a subprotocol that was not offered",
      ...saying((request) => switching(request, "Sec-WebSocket-Protocol: chat")),
      errors: NO_HANDSHAKE,
    },
    {
      name: "picks an extension that was not offered",
      ...saying((request) => switching(request, "Sec-WebSocket-Extensions: x-odd")),
      errors: NO_HANDSHAKE,
    },
    {
      name: "picks compression with invalid parameters",
      ...saying((request) =>
        switching(request, "Sec-WebSocket-Extensions: permessage-deflate; server_max_window_bits=99"),
      ),
      errors: NO_HANDSHAKE,
    },
    {
      name: "sends malformed extensions",
      ...saying((request) => switching(request, 'Sec-WebSocket-Extensions: ;;,="')),
      errors: NO_HANDSHAKE,
    },
    {
      name: "answers the upgrade with 200",
      conduct: answering(head("HTTP/1.1 200 OK", "Content-Length: 5"), "hello"),
      errors: NO_HANDSHAKE,
    },
    {
      name: "answers the upgrade with 200 and a body without end",
      costly: true,
      conduct: pouring(head("HTTP/1.1 200 OK"), KIB),
      errors: NO_HANDSHAKE,
    },
    {
      name: "answers the upgrade with 404 and a body that never comes",
      conduct: answering(head("HTTP/1.1 404 Not Found", "Content-Length: 5")),
      slow: true,
      errors: ["ERR_OPAMP_TIMEOUT", "ERR_OPAMP_HTTP_STATUS"],
    },
    {
      name: "answers the upgrade with headers without end",
      costly: true,
      conduct: pouring("HTTP/1.1 101 Switching Protocols\r\n", `X-More: ${KIB}\r\n`),
      errors: ["ERR_OPAMP_NOT_OPAMP", "ERR_OPAMP_CLOSED", "ERR_OPAMP_CONNECT"],
    },
    {
      name: "says 100 Continue for ever",
      costly: true,
      conduct: pouring("", head("HTTP/1.1 100 Continue")),
      errors: ["ERR_OPAMP_CLOSED", "ERR_OPAMP_NOT_OPAMP"],
    },
    { name: "answers the upgrade in HTTP/1.0", conduct: ending("HTTP/1.0 200 OK\r\n\r\nhello"), errors: NO_HANDSHAKE },
  ] satisfies HostileCase[]
).map((hostile) => ({ ...hostile, over: "WebSocket" }));
