import { expect } from "vitest";
import { ServerErrorResponseType } from "../../../src/gen/opamp/v1/opamp_pb.js";
import { OpAMPClient } from "../../../src/index.js";
import { memoryTransport, OpAMPServer, type ServerToAgentFields, virtualClock } from "../../../src/testing/index.js";
import { verifies } from "../../conformance/verifies.js";
import { ableOptions } from "./survives.js";

const MIB = 1_048_576;
const LONG = "long ".repeat(MIB / 5);
/** A few sentences and what the server said. */
const LONGEST_TEXT = 3_000;

const { ServerErrorResponseType_BadRequest: BAD_REQUEST } = ServerErrorResponseType;

const wordy: readonly [string, ServerToAgentFields][] = [
  ["a uid", { instanceUid: new Uint8Array(MIB) }],
  ["a new uid", { agentIdentification: { newInstanceUid: new Uint8Array(MIB) } }],
  ["a config hash", { remoteConfig: { configHash: new Uint8Array(MIB), config: {} } }],
  [
    "the name of a config file",
    { remoteConfig: { configHash: Uint8Array.of(1), config: { configMap: { [LONG]: {} } } } },
  ],
  ["an error text", { errorResponse: { type: BAD_REQUEST, errorMessage: LONG } }],
  ["a custom capability", { customCapabilities: { capabilities: [LONG] } }],
  ["a custom message", { customMessage: { capability: LONG, type: LONG } }],
  ["an endpoint", { connectionSettings: { opamp: { destinationEndpoint: LONG, heartbeatIntervalSeconds: 30n } } }],
];

for (const [what, fields] of wordy) {
  verifies("SEC-01", `${what} of a mebibyte makes no long log line, and no long error`, async ({ onTestFinished }) => {
    const server = await OpAMPServer.start({ onMessage: () => fields });
    onTestFinished(() => server.close());
    const clock = virtualClock();
    const lines: string[] = [];
    const write = (line: string): void => void lines.push(line);
    const client = new OpAMPClient({
      ...ableOptions(),
      remoteConfig: {
        apply({ files }) {
          for (const file of Object.values(files)) file.json();
        },
      },
      transport: memoryTransport(server),
      maxMessageBytes: 8 * MIB,
      clock,
      logger: { debug: write, info: write, warn: write, error: write },
    });
    const errors: string[] = [];
    client.on("error", ({ message, hint }) => errors.push(message + hint));
    client.start();
    await clock.advance(100_000);
    const stopped = client.stop();
    await clock.advance(10_000);
    await stopped;
    expect(lines.length).toBeGreaterThan(2);
    expect(Math.max(...[...lines, ...errors].map((text) => text.length))).toBeLessThan(LONGEST_TEXT);
  });
}
