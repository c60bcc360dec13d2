import { randomBytes } from "node:crypto";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import {
  AgentCapabilities,
  type AgentRemoteConfig,
  AgentToServerSchema,
  RemoteConfigStatuses,
  type ServerToAgent,
  ServerToAgentSchema,
} from "opamp-client/proto";

const CAPABILITIES = BigInt(
  AgentCapabilities.AgentCapabilities_ReportsStatus |
    AgentCapabilities.AgentCapabilities_ReportsHealth |
    AgentCapabilities.AgentCapabilities_ReportsHeartbeat |
    AgentCapabilities.AgentCapabilities_ReportsEffectiveConfig,
);
const CONFIGURABLE = BigInt(
  AgentCapabilities.AgentCapabilities_AcceptsRemoteConfig | AgentCapabilities.AgentCapabilities_ReportsRemoteConfig,
);

/** The messages that the other clients send, made without any client: the protobuf work that nobody can do without. */
export class Reports {
  readonly #instanceUid = new Uint8Array(randomBytes(16));
  readonly #capabilities: bigint;
  #sequenceNum = 0n;

  constructor(apply: boolean) {
    this.#capabilities = apply ? CAPABILITIES | CONFIGURABLE : CAPABILITIES;
  }

  first(): Uint8Array {
    return this.#encode({
      agentDescription: {
        identifyingAttributes: [text("service.name", "yardstick"), text("service.version", "1.0.0")],
        nonIdentifyingAttributes: [text("os.type", "linux"), text("host.name", "bench")],
      },
      health: { healthy: true, status: "StatusOK" },
      effectiveConfig: {
        configMap: {
          configMap: { "collector.yaml": { body: Buffer.from("receivers: {}\n"), contentType: "text/yaml" } },
        },
      },
    });
  }

  heartbeat(): Uint8Array {
    return this.#encode({});
  }

  applied({ configHash, config }: AgentRemoteConfig): Uint8Array {
    return this.#encode({
      remoteConfigStatus: {
        lastRemoteConfigHash: configHash,
        status: RemoteConfigStatuses.RemoteConfigStatuses_APPLIED,
      },
      effectiveConfig: config === undefined ? {} : { configMap: config },
    });
  }

  #encode(parts: Exclude<MessageInitShape<typeof AgentToServerSchema>, { $typeName: string }>): Uint8Array {
    this.#sequenceNum += 1n;
    const message = create(AgentToServerSchema, {
      instanceUid: this.#instanceUid,
      sequenceNum: this.#sequenceNum,
      capabilities: this.#capabilities,
      ...parts,
    });
    return toBinary(AgentToServerSchema, message);
  }
}

export function readAnswer(bytes: Uint8Array): ServerToAgent {
  return fromBinary(ServerToAgentSchema, bytes);
}

function text(key: string, value: string) {
  return { key, value: { value: { case: "stringValue" as const, value } } };
}
