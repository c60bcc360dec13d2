import { createHash } from "node:crypto";
import type { IncomingMessage } from "node:http";
import type { TransportName } from "../link/link.js";
import type { Refusal } from "../link/refusal.js";
import { GARBAGE, type RequestMisbehaviour } from "./misbehaviour.js";
import { pour } from "./pour.js";

/** What RFC 6455 has servers add to a client's key. */
const WEBSOCKET_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const DEFAULT_HEADER_BYTES = 1_048_576;
const FILLER = "x".repeat(1000);

/** What a misbehaviour comes to: an answer that plain HTTP can give, or something done to the socket. */
export type RequestTwist =
  | { kind: "answer"; refusal: Refusal }
  /** @returns the status that the client sees, if it sees one */
  | { kind: "socket"; act(reset: () => void): number | undefined };

/** Prepares to misbehave towards a request; undefined if this kind of request gives no occasion. */
export function twistRequest(
  bad: RequestMisbehaviour,
  request: IncomingMessage,
  transport: TransportName,
  url: string,
): RequestTwist | undefined {
  const { socket } = request;
  const act = (action: (reset: () => void) => void, status?: number): RequestTwist => ({
    kind: "socket",
    act(reset) {
      // Reads on, so that the end of the connection is seen.
      request.resume();
      socket.resume();
      action(reset);
      return status;
    },
  });
  switch (bad.mode) {
    case "silence":
      return act(() => endWithPeer(request));
    case "garbage":
      return act(() => void socket.end(bad.bytes ?? GARBAGE));
    case "hang-up":
      return act(() => socket.destroySoon());
    case "half-close":
      return act(() => void socket.end());
    case "reset":
      return act((reset) => reset());
    case "redirect":
      return { kind: "answer", refusal: { status: bad.status ?? 307, headers: { location: bad.to ?? url } } };
    case "stuck-headers":
      return act(() => {
        socket.write("HTTP/1.1 200 OK\r\nX-Stuck: ");
        endWithPeer(request);
      });
    case "huge-headers":
      return act(() => pour(hugeHeaders(bad.bytes ?? DEFAULT_HEADER_BYTES), socket, () => socket.end()), 200);
    case "half-handshake":
      return transport === "http"
        ? undefined
        : act(() => {
            const answer = switchingProtocols(acceptFor(request));
            socket.end(answer.slice(0, answer.length / 2));
          });
    case "wrong-accept":
      return transport === "http"
        ? undefined
        : act(() => {
            socket.write(switchingProtocols(acceptFor(request, "of somebody else")));
            endWithPeer(request);
          }, 101);
    default:
      return bad satisfies never;
  }
}

/** A connection on which this side has nothing more to say ends when the other side does. */
function endWithPeer({ socket }: IncomingMessage): void {
  socket.once("end", () => socket.end());
}

function acceptFor({ headers }: IncomingMessage, salt = ""): string {
  return createHash("sha1").update(`${headers["sec-websocket-key"]}${WEBSOCKET_GUID}${salt}`).digest("base64");
}

function switchingProtocols(accept: string): string {
  const lines = ["HTTP/1.1 101 Switching Protocols", "Upgrade: websocket", "Connection: Upgrade"];
  return [...lines, `Sec-WebSocket-Accept: ${accept}`, "", ""].join("\r\n");
}

function* hugeHeaders(bytes: number): Generator<Uint8Array> {
  yield Buffer.from("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n");
  for (let sent = 0; sent < bytes; ) {
    const line = Buffer.from(`X-Filler-${sent}: ${FILLER}\r\n`);
    sent += line.byteLength;
    yield line;
  }
  yield Buffer.from("\r\n");
}
