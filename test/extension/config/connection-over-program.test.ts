import { expect, test } from "vitest";
import { overProgram } from "../../../src/extension/config/connection-keys.js";
import { readExtensionConfig } from "../../../src/extension/config/read-extension-config.js";
import { OpAMPExtension } from "../../../src/extension/opamp-extension.js";
import type { ConnectionSettingsOptions } from "../../../src/index.js";
import { refusal } from "../../client/refusal.js";
import { lastingStore } from "../../store/store-fixture.js";
import { serverWith, type Tree } from "../reading.js";

const HOST = { service: { name: "guest" } };
const OWN_METRICS = { apply: () => {} };

function file(connection_settings: Tree): Tree {
  return { extensions: { opamp: serverWith("ws", {}) }, connection_settings };
}

/** What counts of both. */
function both(section: Tree, program: ConnectionSettingsOptions): unknown {
  const { connectionSettings = {} } = readExtensionConfig(file(section));
  return overProgram(connectionSettings, program, () => {});
}

test("accept: false in the file turns off what the program allows, with a warning, and nothing else", async () => {
  const warnings: string[] = [];
  const agent = new OpAMPExtension(file({ accept: false }), {
    ...HOST,
    client: { store: lastingStore(), connectionSettings: { opamp: true, certificates: {}, ownMetrics: OWN_METRICS } },
    onWarning: (text) => warnings.push(text),
  });
  expect(agent.client.capabilities.has("acceptsOpAMPConnectionSettings")).toBe(false);
  expect(agent.client.capabilities.has("reportsOwnMetrics")).toBe(true);
  await agent.stop();
  expect(warnings).toEqual([
    "connection_settings: accept: false turns off what the program's connectionSettings.opamp allows",
  ]);
});

test("the warning is logged where nobody is told, and there is none where the program allows nothing", async () => {
  const warnings: string[] = [];
  const nothing = () => {};
  const logger = { debug: nothing, info: nothing, warn: (text: string) => warnings.push(text), error: nothing };
  for (const connectionSettings of [{ opamp: true }, { opamp: false, ownMetrics: OWN_METRICS }]) {
    const agent = new OpAMPExtension(file({ accept: false }), { ...HOST, client: { logger, connectionSettings } });
    await agent.stop();
  }
  expect(warnings).toEqual([expect.stringContaining("accept: false turns off")]);
});

test("keys that the file names win over the program's, and what it leaves out is the program's", () => {
  const validate = () => {};
  const program = {
    opamp: { endpoints: ["a.example.com"], keepCertificate: true, keepHeaders: "always", verifyMs: 5_000, validate },
    certificates: { request: true, keyType: "ed25519", renewBefore: 1_000 },
    settingsEpoch: "of the program",
    ownMetrics: OWN_METRICS,
  } as const;
  const section = { accept: true, endpoints: ["b.example.com"], keep_headers: "own", keep_certificate: null };
  expect(both({ ...section, certificates: { key_type: "ec-p256" } }, program)).toEqual({
    ...program,
    opamp: { ...program.opamp, endpoints: ["b.example.com"], keepCertificate: false, keepHeaders: "own" },
    certificates: { request: true, keyType: "ec-p256", renewBefore: 1_000 },
  });
  expect(both({ accept: true, epoch: "of the file" }, program)).toEqual({ ...program, settingsEpoch: "of the file" });
});

test("what the program does not allow is allowed by the file", () => {
  for (const opamp of [undefined, false, true]) expect(both({ accept: true }, { opamp })).toEqual({ opamp: {} });
});

test.each([["yes"], [5]])("%j is refused where the program gives it as opamp or certificates", (wrong) => {
  for (const connectionSettings of [{ opamp: wrong }, { certificates: wrong }]) {
    const client = { store: lastingStore() };
    Object.assign(client, { connectionSettings });
    const config = file({ accept: true, certificates: { request: true } });
    expect(refusal(() => new OpAMPExtension(config, { ...HOST, client })).message).toContain("must be");
  }
});
