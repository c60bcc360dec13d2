import type { Socket } from "node:net";
import type { WebSocket } from "ws";
import { messageOf, OpAMPError } from "../../errors.js";
import { frame, type Unframed, unframe } from "../../wire/codec.js";
import type { LinkOrigin, WebSocketLink } from "./link.js";

/** A link over an accepted WebSocket. */
export function webSocketLink(webSocket: WebSocket, socket: Socket, origin: LinkOrigin): WebSocketLink {
  return {
    origin,
    transport: "ws",
    socket,
    isOpen: () => webSocket.readyState === webSocket.OPEN,
    send: (payload) => webSocket.send(frame(payload)),
    sendAsIs: (message) => webSocket.send(message, { binary: typeof message !== "string" }),
    close: (code, reason) => webSocket.close(code, reason),
    destroy: () => webSocket.terminate(),
  };
}

/** Takes payloads, and what are none, out of WebSocket messages. */
export function listenTo(webSocket: WebSocket, heard: (message: Unframed) => void): void {
  webSocket.on("message", (data: Buffer, isBinary: boolean) => {
    heard(isBinary ? unframe(data) : malformed("a WebSocket text message"));
  });
  // Broken framing, or a message over the limit: the library closes with the fitting code (SIZE-09).
  webSocket.on("error", (thrown) => heard(malformed(messageOf(thrown), thrown)));
}

function malformed(message: string, cause?: unknown): Unframed {
  const error = new OpAMPError("ERR_OPAMP_MALFORMED", message, { cause, hint: "the agent sent what is not OpAMP" });
  return { ok: false, error };
}
