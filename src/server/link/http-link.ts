import { type IncomingMessage, ServerResponse, STATUS_CODES, validateHeaderName, validateHeaderValue } from "node:http";
import { gzipSync } from "node:zlib";
import { attempt, isObject, member, wrongKind, wrongOption } from "../../base/checks.js";
import {
  checkByRules,
  isAmount,
  isRecordOf,
  isText,
  isTextOrBytes,
  isValidDate,
  isWholeNumber,
  type Rule,
  type RulesFor,
} from "../../base/rules.js";
import { messageOf } from "../../errors.js";
import type { HttpLink, LinkOrigin } from "./link.js";

/** An HTTP answer in place of an OpAMP one, to a POST or to a WebSocket upgrade. */
export interface Refusal {
  /** The HTTP status. */
  status: number;
  /** Header fields of the answer. Default: none. */
  headers?: Record<string, string> | undefined;
  /** The Retry-After header: seconds, or a date (THR-04). Default: none. */
  retryAfter?: number | Date | undefined;
  /** Default: the status in words. */
  body?: string | Uint8Array | undefined;
}

/** A text that Node lets into the value of a header. */
export const isHeaderValue: Rule = (where, value) => {
  isText(where, value);
  if (attempt(() => validateHeaderValue("x", String(value)) ?? true) === undefined) {
    throw wrongOption(where, "has characters that a header must not have");
  }
};

const areHeaders: Rule = (where, value) => {
  isRecordOf(isHeaderValue)(where, value);
  for (const name of Object.keys(Object(value))) {
    if (attempt(() => validateHeaderName(name) ?? true) === undefined) {
      throw wrongOption(member(where, name), "is not a valid name of a header");
    }
  }
};

export const REFUSAL_RULES: RulesFor<Refusal> = {
  // An interim answer would be followed by nothing.
  status: isWholeNumber(200, 599),
  headers: areHeaders,
  retryAfter: (where, value) => (typeof value === "object" ? isValidDate : isAmount)(where, value),
  body: isTextOrBytes,
};

/** Throws ERR_OPAMP_OPTION for what is not a refusal. */
export function checkRefusal(refusal: unknown): void {
  if (!isObject(refusal)) throw wrongKind("refusal", "an object such as { status: 503 }", refusal);
  checkByRules("refusal", refusal, REFUSAL_RULES, ["status"]);
}

/** The media type of both directions (HTTP-06). */
export const PROTOBUF_TYPE = "application/x-protobuf";

/** A link over a POST whose body has been read. */
export function httpLink(response: ServerResponse, origin: LinkOrigin): HttpLink {
  return {
    origin,
    transport: "http",
    socket: response.req.socket,
    isOpen: () => !response.writableEnded && !response.destroyed,
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

/** Answers a request. */
export function refuse(response: ServerResponse, { status, headers = {}, retryAfter, body }: Refusal): void {
  const pause = retryAfter !== undefined && {
    "retry-after": typeof retryAfter === "number" ? String(retryAfter) : retryAfter.toUTCString(),
  };
  try {
    response.writeHead(status, { ...pause, ...headers });
    response.end(body ?? `${STATUS_CODES[status] ?? ""}\n`);
  } catch (cause) {
    // Headers that contradict each other, which only Node can tell.
    const text = `cannot answer with ${status}: ${messageOf(cause)}\n`;
    response.writeHead(500, { "content-length": Buffer.byteLength(text) }).end(text);
  }
}

/** Answers a WebSocket upgrade and ends its connection. */
export function refuseUpgrade(request: IncomingMessage, refusal: Refusal): void {
  const { socket } = request;
  const response = new ServerResponse(request);
  response.shouldKeepAlive = false;
  response.assignSocket(socket);
  response.on("finish", () => socket.destroySoon());
  refuse(response, refusal);
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
