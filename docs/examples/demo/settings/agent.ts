import { type ConnectionState, fileStore, OpAMPClient } from "opamp-client";
import type { Timeline } from "../timeline.js";
import { phaseWords } from "../words.js";
import { connectionWords } from "./words.js";

/** The credential that the agent is installed with. */
export const FIRST_TOKEN = "first-day";

/**
 * A real agent that lets its server change its connection, within the host of its URL; its part in the story is told.
 *
 * @param directory where it keeps its state
 */
export function startAgent(url: string, directory: string, timeline: Timeline): OpAMPClient {
  const client = new OpAMPClient({
    url,
    headers: { Authorization: `Bearer ${FIRST_TOKEN}` },
    description: { identifying: { "service.name": "demo-agent" } },
    store: fileStore(directory),
    connectionSettings: {
      opamp: { verifyMs: 5_000 },
      certificates: { request: true }, // over TLS alone, so not from the first server
    },
    heartbeat: { intervalMs: 300, minMs: 100 }, // over HTTP the server can speak only when it is asked
    backoff: { minMs: 100, maxMs: 500 },
  });
  client.on("phase", ({ phase, previous, error, retryAt }) => {
    const retryInMs = retryAt === undefined ? 0 : retryAt.getTime() - Date.now();
    const isRetry = phase === "waiting" && error !== undefined;
    const isNews = isRetry || (phase === "online" && previous !== "online") || phase === "stopped";
    if (isNews)
      timeline.line("agent", phaseWords({ what: "phase", phase, previous, error: error?.message ?? "", retryInMs }));
    timeline.changed();
  });
  let stateBefore: ConnectionState | undefined;
  client.on("connection", (event) => {
    timeline.line("agent", connectionWords(event, stateBefore));
    stateBefore = event.state;
    timeline.changed();
  });
  client.on("error", () => undefined); // those of the connection are told with its phase
  client.start();
  return client;
}
