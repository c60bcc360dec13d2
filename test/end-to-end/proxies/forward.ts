import { type IncomingHttpHeaders, type IncomingMessage, type ServerResponse, request as sendRequest } from "node:http";

/** Headers that are for the next hop alone (RFC 9110, 7.6.1), those included that a Connection header names. */
const HOP_BY_HOP = [
  "connection",
  "keep-alive",
  "proxy-authenticate",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
];

/** What may go on to the next hop. */
export function endToEnd(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  const named = (headers.connection ?? "").toLowerCase().split(/\s*,\s*/);
  return Object.fromEntries(
    Object.entries(headers).filter(([name]) => !HOP_BY_HOP.includes(name) && !named.includes(name)),
  );
}

/** Hands a request on and its answer back, both as they come in; 502 when nobody is there. */
export function forward(
  request: IncomingMessage,
  response: ServerResponse,
  { host, port, path, via }: { host: string; port: number; path: string; via: string },
): void {
  const headers = endToEnd(request.headers);
  const upstream = sendRequest({
    host,
    port,
    path,
    method: request.method,
    headers: { ...headers, via: [headers.via, `1.1 ${via}`].filter((hop) => hop !== undefined).join(", ") },
    agent: false,
  });
  upstream.on("response", (answer) => {
    response.writeHead(answer.statusCode ?? 502, endToEnd(answer.headers));
    answer.on("error", () => response.destroy());
    answer.pipe(response);
  });
  upstream.on("error", () => {
    if (response.headersSent) response.destroy();
    else response.writeHead(502).end("nobody there");
  });
  response.on("close", () => upstream.destroy());
  request.on("error", () => upstream.destroy());
  request.pipe(upstream);
}
