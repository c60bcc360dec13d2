import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import { messageOf, OpAMPError } from "../../errors.js";
import { frame, unframe } from "../../wire/ws-frame.js";
import type { LinkOrigin, WebSocketLink } from "./link.js";

/** Whom a WebSocket reports to. */
export interface WebSocketEars {
  payload(payload: Uint8Array): void;
  malformed(error: OpAMPError): void;
  /** The connection is gone for good. */
  ended(): void;
}

/** A link over an accepted WebSocket. */
export function webSocketLink(webSocket: WebSocket, socket: Socket, origin: LinkOrigin): WebSocketLink {
  return {
    origin,
    transport: "ws",
    wire: { socket, sendFragment: (bytes, isLast) => webSocket.send(bytes, { binary: true, fin: isLast }) },
    get open() {
      return webSocket.readyState === webSocket.OPEN;
    },
    send: (payload) => webSocket.send(frame(payload)),
    sendAsIs: (message) => webSocket.send(message, { binary: typeof message !== "string" }),
    close: (code, reason) => webSocket.close(code, reason),
    destroy: () => webSocket.terminate(),
  };
}

/** Takes payloads out of WebSocket messages. */
export function listenTo(webSocket: WebSocket, ears: WebSocketEars): void {
  webSocket.on("message", (data: Buffer, isBinary: boolean) => {
    const unframed = isBinary ? unframe(data) : { ok: false as const, error: malformed("a WebSocket text message") };
    if (unframed.ok) {
      ears.payload(unframed.payload);
    } else {
      ears.malformed(unframed.error);
    }
  });
  // Broken framing, or a message over the limit: the library closes with the fitting code (SIZE-09).
  webSocket.on("error", (thrown) => ears.malformed(malformed(messageOf(thrown), thrown)));
  webSocket.on("close", () => ears.ended());
}

function malformed(message: string, cause?: unknown): OpAMPError {
  return new OpAMPError("ERR_OPAMP_MALFORMED", message, { cause, hint: "the agent sent what is not OpAMP" });
}
