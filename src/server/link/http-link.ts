import type { ServerResponse } from "node:http";
import { gzipSync } from "node:zlib";
import type { HttpLink, LinkOrigin } from "./link.js";
import { refuse } from "./refusal.js";

/** The media type of both directions (HTTP-06). */
export const PROTOBUF_TYPE = "application/x-protobuf";

/** A link over a POST whose body has been read. */
export function httpLink(response: ServerResponse, origin: LinkOrigin): HttpLink {
  return {
    origin,
    transport: "http",
    wire: { response, socket: response.req.socket },
    get open() {
      return !response.writableEnded && !response.destroyed;
    },
    send(payload) {
      const body = origin.sendsCompressed ? gzipSync(payload) : payload;
      response.writeHead(200, {
        "content-type": PROTOBUF_TYPE,
        "content-length": body.byteLength,
        ...(origin.sendsCompressed && { "content-encoding": "gzip" }),
      });
      response.end(body);
    },
    refuse: (reason) => refuse(response, { status: 400, body: reason }),
    destroy: () => void response.destroy(),
  };
}

/** Whether an Accept-Encoding header allows gzip (HTTP-09). */
export function acceptsGzip(header: string | string[] | undefined): boolean {
  const weights = new Map(
    String(header ?? "")
      .split(",")
      .map((item) => {
        const [coding = "", ...parameters] = item.split(";").map((part) => part.trim().toLowerCase());
        const weight = parameters.find((parameter) => parameter.startsWith("q="))?.slice("q=".length);
        return [coding, weight === undefined ? 1 : Number(weight)] as const;
      }),
  );
  return (weights.get("gzip") ?? weights.get("x-gzip") ?? weights.get("*") ?? 0) > 0;
}
