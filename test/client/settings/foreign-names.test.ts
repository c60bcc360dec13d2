import { describe, expect, test } from "vitest";
import { foreignNames } from "../../../src/client/settings/foreign-names.js";
import { readSettings } from "../../../src/client/settings/settings.js";
import { OpAMPClient, type OpAMPClientOptions } from "../../../src/index.js";
import { refusal } from "../refusal.js";

const GOOD = { url: "ws://127.0.0.1", description: { identifying: { "service.name": "agent" } } } as const;

/** What is said of an option that is one too many. */
function problemOf(key: string, value: unknown = "x"): string {
  const options: OpAMPClientOptions = { ...GOOD, ...Object.fromEntries([[key, value]]) };
  return refusal(() => new OpAMPClient(options)).message;
}

describe("an unknown option", () => {
  test.each([
    ["urll", "url"],
    ["hedaers", "headers"],
    ["instanceUID", "instanceUid"],
    ["instance_uid", "instanceUid"],
    ["keepalive", "keepAlive"],
    ["remoteconfig", "remoteConfig"],
    ["time-outs", "timeouts"],
    ["endpoint", "url"],
    ["serverUrl", "url"],
    ["serverURL", "url"],
    ["server", "url"],
    ["server_url", "url"],
    ["opamp-endpoint", "url"],
    ["instanceId", "instanceUid"],
    ["pollingInterval", "heartbeat.intervalMs"],
    ["heartbeatIntervalSeconds", "heartbeat.intervalMs"],
    ["attributes", "description"],
    ["initialRemoteConfigStatus", "store"],
    ["diagEnabled", "logger"],
    ["onMessage", "remoteConfig"],
    ["capabilities", "withhold"],
    ["ownMetrics", "connectionSettings.ownMetrics"],
  ])("%s is refused with the name that was meant alone: %s", (key, meant) => {
    const problem = problemOf(key);
    expect(problem).toMatch(new RegExp(`^${key}: is not an option\\. Did you mean ${meant.replace(".", "\\.")}\\?$`));
  });

  test.each(["zzz", "constructor", "frobnicate"])("%s that is like no other is refused with the list", (key) => {
    expect(problemOf(key)).toMatch(new RegExp(`^${key}: is not an option; known are url,`));
  });

  test("given to setHandlers or in a nested option is refused alike", () => {
    const client = new OpAMPClient(GOOD);
    const handlers = JSON.parse('{"effectivConfig": 1}');
    expect(refusal(() => client.setHandlers(handlers)).message).toContain("Did you mean effectiveConfig? (known are");
    expect(problemOf("tls", { caCert: "x" })).toContain("tls.caCert: is not an option. Did you mean ca? (known are");
  });
});

test("every foreign name stands for an option, and none is one", () => {
  const known = Object.keys(readSettings(GOOD));
  for (const [name, meant] of Object.entries(foreignNames)) {
    expect(name).toBe(name.toLowerCase());
    const [first = ""] = meant.split(".");
    if (first === "client") continue;
    expect(
      problemOf("zzz")
        .split("known are ")[1]
        ?.split(/, | \(/),
      name,
    ).toContain(first);
  }
  expect(known.filter((key) => Object.hasOwn(foreignNames, key))).toEqual([]);
});
