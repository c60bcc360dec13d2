import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { type AgentRemoteConfigSchema, RemoteConfigStatuses } from "opamp-client/proto";
import { OpAMPServer, type Reply } from "opamp-client/testing";

// Stands in for the Go server where there is no Go: the same flags, and of its commands those that the benchmark uses.

const OFFER_BYTES = 2048;
const HASH_BYTES = 32;
const filler = "# receivers: {otlp: {protocols: {grpc: {}, http: {}}}}\n".repeat(40);

const { values } = parseArgs({
  options: { quiet: { type: "boolean" }, cycles: { type: "boolean", default: false } },
});
const offered = new Map<string, Uint8Array>();
let [cycles, messages, offers] = [0, 0, 0];

function offer(uid: string): MessageInitShape<typeof AgentRemoteConfigSchema> {
  offers += 1;
  const configHash = new Uint8Array(HASH_BYTES);
  new DataView(configHash.buffer).setUint32(HASH_BYTES - 4, offers);
  offered.set(uid, configHash);
  const body = Buffer.from(`# offer ${offers}\n${filler}`).subarray(0, OFFER_BYTES);
  return { configHash, config: { configMap: { "collector.yaml": { body, contentType: "text/yaml" } } } };
}

const server = await OpAMPServer.start({
  keepMessages: 1,
  onMessage({ uidText }, { remoteConfigStatus: status }): Reply {
    messages += 1;
    if (!values.cycles) return undefined;
    const latest = offered.get(uidText);
    const applied =
      latest !== undefined &&
      status?.status === RemoteConfigStatuses.RemoteConfigStatuses_APPLIED &&
      Buffer.compare(status.lastRemoteConfigHash, latest) === 0;
    if (applied) cycles += 1;
    return applied || latest === undefined ? { remoteConfig: offer(uidText) } : undefined;
  },
});

const emit = (event: Readonly<Record<string, unknown>>): void => {
  process.stdout.write(`${JSON.stringify(event)}\n`);
};
const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const command: { id: number; cmd: string } = JSON.parse(line);
  if (command.cmd === "count") emit({ event: "count", id: command.id, cycles, messages });
  else emit({ event: "error", id: command.id, error: `unknown command ${command.cmd}` });
});
lines.on("close", () => void server.close());
emit({ event: "listening", port: server.port });
