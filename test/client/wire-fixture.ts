import type { IncomingMessage, ServerResponse } from "node:http";
import { onTestFinished } from "vitest";
import type { AgentToServer } from "../../src/gen/opamp/v1/opamp_pb.js";
import { OpAMPClient, type OpAMPClientOptions } from "../../src/index.js";
import { decodeAgentToServer, encodeServerToAgent } from "../../src/wire/codec.js";
import { Arrivals } from "../transport/arrivals.js";
import { bodyOf, type RawServer, startHttp } from "../transport/raw-servers.js";

/** A POST that waits for the test to answer it. */
export interface Posted {
  message: AgentToServer;
  request: IncomingMessage;
  response: ServerResponse;
}

/** An HTTP server whose answers the test writes, byte for byte; it ends with the test. */
export async function startPostOffice(): Promise<RawServer & { url: string; posts: Arrivals<Posted> }> {
  const posts = new Arrivals<Posted>();
  const server = await startHttp((request, response) => {
    void bodyOf(request).then((body) => {
      const decoded = decodeAgentToServer(body);
      if (!decoded.ok) throw decoded.error;
      posts.push({ message: decoded.message, request, response });
    });
  });
  return { ...server, url: `http://${server.host}/v1/opamp`, posts };
}

/** Answers a POST as a server does that has nothing to say. */
export function acknowledge({ message, response }: Posted): void {
  response.writeHead(200, { "content-type": "application/x-protobuf" });
  response.end(encodeServerToAgent({ instanceUid: message.instanceUid }));
}

/** A client that retries fast; it ends with the test. */
export function makeClient(options: Partial<OpAMPClientOptions>): OpAMPClient {
  const client = new OpAMPClient({
    description: { identifying: { "service.name": "agent" } },
    backoff: { minMs: 1, maxMs: 5 },
    ...options,
  });
  onTestFinished(() => client.stop({ timeoutMs: 1 }));
  return client;
}
