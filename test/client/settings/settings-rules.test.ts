import { describe, expect, test } from "vitest";
import { readTakenSettings } from "../../../src/client/settings/taken-settings.js";
import { OpAMPClient, type OpAMPClientOptions } from "../../../src/index.js";
import { memoryTransport, OpAMPServer } from "../../../src/testing/index.js";
import { refusal } from "../refusal.js";

const MINIMAL = { url: "wss://home.example.com", description: { identifying: { "service.name": "agent" } } };

/** Reads options of any shape. */
function read(connectionSettings: unknown, more: object = {}) {
  return readTakenSettings({ ...MINIMAL, ...more, connectionSettings } as OpAMPClientOptions);
}

describe("connectionSettings", () => {
  test.each([undefined, {}, { opamp: undefined }, { opamp: false }])("%j lets the server change nothing", (given) => {
    expect(read(given)).toBeUndefined();
  });

  test("has defaults that keep the agent where it is", () => {
    expect(read({ opamp: true })?.opamp).toEqual({
      endpoints: ["home.example.com"],
      allowCleartext: undefined,
      allowInsecureSkipVerify: false,
      keepCertificate: false,
      zeroIsOff: false,
      keepHeaders: false,
      limits: { verifyMs: 60_000, maxPerHour: 6 },
      validate: undefined,
    });
    expect(read({ opamp: true })?.epoch).toBe("");
    expect(read({ opamp: {} })).toEqual(read({ opamp: true }));
  });

  test("is read as it is given", () => {
    const validate = (): void => undefined;
    const opamp = {
      endpoints: ["*"],
      allowCleartext: true,
      keepHeaders: "always",
      verifyMs: 1,
      maxPerHour: 2,
      validate,
    };
    const { epoch, opamp: taken } = read({ opamp, settingsEpoch: "2" }) ?? {};
    expect(epoch).toBe("2");
    expect(taken).toMatchObject({
      endpoints: ["*"],
      allowCleartext: true,
      keepHeaders: true,
      limits: { verifyMs: 1, maxPerHour: 2 },
      validate,
    });
  });

  test("asks for no certificate unless it is told to, and then with defaults", () => {
    const store = { load: () => undefined, save: () => undefined, lasting: true, blobs: {} };
    expect(read({ opamp: true })?.certificates).toBeUndefined();
    expect(read({ opamp: true, certificates: {} }, { store })?.certificates).toEqual({
      request: false,
      keyType: "ec-p256",
      subject: undefined,
      renewBeforeMs: undefined,
      expired: "keep",
      askAgainMs: 86_400_000,
    });
  });

  test.each<[unknown, string, RegExp]>([
    [{ certificates: {} }, "connectionSettings.certificates", /needs connectionSettings.opamp/],
    [{ opamp: true, certificates: {} }, "connectionSettings.certificates", /needs a store that outlives the agent/],
    [{ opamp: true, certificates: true }, "connectionSettings.certificates", /must be an object, not boolean/],
    [
      { opamp: true, certificates: { renewBeforeMs: 1 } },
      "connectionSettings.certificates.renewBeforeMs",
      /renewBefore/,
    ],
    [
      { opamp: true, certificates: { renewBefore: "1d" } },
      "connectionSettings.certificates.renewBefore",
      /milliseconds/,
    ],
    [
      { opamp: true, certificates: { subject: { CN: "a" } } },
      "connectionSettings.certificates.subject.CN",
      /commonName/,
    ],
    [true, "connectionSettings", /must be an object/],
    [{ opAMP: true }, "connectionSettings.opAMP", /Did you mean opamp/],
    [{ opamp: "yes" }, "connectionSettings.opamp", /true, false or an object/],
    [{ opamp: { endpoint: [] } }, "connectionSettings.opamp.endpoint", /Did you mean endpoints/],
    [{ opamp: { endpoints: "host" } }, "connectionSettings.opamp.endpoints", /a list of hosts/],
    [{ opamp: { endpoints: ["wss://host/"] } }, "connectionSettings.opamp.endpoints[0]", /and not a URL/],
    [{ opamp: { endpoints: ["a", 1] } }, "connectionSettings.opamp.endpoints[1]", /must be a string/],
    [{ opamp: { allowCleartext: 1 } }, "connectionSettings.opamp.allowCleartext", /true or false/],
    [{ opamp: { allowInsecureSkipVerify: "" } }, "connectionSettings.opamp.allowInsecureSkipVerify", /true or false/],
    [{ opamp: { keepCertificate: null } }, "connectionSettings.opamp.keepCertificate", /true or false/],
    [{ opamp: { keepHeaders: true } }, "connectionSettings.opamp.keepHeaders", /"own", "always"/],
    [{ opamp: { verifyMs: 0 } }, "connectionSettings.opamp.verifyMs", /milliseconds above 0/],
    [{ opamp: { verifyMs: Number.POSITIVE_INFINITY } }, "connectionSettings.opamp.verifyMs", /finite|Infinity/],
    [{ opamp: { maxPerHour: 1.5 } }, "connectionSettings.opamp.maxPerHour", /whole number/],
    [{ opamp: { validate: {} } }, "connectionSettings.opamp.validate", /a function/],
    [{ opamp: true, settingsEpoch: 2 }, "connectionSettings.settingsEpoch", /must be a string/],
    [{ ownMetric: {} }, "connectionSettings.ownMetric", /Did you mean ownMetrics/],
    [{ ownTraces: true }, "connectionSettings.ownTraces", /an object with apply, not boolean/],
    [{ ownLogs: {} }, "connectionSettings.ownLogs.apply", /a function, not undefined/],
    [{ other: () => undefined }, "connectionSettings.other", /an object with apply, not function/],
    [{ other: { apply() {}, validate: 1 } }, "connectionSettings.other.validate", /a function, not number/],
    [{ other: { apply() {}, aply() {} } }, "connectionSettings.other.aply", /Did you mean apply/],
  ])("%j is refused", (given, path, problem) => {
    const error = refusal(() => read(given));
    expect(error.code).toBe("ERR_OPAMP_OPTION");
    expect(error.message.slice(0, path.length + 1)).toBe(`${path}:`);
    expect(error.message).toMatch(problem);
  });

  test("needs neither a URL nor a transport that can be moved for other connections", async () => {
    const server = await OpAMPServer.start();
    const { description } = MINIMAL;
    const connectionSettings = { ownMetrics: { apply() {} } };
    const client = new OpAMPClient({ description, transport: memoryTransport(server), connectionSettings });
    expect([...client.capabilities]).toEqual([
      "reportsStatus",
      "reportsOwnMetrics",
      "reportsHeartbeat",
      "reportsConnectionSettingsStatus",
    ]);
    expect(client.connection).toBeUndefined();
    await server.close();
  });

  test("takes an interval of 0 as heartbeat.zero says", () => {
    expect(read({ opamp: true }, { heartbeat: { zero: "off" } })?.opamp).toMatchObject({ zeroIsOff: true });
    expect(read({ opamp: true }, { heartbeat: { zero: "unset", intervalMs: 5 } })?.opamp).toMatchObject({
      zeroIsOff: false,
    });
    const wrong = { ...MINIMAL, heartbeat: { zero: "on" } } as unknown;
    expect(refusal(() => new OpAMPClient(wrong as OpAMPClientOptions)).message).toMatch(
      /^heartbeat\.zero: must be one of/,
    );
  });

  test("needs the URL of a server to go back to", () => {
    expect(refusal(() => read({ opamp: true }, { url: undefined })).message).toMatch(/^url: is missing/);
  });

  test("cannot do with a transport that leads to one server alone, but with a function that makes them", async () => {
    const server = await OpAMPServer.start();
    const transport = memoryTransport(server);
    const options = { ...MINIMAL, connectionSettings: { opamp: true } };
    expect(refusal(() => new OpAMPClient({ ...options, transport })).message).toMatch(
      /^transport: cannot dial another server/,
    );
    expect(() => new OpAMPClient({ ...options, transport: () => transport })).not.toThrow();
    expect(() => new OpAMPClient({ ...MINIMAL, transport: () => transport })).not.toThrow();
    await server.close();
  });
});
