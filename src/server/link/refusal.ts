import { type IncomingMessage, ServerResponse, STATUS_CODES } from "node:http";

/** An HTTP answer in place of an OpAMP one, to a POST or to a WebSocket upgrade. */
export interface Refusal {
  status: number;
  headers?: Record<string, string>;
  /** The Retry-After header: seconds, or a date (THR-04). Default: none. */
  retryAfter?: number | Date;
  /** Default: the status in words. */
  body?: string | Uint8Array;
}

/** Answers a request. */
export function refuse(response: ServerResponse, { status, headers = {}, retryAfter, body }: Refusal): void {
  const pause = retryAfter !== undefined && {
    "retry-after": typeof retryAfter === "number" ? String(retryAfter) : retryAfter.toUTCString(),
  };
  response.writeHead(status, { ...pause, ...headers });
  response.end(body ?? `${STATUS_CODES[status] ?? ""}\n`);
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
