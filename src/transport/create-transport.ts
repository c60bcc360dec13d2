import { AutoTransport } from "./auto.js";
import { HttpPollingTransport } from "./http/http-polling.js";
import type { TransportSettings } from "./settings/settings.js";
import type { Transport } from "./transport.js";
import type { Endpoint } from "./url/endpoint.js";
import { WebSocketTransport } from "./websocket.js";

/** The transport that an endpoint's scheme asks for (TRANS-01), or the one that finds out which gets through. */
export function createTransport(kind: Endpoint["kind"] | "auto", settings: TransportSettings): Transport {
  switch (kind) {
    case "websocket":
      return new WebSocketTransport(settings);
    case "http":
      return new HttpPollingTransport(settings);
    case "auto":
      return new AutoTransport(settings);
    default:
      return kind satisfies never;
  }
}
