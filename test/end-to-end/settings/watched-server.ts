import type { IncomingHttpHeaders } from "node:http";
import type { OpAMPClient } from "../../../src/index.js";
import type { OpAMPServer, OpAMPServerOptions } from "../../../src/testing/index.js";
import { startServer } from "../../server/server-fixture.js";

export const [APPLIED, APPLYING, FAILED] = [1, 2, 3];
export const PATIENCE = { timeoutMs: 10_000 };

/** A server that ends with the test, and the headers that it saw with each attempt. */
export async function watchedServer(options: OpAMPServerOptions = {}) {
  const seen: IncomingHttpHeaders[] = [];
  const server = await startServer({
    ...options,
    onConnect(request) {
      seen.push(request.headers);
      return options.onConnect?.(request);
    },
  });
  return Object.assign(server, { seen });
}

export type WatchedServer = Awaited<ReturnType<typeof watchedServer>>;

/** Offers settings for the agent's own connection. */
export function offerFrom(at: OpAMPServer, { instanceUid }: OpAMPClient, opamp: object, hash = 1): void {
  at.agent(instanceUid).send({ connectionSettings: { hash: Uint8Array.of(hash), opamp } });
}

/** Waits until a server is told this status of an offer. @returns what else it is told: why it failed */
export async function hears(at: OpAMPServer, { instanceUid }: OpAMPClient, status: number, hash = 1): Promise<string> {
  const agent = at.agent(instanceUid);
  await agent.until(({ connectionSettingsStatus: told }) => {
    return told?.status === status && told.lastConnectionSettingsHash[0] === hash;
  }, PATIENCE);
  return agent.connectionSettingsStatus?.errorMessage ?? "";
}
