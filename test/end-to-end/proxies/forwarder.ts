import { createServer, type IncomingHttpHeaders } from "node:http";
import { Arrivals } from "../../transport/arrivals.js";
import { forward } from "./forward.js";
import { addressOf, type Listening, listenForTest } from "./listening.js";

/** What went through a forwarder. */
export interface ForwardedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

export interface Forwarder extends Listening {
  /** The endpoint to give to a client. */
  readonly url: string;
  readonly requests: Arrivals<ForwardedRequest>;
}

/**
 * Forwards plain HTTP to one server, as a Collector with an `http_forwarder` does for agents that get its address as their
 * endpoint (INTEROP-04). It does not know WebSocket. It ends with the test.
 *
 * @param target the server's URL; its path is the clients' default
 */
export async function startForwarder(target: string): Promise<Forwarder> {
  const { host, pathname } = new URL(target);
  const requests = new Arrivals<ForwardedRequest>();
  const server = createServer((request, response) => {
    const { method = "", url: path = "/", headers } = request;
    requests.push({ method, path, headers });
    // The next hop goes by its own name.
    request.headers.host = host;
    forward(request, response, { ...addressOf(host), path, via: "test-forwarder" });
  });
  const listening = await listenForTest(server);
  return { ...listening, url: `http://${listening.host}${pathname}`, requests };
}
