import { expect, test } from "vitest";
import { extensionHost } from "../../src/agent/extension-host.js";
import { readAgentConfig } from "../../src/agent/file/agent-config.js";

const silent = { debug() {}, info() {}, warn() {}, error() {} };

function clientOptions(text: string) {
  const config = readAgentConfig(text, { env: {} });
  return extensionHost(config, undefined, { log: silent, service: { name: "a", version: "1" } }).client;
}

const WS = "server: { ws: { endpoint: ws://h/ } }\n";
const HTTP = "server: { http: { endpoint: http://h/ } }\n";

test("waits between attempts to connect are half a minute at most, or what the file says", () => {
  expect(clientOptions(WS)).toEqual({ backoff: { minMs: 1_000, maxMs: 30_000 } });
  expect(clientOptions(`${WS}backoff: { min: 2s, max: 5s }`)).toEqual({ backoff: { minMs: 2_000, maxMs: 5_000 } });
  expect(clientOptions(`${WS}backoff: { max: 500ms }`)).toEqual({ backoff: { minMs: 500, maxMs: 500 } });
  expect(clientOptions(`${WS}backoff: { min: 2m }`)).toEqual({ backoff: { minMs: 120_000, maxMs: 120_000 } });
});

test("the interval of heartbeats is the file's over WebSocket, and not over HTTP, where it is that of the polls", () => {
  const heartbeat = "capabilities: { reports_heartbeat: true }\nheartbeat: { interval: 7s }\n";
  expect(clientOptions(`${WS}${heartbeat}`)).toMatchObject({ heartbeat: { intervalMs: 7_000 } });
  expect(clientOptions(`${HTTP}${heartbeat}`)).not.toHaveProperty("heartbeat");
});
