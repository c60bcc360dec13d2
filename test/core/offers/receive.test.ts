import { fromBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { capabilityNames, capabilityTable, maskOf } from "../../../src/core/capabilities.js";
import { Again } from "../../../src/core/parts.js";
import { demandsOf, errorOf } from "../../../src/core/receive.js";
import { ServerToAgentSchema } from "../../../src/gen/opamp/v1/opamp_pb.js";
import { verifies } from "../../conformance/verifies.js";
import { type Answer, message } from "../harness.js";
import { hash, uid } from "../values.js";

const ALL = maskOf(capabilityNames);

const everything = {
  customMessage: { capability: "com.example.one", type: "t", data: hash(1) },
  customCapabilities: { capabilities: ["com.example.one"] },
  packagesAvailable: { allPackagesHash: hash(1) },
  remoteConfig: { config: { configMap: {} }, configHash: hash(1) },
  connectionSettings: { hash: hash(1), opamp: { heartbeatIntervalSeconds: 7n } },
  flags: 3n,
  agentIdentification: { newInstanceUid: uid(2) },
  capabilities: 7n,
} satisfies Answer;

const typesOf = (answer: Answer, declared = ALL): readonly string[] =>
  demandsOf(message(answer), declared).map(({ type }) => type);

describe("what a message asks for", () => {
  test("is done in one fixed order", () => {
    expect(typesOf(everything)).toEqual([
      "serverCapabilities",
      "newUid",
      "again",
      "heartbeat",
      "remoteConfig",
      "ignored",
      "customCapabilities",
      "customMessage",
    ]);
  });

  test("is nothing when no field is set", () => {
    expect(typesOf({})).toEqual([]);
    expect(typesOf({ instanceUid: uid(1) })).toEqual([]);
  });

  verifies("CAP-05", "leaves out offers that were not declared, and keeps the rest", () => {
    expect(typesOf(everything, 1n)).toEqual([
      "serverCapabilities",
      "newUid",
      "again",
      "ignored",
      "ignored",
      "ignored",
      "customCapabilities",
      "customMessage",
    ]);
    expect(typesOf({ ...everything, command: {} }, 1n).slice(0, 4)).toEqual([
      "serverCapabilities",
      "ignored",
      "newUid",
      "again",
    ]);
  });

  test.each([
    ["acceptsRemoteConfig", { remoteConfig: everything.remoteConfig }, "remoteConfig"],
    ["reportsHeartbeat", { connectionSettings: everything.connectionSettings }, "heartbeat"],
    ["acceptsRestartCommand", { command: {} }, "restart"],
  ] as const)("needs %s", (name, answer, type) => {
    expect(typesOf(answer, maskOf([name]))).toEqual([type]);
    expect(typesOf(answer, ALL & ~capabilityTable[name].bit)).toEqual(["ignored"]);
  });

  test("does not ask for components of an agent that has none to tell", () => {
    expect(typesOf({ flags: 2n }, 1n)).toEqual([]);
  });

  verifies("CAP-07", "has no capabilities when the server does not repeat them", () => {
    expect(typesOf({ capabilities: 0n })).toEqual([]);
  });

  verifies("UID-06", "has a new uid only when it has 16 bytes", () => {
    for (const bytes of [0, 15, 17]) {
      expect(demandsOf(message({ agentIdentification: { newInstanceUid: new Uint8Array(bytes) } }), ALL)).toEqual([
        { type: "badNewUid", bytes },
      ]);
    }
    expect(demandsOf(message({ agentIdentification: {} }), ALL)).toEqual([{ type: "badNewUid", bytes: 0 }]);
  });

  test("ignores connection settings that are not about OpAMP itself", () => {
    expect(typesOf({ connectionSettings: { hash: hash(1), ownMetrics: { destinationEndpoint: "http://a" } } })).toEqual(
      ["ignored"],
    );
  });

  verifies("INTEROP-02", "ignores flags that nobody knows", () => {
    expect(typesOf({ flags: 0xffff_ffff_ffff_fffcn })).toEqual([]);
  });
});

describe("a command", () => {
  verifies("CMD-01", "is a restart when its message is there and empty", () => {
    expect(demandsOf(fromBinary(ServerToAgentSchema, Uint8Array.of(0x4a, 0x00)), ALL)).toEqual([{ type: "restart" }]);
    expect(demandsOf(fromBinary(ServerToAgentSchema, new Uint8Array()), ALL)).toEqual([]);
  });

  verifies("CMD-02", "stands alone beside the capabilities", () => {
    expect(typesOf({ ...everything, command: {} })).toEqual(["serverCapabilities", "restart"]);
  });

  verifies(
    ["CMD-03", "INTEROP-02"],
    "of a type that nobody knows is ignored, and the rest of the message is not",
    () => {
      const answer = message({ command: {}, flags: 1n });
      if (answer.command !== undefined) Object.assign(answer.command, { type: 99 });
      expect(demandsOf(answer, ALL)).toEqual([
        { type: "ignored", what: "a command of unknown type 99" },
        { type: "again", what: Again.everything | Again.effectiveConfig },
      ]);
    },
  );

  verifies("CMD-03", "that was not declared is ignored", () => {
    expect(typesOf({ command: {} }, 1n)).toEqual(["ignored"]);
  });
});

describe("an error response", () => {
  const NO_LENGTH = { type: "unavailable", message: "", retryAfterMs: undefined };
  const withType = (type: number, retry?: bigint): Answer => ({
    errorResponse: {
      type,
      ...(retry === undefined
        ? {}
        : { Details: { case: "retryInfo" as const, value: { retryAfterNanoseconds: retry } } }),
    },
  });

  test("is none when the field is absent", () => {
    expect(errorOf(message(everything))).toBeUndefined();
  });

  test.each([
    [0, "unknown"],
    [1, "badRequest"],
    [7, "unknown"],
    [-1, "unknown"],
  ])("of type %d is a refusal (%s)", (type, error) => {
    expect(errorOf(message(withType(type)))).toEqual({ type: "refused", error, message: "" });
  });

  test("keeps the server's words", () => {
    expect(errorOf(message({ errorResponse: { type: 1, errorMessage: "no such tenant" } }))?.message).toBe(
      "no such tenant",
    );
  });

  verifies("THR-02", "has its pause read as nanoseconds, rounded up", () => {
    expect(errorOf(message(withType(2, 1_500_000_000n)))).toEqual({ ...NO_LENGTH, retryAfterMs: 1_500 });
    expect(errorOf(message(withType(2, 1n)))).toEqual({ ...NO_LENGTH, retryAfterMs: 1 });
  });

  verifies("THR-02", "has a pause above 2^53 ns read without overflow", () => {
    for (const nanoseconds of [2n ** 53n + 1n, 2n ** 63n, 2n ** 64n - 1n]) {
      const error = errorOf(message(withType(2, nanoseconds)));
      expect(error?.type === "unavailable" && error.retryAfterMs).toBeCloseTo(Number(nanoseconds) / 1e6, -2);
    }
  });

  test("without a pause, or with one of 0, leaves its length open", () => {
    expect(errorOf(message(withType(2)))).toEqual(NO_LENGTH);
    expect(errorOf(message(withType(2, 0n)))).toEqual(NO_LENGTH);
  });

  verifies("THR-02", "of another type has no pause", () => {
    for (const type of [0, 1, 7]) {
      expect(errorOf(message(withType(type, 1_000_000n)))).not.toHaveProperty("retryAfterMs");
    }
  });
});
