import { create, equals } from "@bufbuild/protobuf";
import { describe, expect } from "vitest";
import {
  AgentToServerSchema,
  ServerErrorResponseType,
  ServerToAgentFlags,
  ServerToAgentSchema,
} from "../../src/gen/opamp/v1/opamp_pb.js";
import {
  type AgentToServerInit,
  decodeAgentToServer,
  decodeServerToAgent,
  encodeAgentToServer,
  encodeServerToAgent,
  type ServerToAgentInit,
} from "../../src/wire/codec.js";
import { verifies } from "../conformance/verifies.js";
import { bytes, hex, uid } from "./bytes.js";

const UID_HEX = "00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F";

const fromAgents: readonly [string, AgentToServerInit, string][] = [
  ["nothing in it", {}, ""],
  [
    "what a heartbeat has",
    { instanceUid: uid, sequenceNum: 1n, capabilities: 0x2001n },
    `0A 10 ${UID_HEX} 10 01 20 81 40`,
  ],
  [
    "a disconnect",
    { instanceUid: uid, sequenceNum: 2n, capabilities: 0xffffn, agentDisconnect: {} },
    `0A 10 ${UID_HEX} 10 02 20 FF FF 03 4A 00`,
  ],
  [
    "an identifying attribute",
    {
      agentDescription: {
        identifyingAttributes: [{ key: "service.name", value: { value: { case: "stringValue", value: "a" } } }],
      },
    },
    "1A 15 0A 13 0A 0C 73 65 72 76 69 63 65 2E 6E 61 6D 65 12 03 0A 01 61",
  ],
  [
    "health with a start time that no double holds",
    { health: { healthy: true, startTimeUnixNano: 1_700_000_000_000_000_001n } },
    "2A 0B 08 01 11 01 00 2A 36 FE 9C 97 17",
  ],
];

const fromServers: readonly [string, ServerToAgentInit, string][] = [
  ["nothing in it", {}, ""],
  ["a restart, which is an empty command", { command: {} }, "4A 00"],
  [
    "both flags",
    {
      flags: BigInt(
        ServerToAgentFlags.ServerToAgentFlags_ReportFullState |
          ServerToAgentFlags.ServerToAgentFlags_ReportAvailableComponents,
      ),
    },
    "30 03",
  ],
  ["a new instance uid", { agentIdentification: { newInstanceUid: uid } }, `42 12 0A 10 ${UID_HEX}`],
  [
    "the word that it is unavailable, and for how long",
    {
      errorResponse: {
        type: ServerErrorResponseType.ServerErrorResponseType_Unavailable,
        Details: { case: "retryInfo", value: { retryAfterNanoseconds: 1_500_000_000n } },
      },
    },
    "12 0A 08 02 1A 06 08 80 DE A0 CB 05",
  ],
  [
    "a refusal with a text",
    { errorResponse: { type: ServerErrorResponseType.ServerErrorResponseType_BadRequest, errorMessage: "x" } },
    "12 05 08 01 12 01 78",
  ],
  [
    "a configuration of one file without a name",
    { remoteConfig: { config: { configMap: { "": { body: bytes("6B") } } }, configHash: bytes("01") } },
    "1A 0E 0A 09 0A 07 0A 00 12 03 0A 01 6B 12 01 01",
  ],
  [
    "connection settings",
    {
      connectionSettings: {
        hash: bytes("01"),
        opamp: { destinationEndpoint: "ws://h/v1/opamp", heartbeatIntervalSeconds: 10n },
      },
    },
    "22 18 0A 01 01 12 13 0A 0F 77 73 3A 2F 2F 68 2F 76 31 2F 6F 70 61 6D 70 20 0A",
  ],
];

describe("golden bytes", () => {
  for (const [content, init, want] of fromAgents) {
    verifies("INTEROP-03", `an agent's message with ${content} has the published bytes, both ways`, () => {
      expect(hex(encodeAgentToServer(init))).toBe(want);
      const decoded = decodeAgentToServer(bytes(want));
      expect(decoded.ok && equals(AgentToServerSchema, decoded.message, create(AgentToServerSchema, init))).toBe(true);
    });
  }

  for (const [content, init, want] of fromServers) {
    verifies("INTEROP-03", `a server's message with ${content} has the published bytes, both ways`, () => {
      expect(hex(encodeServerToAgent(init))).toBe(want);
      const decoded = decodeServerToAgent(bytes(want));
      expect(decoded.ok && equals(ServerToAgentSchema, decoded.message, create(ServerToAgentSchema, init))).toBe(true);
    });
  }
});
