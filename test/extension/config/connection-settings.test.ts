import { describe, expect, test } from "vitest";
import { fromExtensionConfig } from "../../../src/extension/config/from-extension-config.js";
import { readExtensionConfig } from "../../../src/extension/config/read-extension-config.js";
import { OpAMPExtension } from "../../../src/extension/opamp-extension.js";
import { memoryStore, OpAMPClient, type OpAMPSettingsPolicy } from "../../../src/index.js";
import { refusal } from "../../client/refusal.js";
import { lastingStore } from "../../store/store-fixture.js";
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

test.each([
  ["verifyMs", "write verify_timeout: 60s"],
  ["settingsEpoch", "write epoch"],
  ["keepHeaders", "write keep_headers"],
])("the option %s leads to its key", (key, hint) => {
  expect(refused(file({ accept: true, [key]: 1 })).hint).toBe(hint);
});

describe("the section certificates", () => {
  const certificatesOf = (certificates: unknown) =>
    readExtensionConfig(file({ accept: true, certificates }), { env }).connectionSettings?.certificates;

  test("has the defaults of the client", () => {
    expect(certificatesOf(undefined)).toBeUndefined();
    expect(certificatesOf({ request: true })).toEqual({ request: true });
  });

  test("is read whole", () => {
    const subject = { common_name: ref("env:ZIP"), country: "DE", dns_names: ["a.example.com"], uris: [] };
    const certificates = {
      request: true,
      key_type: "rsa-3072",
      subject,
      renew_before: "240h",
      expired: "bootstrap",
      ask_again: "1h",
    };
    expect(certificatesOf(certificates)).toEqual({
      request: true,
      keyType: "rsa-3072",
      subject: { commonName: "007", country: "DE", dnsNames: ["a.example.com"], uris: [] },
      renewBefore: 864_000_000,
      expired: "bootstrap",
      askAgainMs: 3_600_000,
    });
  });

  test.each<[certificates: unknown, message: RegExp]>([
    [true, /: must be a map of keys/],
    [{ request: "yes" }, /\.request: must be true or false, not text/],
    [{ key_type: SECRET }, /\.key_type: must be one of ec-p256, ed25519, rsa-3072/],
    [{ expired: SECRET }, /\.expired: must be one of keep, bootstrap/],
    [{ renew_before: "0s" }, /\.renew_before: must be above 0/],
    [{ renew_before: 30 }, /\.renew_before: is a number without a unit/],
    [{ ask_again: "-1h" }, /\.ask_again: must be above 0/],
    [{ keyType: SECRET }, /certificates: unknown key "keyType"/],
    [{ subject: SECRET }, /\.subject: must be a map of keys/],
    [{ subject: { cn: SECRET } }, /\.subject: unknown key "cn"/],
    [{ subject: { common_name: "" } }, /\.subject\.common_name: is empty/],
    [{ subject: { common_name: SECRET.repeat(8) } }, /\.subject\.common_name: must have at most 64 characters/],
    [{ subject: { organization: 1 } }, /\.subject\.organization: must be text, not a number/],
    [{ subject: { country: "de" } }, /\.subject\.country: must be two capital letters, such as DE/],
    [{ subject: { dns_names: ["a", `${SECRET} x`] } }, /\.subject\.dns_names\[1\]: must be the name of a host/],
    [{ subject: { uris: ["nothing"] } }, /\.subject\.uris\[0\]: must be a URI/],
  ])("%j is refused in the words of the file", (certificates, problem) => {
    const { code, message, hint } = refused(file({ accept: true, certificates }), { env });
    expect([code, message]).toEqual(["ERR_OPAMP_OPTION", expect.stringMatching(problem)]);
    expect(hint).not.toContain("docs/api");
    expect(message).toMatch(/^connection_settings\.certificates[.:]/);
  });

  test("is odd without request: true", () => {
    const warnings: string[] = [];
    const onWarning = (text: string) => warnings.push(text);
    readExtensionConfig(file({ accept: true, certificates: { expired: "bootstrap" } }), { onWarning });
    expect(warnings).toEqual([
      "connection_settings.certificates: asks for no certificate by itself without request: true",
    ]);
  });

  test.each(["ws", "http"])("is odd over %s, where no request leaves", (scheme) => {
    const warnings: string[] = [];
    const onWarning = (text: string) => warnings.push(text);
    const server = { [scheme]: { endpoint: `${scheme}://opamp.example.com/` } };
    const connection_settings = { accept: true, certificates: { request: true } };
    readExtensionConfig({ server, connection_settings }, { onWarning });
    expect(warnings).toEqual([
      "connection_settings.certificates.request: has no effect until the server has moved the agent to wss or https: the request leaves over TLS alone",
    ]);
    readExtensionConfig(file({ accept: true, certificates: { request: true } }), { onWarning });
    expect(warnings).toHaveLength(1);
  });

  test("needs a store that lasts", async () => {
    const config = file({ accept: true, certificates: { request: true } });
    const host = { service: { name: "guest" } };
    expect(refusal(() => new OpAMPExtension(config, host)).message).toBe(
      "connection_settings.certificates: needs a place for the key; give the client a store that lasts, such as fileStore",
    );
    const store = lastingStore();
    const agent = new OpAMPExtension(config, { ...host, client: { store } });
    await agent.stop();
  });
});

describe("the section", () => {
  test("is refused where it is not a map", () => {
    expect(refused(file(true)).message).toBe("connection_settings: must be a map of keys, not a truth value");
  });

  test.each([
    ["is not there", { extensions: { opamp: serverWith("ws", {}) } }, undefined, []],
    ["is empty", file({}), undefined, []],
    ["says accept: false alone", file({ accept: false }), { opamp: false }, []],
    [
      "has other keys and no accept",
      file({ endpoints: ["a.example.com"] }),
      undefined,
      ["connection_settings: has no effect without accept: true"],
    ],
    [
      "has other keys and accept: false",
      file({ accept: false, epoch: "1" }),
      { opamp: false },
      ["connection_settings: has no effect without accept: true"],
    ],
  ])("turns nothing on where it %s", (_what, config, wanted, told) => {
    const warnings: string[] = [];
    const options = fromExtensionConfig(config, {
      service: { name: "guest" },
      onWarning: (text) => warnings.push(text),
    });
    expect(options.connectionSettings).toEqual(wanted);
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

  test.each([
    ["in memory", memoryStore(), [expect.stringMatching(/^connection_settings: .*such as fileStore$/)]],
    ["one that lasts", lastingStore(), []],
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
