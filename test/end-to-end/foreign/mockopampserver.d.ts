// The package comes without types; these cover what the tests use.
declare module "@elastic/mockopampserver" {
  import type { AgentToServer, ServerToAgent } from "@elastic/mockopampserver/lib/generated/opamp_pb.js";

  export interface AgentConfigMapInit {
    configMap: Record<string, { body: Uint8Array; contentType: string }>;
  }

  export interface RecordedRequest {
    req: { method: string; headers: Record<string, string | undefined> };
    res?: { statusCode: number };
    /** Missing where no AgentToServer could be made of the request. */
    a2s?: AgentToServer;
    /** Missing where the request was refused by an HTTP status. */
    s2a?: ServerToAgent;
  }

  export interface ActiveAgent {
    sequenceNum: bigint;
    capabilities: bigint;
    remoteConfigStatus?: AgentToServer["remoteConfigStatus"];
    getIdentifyingAttributes(): Record<string, unknown>;
    getNonIdentifyingAttributes(): Record<string, unknown>;
  }

  export class MockOpAMPServer {
    constructor(options: {
      hostname: string;
      port: number;
      logLevel: string;
      testMode: boolean;
      agentConfigMap?: AgentConfigMapInit;
      badMode?: "server_error_response_unknown" | "server_error_response_unavailable";
    });
    readonly endpoint: string;
    start(): Promise<void>;
    close(): Promise<void>;
    setAgentConfigMap(map: AgentConfigMapInit): void;
    getActiveAgent(instanceUid: Uint8Array): ActiveAgent | undefined;
    testGetRequests(): RecordedRequest[];
  }
}
