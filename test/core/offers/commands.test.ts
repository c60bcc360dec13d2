import { fromBinary } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { ServerToAgentSchema } from "../../../src/gen/opamp/v1/opamp_pb.js";
import { verifies } from "../../conformance/verifies.js";
import { acknowledges, message, online, partsOf, polling, type Script } from "../harness.js";
import { hash, health } from "../values.js";

const CAN: Script = { can: ["acceptsRestartCommand", "acceptsRemoteConfig"], answers: acknowledges };

describe.each([
  ["on a duplex link", CAN],
  ["over HTTP", polling(CAN)],
] as const)("a command %s", (_name, script: Script) => {
  verifies("CMD-01", "to restart is passed on once, and a message without one is not", () => {
    const harness = online(script);
    harness.receive({ command: {} });
    harness.receive({});
    expect(harness.outputs).toEqual([{ type: "restart" }]);
  });

  verifies("CMD-01", "restarts when its field is present and empty", () => {
    const harness = online(script);
    harness.feed({ type: "received", message: fromBinary(ServerToAgentSchema, new Uint8Array()) });
    expect(harness.outputs).toEqual([]);
    harness.feed({ type: "received", message: fromBinary(ServerToAgentSchema, Uint8Array.of(0x4a, 0x00)) });
    expect(harness.outputs).toEqual([{ type: "restart" }]);
  });

  verifies("CMD-02", "is executed and everything beside it ignored, except the capabilities", () => {
    const harness = online(script);
    harness.receive({
      command: {},
      capabilities: 3n,
      flags: 1n,
      remoteConfig: { config: { configMap: {} }, configHash: hash(1) },
      agentIdentification: { newInstanceUid: new Uint8Array(16) },
    });
    expect(harness.outputs).toEqual([{ type: "serverCapabilities", mask: 3n }, { type: "restart" }]);
    harness.receive({ remoteConfig: { config: { configMap: {} }, configHash: hash(1) } });
    expect(harness.all("apply")).toHaveLength(1);
  });

  verifies("CMD-03", "that was not declared or is unknown has no effect", () => {
    const without = online({ ...script, can: [] });
    without.receive({ command: {} });
    const unknown = message({ command: {} });
    if (unknown.command !== undefined) Object.assign(unknown.command, { type: 99 });
    const harness = online(script);
    harness.feed({ type: "received", message: unknown });
    for (const each of [without, harness]) {
      expect(each.outputs).toMatchObject([{ type: "notice", notice: { kind: "ignored" } }]);
      expect(each.core.phase).toBe("online");
    }
  });

  test("that failed shows as the agent's last error, and leaves its health as it is", () => {
    const harness = online(script);
    harness.receive({ command: {} });
    harness.feed({ type: "restarted", error: "busy" });
    expect(harness.sent.map(partsOf)).toEqual([["health"]]);
    expect(harness.last.health).toEqual({ ...health(true), lastError: "restart failed: busy" });
  });

  test("that is carried out after one that failed takes the error of that back, and no other", () => {
    const harness = online(script);
    harness.receive({ command: {} });
    harness.feed({ type: "restarted", error: "busy" });
    harness.receive({ command: {} });
    harness.feed({ type: "restarted" });
    expect(harness.last.health).toEqual(health(true));
    harness.feed({ type: "set", parts: { health: { ...health(false), lastError: "disk full" } } });
    harness.receive({ command: {} });
    harness.feed({ type: "restarted" });
    expect(harness.last.health?.lastError).toBe("disk full");
  });

  test("that was carried out changes nothing in its health", () => {
    const harness = online(script);
    harness.receive({ command: {} });
    harness.feed({ type: "restarted" });
    expect(harness.sent).toEqual([]);
  });

  test("that failed is not reported by an agent without health", () => {
    const harness = online(script);
    harness.feed({ type: "set", parts: { health: undefined } }, { type: "restarted", error: "busy" });
    expect(harness.sent).toEqual([]);
  });
});
