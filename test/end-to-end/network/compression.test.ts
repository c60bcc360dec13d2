import { describe, expect, test } from "vitest";
import { makeClient } from "../../client/wire-fixture.js";
import { verifies } from "../../conformance/verifies.js";
import { startServer } from "../../server/server-fixture.js";
import { collect } from "../contract/meeting.js";
import { urlOf, type Way, ways } from "./network-fixture.js";

/** Longer than one frame and one buffer, and easily compressed. */
const LONG = "receivers: [otlp]\n".repeat(10_000);

const CASES = [
  ["neither side compresses", false, false],
  ["only the agent compresses", true, false],
  ["only the server compresses", false, true],
  ["both sides compress", true, true],
] as const;

/** Has a large config reported, and another one applied. @returns the server, and how many bytes each took */
async function exchange(way: Way, agentDoes: boolean, serverDoes: boolean) {
  const server = await startServer({ compression: serverDoes });
  const applied: string[] = [];
  const client = makeClient({
    url: urlOf(server, way),
    compression: agentDoes,
    ...(way.duplex ? {} : { heartbeat: { intervalMs: 5 } }),
    effectiveConfig: () => ({ "a.yaml": { body: LONG } }),
    remoteConfig: { apply: ({ files }) => void applied.push(files["a.yaml"]?.text() ?? "") },
  });
  const errors = collect(client, "error");
  client.start();
  const agent = server.agent(client.instanceUid);
  await agent.until(({ effectiveFiles }) => effectiveFiles["a.yaml"]?.text() === LONG);
  const { link } = agent;
  const up = server.traffic.received;
  agent.offerConfig({ "a.yaml": LONG });
  await agent.until((record) => record.hasApplied());
  expect([applied, errors]).toEqual([[LONG], []]);
  return { link, headers: server.attempts[0]?.headers, up: sizeOf(up), down: sizeOf(server.traffic.sent) };
}

function sizeOf(bytes: number): string {
  if (bytes < LONG.length / 10) return "small";
  return bytes > LONG.length ? "full" : `${bytes} bytes`;
}

describe.each(CASES)("large configs arrive both ways where %s", (_who, agentDoes, serverDoes) => {
  const [webSocket, http] = ways;
  if (webSocket === undefined || http === undefined) throw new Error("no transports");

  test("over WebSocket, compressed as far as both sides want that", async () => {
    const { link, headers, up, down } = await exchange(webSocket, agentDoes, serverDoes);
    expect([up, down]).toEqual([agentDoes && serverDoes ? "small" : "full", serverDoes ? "small" : "full"]);
    expect(link).toMatchObject({ receivesCompressed: serverDoes, sendsCompressed: serverDoes });
    expect(headers?.["sec-websocket-extensions"]).toMatch(/^permessage-deflate/);
  });

  verifies(["HTTP-07", "HTTP-09"], "over HTTP, compressed by the agent, and by a server that it asks to", async () => {
    const { link, headers, up, down } = await exchange(http, agentDoes, serverDoes);
    expect([up, down]).toEqual([agentDoes ? "small" : "full", agentDoes && serverDoes ? "small" : "full"]);
    expect(link).toMatchObject({ receivesCompressed: agentDoes, sendsCompressed: agentDoes && serverDoes });
    expect(headers?.["content-encoding"]).toBe(agentDoes ? "gzip" : undefined);
    expect(headers?.["accept-encoding"]).toBe(agentDoes ? "gzip" : undefined);
  });
});
