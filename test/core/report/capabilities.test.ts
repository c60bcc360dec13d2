import { describe, expect, test } from "vitest";
import {
  allowedParts,
  type CapabilityName,
  capabilityNames,
  capabilityTable,
  has,
  maskOf,
} from "../../../src/core/capabilities.js";
import { Part } from "../../../src/core/parts.js";
import { AgentCapabilities, ServerCapabilities } from "../../../src/gen/opamp/v1/opamp_pb.js";
import { verifies } from "../../conformance/verifies.js";

const ALL = maskOf(capabilityNames);

/** Which part goes with which bits. */
const gated: readonly (readonly [CapabilityName, keyof typeof Part, number | undefined])[] = [
  ["reportsHealth", "health", undefined],
  ["reportsEffectiveConfig", "effectiveConfig", ServerCapabilities.ServerCapabilities_AcceptsEffectiveConfig],
  ["reportsRemoteConfig", "remoteConfigStatus", undefined],
  ["reportsPackageStatuses", "packageStatuses", ServerCapabilities.ServerCapabilities_AcceptsPackagesStatus],
  ["reportsAvailableComponents", "availableComponents", undefined],
  ["reportsConnectionSettingsStatus", "connectionSettingsStatus", undefined],
];

describe("the table of capabilities", () => {
  test.each(capabilityNames)("gives %s the bit that the schema gives it", (name) => {
    const wire = Object.entries(AgentCapabilities).find(
      ([key]) => key.toLowerCase() === `agentcapabilities_${name}`.toLowerCase(),
    );
    expect(wire?.[1]).toBe(Number(capabilityTable[name].bit));
  });

  test("has every bit of the schema", () => {
    const bits = Object.values(AgentCapabilities).filter((bit) => typeof bit === "number" && bit !== 0);
    expect(capabilityNames.map((name) => Number(capabilityTable[name].bit))).toEqual(bits);
  });

  verifies("CAP-02", "covers every bit of the mask", () => {
    expect(ALL).toBe(0xffffn);
  });
});

describe("a mask", () => {
  verifies("CAP-03", "always reports status", () => {
    expect(maskOf([])).toBe(1n);
    expect(maskOf(["reportsHealth"])).toBe(0x801n);
  });

  test("has the given capabilities and nothing else", () => {
    const mask = maskOf(["acceptsRestartCommand", "reportsHeartbeat"]);
    expect(capabilityNames.filter((name) => has(mask, name))).toEqual([
      "reportsStatus",
      "acceptsRestartCommand",
      "reportsHeartbeat",
    ]);
  });
});

describe("the parts that may be sent", () => {
  for (const [name, part, server] of gated) {
    verifies("CAP-06", `include ${part} with ${name} and not without`, () => {
      expect(allowedParts(maskOf([name]), 0n) & Part[part]).toBe(Part[part]);
      expect(allowedParts(ALL & ~capabilityTable[name].bit, 0n) & Part[part]).toBe(0);
    });

    if (server === undefined) {
      test(`include ${part} whatever the server declares`, () => {
        expect(allowedParts(ALL, 1n) & Part[part]).toBe(Part[part]);
      });
    } else {
      verifies(["CAP-07", "CAP-08"], `include ${part} until the server declares itself without it`, () => {
        expect(allowedParts(ALL, 0n) & Part[part]).toBe(Part[part]);
        expect(allowedParts(ALL, BigInt(server)) & Part[part]).toBe(Part[part]);
        expect(allowedParts(ALL, ~BigInt(server) & 0x7fn) & Part[part]).toBe(0);
      });
    }
  }

  test("always include those that need no capability", () => {
    const free = Part.agentDescription | Part.customCapabilities | Part.capabilities | Part.uidRequest;
    expect(allowedParts(1n, 1n)).toBe(free);
  });

  test("are all parts for an agent with all capabilities and a server that has not declared any", () => {
    expect(allowedParts(ALL, 0n)).toBe(Part.every);
  });

  verifies("INTEROP-02", "are the same with unknown bits", () => {
    expect(allowedParts(ALL | (1n << 60n), 0x7fn | (1n << 63n))).toBe(Part.every);
  });
});
