import { LazyTransport, type TransportKind } from "./lazy-transport.js";
import type { TransportSettings } from "./settings/settings.js";
import type { Transport } from "./transport.js";
import type { Endpoint } from "./url/endpoint.js";

const KINDS: Readonly<Record<Endpoint["kind"] | "auto", TransportKind>> = {
  websocket: {
    name: "websocket",
    duplex: true,
    async load(settings) {
      const { WebSocketTransport } = await import("./websocket.js");
      return new WebSocketTransport(settings);
    },
  },
  http: {
    name: "http",
    duplex: false,
    async load(settings) {
      const { HttpPollingTransport } = await import("./http/http-polling.js");
      return new HttpPollingTransport(settings);
    },
  },
  auto: {
    name: "websocket",
    duplex: true,
    async load(settings) {
      const { AutoTransport } = await import("./auto.js");
      return new AutoTransport(settings);
    },
  },
};

/** The transport that an endpoint's scheme asks for (TRANS-01), or the one that finds out which gets through. */
export function createTransport(kind: Endpoint["kind"] | "auto", settings: TransportSettings): Transport {
  return new LazyTransport(KINDS[kind], settings);
}
