import type { Endpoint } from "./endpoint.js";
import { HttpPollingTransport } from "./http-polling.js";
import type { TransportSettings } from "./settings.js";
import type { Transport } from "./transport.js";
import { WebSocketTransport } from "./websocket.js";

/** The transport that an endpoint's scheme asks for (TRANS-01). */
export function createTransport(kind: Endpoint["kind"], settings: TransportSettings): Transport {
  return kind === "websocket" ? new WebSocketTransport(settings) : new HttpPollingTransport(settings);
}
