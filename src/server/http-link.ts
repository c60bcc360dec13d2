import type { ServerResponse } from "node:http";
import type { HttpLink, LinkOrigin } from "./link.js";
import { refuse } from "./refusal.js";

/** The media type of both directions (HTTP-06). */
export const PROTOBUF_TYPE = "application/x-protobuf";

/** A link over a POST whose body has been read. */
export function httpLink(response: ServerResponse, origin: LinkOrigin): HttpLink {
  return {
    ...origin,
    transport: "http",
    get open() {
      return !response.writableEnded && !response.destroyed;
    },
    send(payload) {
      response.writeHead(200, { "content-type": PROTOBUF_TYPE, "content-length": payload.byteLength });
      response.end(payload);
    },
    refuse: (reason) => refuse(response, { status: 400, body: reason }),
    destroy: () => void response.destroy(),
  };
}
