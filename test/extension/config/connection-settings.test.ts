import { describe, expect, test } from "vitest";
import { fromExtensionConfig } from "../../../src/extension/config/from-extension-config.js";
import { readExtensionConfig } from "../../../src/extension/config/read-extension-config.js";
import { OpAMPExtension } from "../../../src/extension/opamp-extension.js";
import { memoryStore, OpAMPClient, type OpAMPSettingsPolicy } from "../../../src/index.js";
import { ref, refused, SECRET, serverWith, type Tree } from "../reading.js";

const env = { ON: "true", HOSTS: "a.example.com,b.example.com:4320", ZIP: "007" };

function file(connection_settings: unknown): Tree {
  return { extensions: { opamp: serverWith("ws", {}) }, connection_settings };
}

/** What a client would be given for one key, beside `accept: true`. */
function read(key: string, value: unknown): unknown {
  const { connectionSettings } = readExtensionConfig(file({ accept: true, [key]: value }), { env });
  const { opamp, settingsEpoch } = connectionSettings ?? {};
  return key === "epoch" ? settingsEpoch : typeof opamp === "object" && opamp[NAMES[key] ?? "endpoints"];
}

const NAMES: Readonly<Record<string, keyof OpAMPSettingsPolicy>> = {
  endpoints: "endpoints",
  allow_cleartext: "allowCleartext",
  allow_insecure_skip_verify: "allowInsecureSkipVerify",
  keep_certificate: "keepCertificate",
  keep_headers: "keepHeaders",
  verify_timeout: "verifyMs",
  max_per_hour: "maxPerHour",
};

test.each<[key: string, given: unknown, read: unknown]>([
  ["endpoints", ["a.example.com", "*.example.com", "10.0.0.1:4320", "[::1]:4320", "*"], expect.any(Array)],
  ["endpoints", [], []],
  ["endpoints", "a.example.com", ["a.example.com"]],
  ["endpoints", ref("env:HOSTS"), ["a.example.com", "b.example.com:4320"]],
  ["allow_cleartext", true, true],
  ["allow_cleartext", false, false],
  ["allow_cleartext", null, false],
  ["allow_cleartext", ref("env:ON"), true],
  ["allow_insecure_skip_verify", true, true],
  ["allow_insecure_skip_verify", null, false],
  ["keep_certificate", true, true],
  ["keep_headers", "always", "always"],
  ["keep_headers", "", "own"],
  ["verify_timeout", "1m30s", 90_000],
  ["max_per_hour", 1, 1],
  ["epoch", "2", "2"],
  ["epoch", ref("env:ZIP"), "007"],
])("%s: %j is read as %j", (key, given, wanted) => {
  expect(read(key, given)).toEqual(wanted);
});

test.each<[key: string, given: unknown, problem: RegExp]>([
  ["accept", SECRET, /: must be true or false, not text/],
  ["endpoints", null, /: is empty/],
  ["endpoints", { a: 1 }, /: must be a list, not a map/],
  ["endpoints", ["wss://a.example.com/"], /\[0\]: must be a host, with or without a port, and not a URL/],
  ["endpoints", ["a.example.com", "*.*"], /\[1\]: must be a host/],
  ["endpoints", ["a.example.com", `${SECRET} x`], /\[1\]: is not the name or the address of a host/],
  ["endpoints", [""], /\[0\]: must be a host/],
  ["endpoints", [4711], /\[0\]: must be text, not a number/],
  ["allow_cleartext", 1, /: must be true or false, not a number/],
  ["allow_insecure_skip_verify", "yes", /: must be true or false, not text/],
  ["keep_certificate", [], /: must be true or false, not a list/],
  ["keep_headers", SECRET, /: must be one of own, always/],
  ["verify_timeout", 60, /: is a number without a unit/],
  ["verify_timeout", "0s", /: must be above 0/],
  ["verify_timeout", "-1s", /: must be above 0/],
  ["verify_timeout", null, /: must be above 0/],
  ["max_per_hour", 0, /: must be above 0/],
  ["max_per_hour", null, /: must be above 0/],
  ["max_per_hour", 1.5, /: must be a whole number/],
  ["max_per_hour", -1, /: must be from 0/],
  ["epoch", 2, /: must be text, not a number/],
  ["verifyMs", 1, /^connection_settings: unknown key "verifyMs"/],
  ["opamp", {}, /^connection_settings: unknown key "opamp"/],
])("%s: %j is refused", (key, given, problem) => {
  for (const accept of [true, false]) {
    const { code, message, hint } = refused(file({ accept, [key]: given }), { env });
    expect([code, message]).toEqual(["ERR_OPAMP_OPTION", expect.stringMatching(problem)]);
    expect(message).toMatch(/^connection_settings[.:]/);
    expect(hint).not.toBe("");
  }
});

describe("the section", () => {
  test("that is no map is refused", () => {
    expect(refused(file(true)).message).toBe("connection_settings: must be a map of keys, not a truth value");
  });

  test.each([
    ["is not there", { extensions: { opamp: serverWith("ws", {}) } }, []],
    ["is empty", file({}), []],
    ["says accept: false alone", file({ accept: false }), []],
    [
      "has other keys and no accept",
      file({ endpoints: ["a.example.com"] }),
      ["connection_settings: has no effect without accept: true"],
    ],
    [
      "has other keys and accept: false",
      file({ accept: false, epoch: "1" }),
      ["connection_settings: has no effect without accept: true"],
    ],
  ])("turns nothing on where it %s", (_what, config, told) => {
    const warnings: string[] = [];
    const options = fromExtensionConfig(config, {
      service: { name: "guest" },
      onWarning: (text) => warnings.push(text),
    });
    expect(options).not.toHaveProperty("connectionSettings");
    expect(warnings).toEqual(told);
  });

  test.each([
    ["a whole file", file({ accept: true })],
    ["the extensions", { opamp: serverWith("ws", {}), connection_settings: { accept: true } }],
    ["the bare block", { ...serverWith("ws", {}), connection_settings: { accept: true } }],
  ])("is read at the top of %s, and turns the capabilities on", async (_what, config) => {
    const client = new OpAMPClient(fromExtensionConfig(config, { service: { name: "guest" }, env }));
    for (const name of ["acceptsOpAMPConnectionSettings", "reportsConnectionSettingsStatus"] as const) {
      expect(client.capabilities.has(name)).toBe(true);
    }
    await client.stop();
  });

  test("is left to the program that reads it itself", () => {
    const given = readExtensionConfig(file(SECRET), { ignore: ["connection_settings"] });
    expect(given).not.toHaveProperty("connectionSettings");
  });

  test("is kept beside what the program's own option turns on", async () => {
    const connectionSettings = { settingsEpoch: "of the program" };
    const agent = new OpAMPExtension(file({ accept: true }), {
      service: { name: "guest" },
      client: { connectionSettings },
    });
    expect(agent.client.capabilities.has("acceptsOpAMPConnectionSettings")).toBe(true);
    await agent.stop();
  });

  test.each([
    ["in memory", memoryStore(), [expect.stringMatching(/^connection_settings: .*such as fileStore$/)]],
    ["one that lasts", { ...memoryStore(), lasting: true }, []],
  ])("warns of a store that does not last: %s", async (_what, store, told) => {
    const warnings: string[] = [];
    const onWarning = (text: string) => warnings.push(text);
    const agent = new OpAMPExtension(file({ accept: true }), {
      service: { name: "guest" },
      client: { store },
      onWarning,
    });
    await agent.stop();
    expect(warnings).toEqual(told);
  });
});
