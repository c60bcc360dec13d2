import { describe, expect, test } from "vitest";
import type { OpAMPError, StoredState } from "../../src/index.js";
import { readStoredState } from "../../src/store/stored-state.js";

const hash = Uint8Array.of(1);
const file = { body: Uint8Array.of(2), contentType: "text/yaml" };
const WHOLE = {
  instanceUid: new Uint8Array(16).fill(7),
  remoteConfig: { hash, status: "applied", error: "" },
  lastGoodConfig: { hash, files: { "": file } },
  heartbeatMs: 5_000,
  connectionSettings: { hash, status: "failed", error: "no such host" },
  connection: {
    fingerprint: "f",
    accepted: { blob: "connection-1", at: 1 },
    candidate: { blob: "connection-2", offer: "connection-offer-2", at: 2, digest: "00ff" },
    trial: { phase: "trial", from: "committed", to: "candidate", hash: "01", crashes: 1 },
    switchedAt: [1, 2],
  },
  otherConnections: {
    epoch: "1",
    parts: [
      { part: "ownMetrics", blob: "other-1", at: 1 },
      { part: "other", name: "x", blob: "other-2", at: 2 },
    ],
  },
} satisfies StoredState;

/** What is made of something that a store gave. */
function read(loaded: unknown): { state: StoredState; problems: readonly string[] } {
  const errors: OpAMPError[] = [];
  const state = readStoredState(loaded, (error) => errors.push(error));
  return { state, problems: errors.map(({ code, message }) => `${code} ${message}`) };
}

describe("a stored state", () => {
  test("that is valid is accepted unchanged, as a copy", () => {
    const loaded = structuredClone(WHOLE);
    const { state, problems } = read(loaded);
    expect([state, problems]).toEqual([WHOLE, []]);
    for (const bytes of [loaded.instanceUid, loaded.remoteConfig.hash, loaded.lastGoodConfig.files[""].body])
      bytes.fill(9);
    expect(state).toEqual(WHOLE);
  });

  test("may have unknown members, and files of any name", () => {
    const files = JSON.parse('{"__proto__": 1, "constructor": 1}', (_, value) => (value === 1 ? file : value));
    const { state, problems } = read({ later: 1, lastGoodConfig: { hash, files } });
    expect(problems).toEqual([]);
    expect(Object.keys(state)).toEqual(["lastGoodConfig"]);
    expect(Object.keys(state.lastGoodConfig?.files ?? {})).toEqual(["__proto__", "constructor"]);
  });

  test.each<[keyof StoredState, unknown, string]>([
    ["instanceUid", "0190f3c5-8a5c-7c3e-9c61-1f5a3b1f7a10", "its instanceUid is not bytes"],
    ["instanceUid", new Uint8Array(17), "its instanceUid has 17 bytes, not 16"],
    ["instanceUid", new Uint8Array(16), "its instanceUid is all zeros, which identifies no agent"],
    ["remoteConfig", null, "its remoteConfig is null"],
    ["remoteConfig", { ...WHOLE.remoteConfig, hash: "h" }, "its remoteConfig.hash is not bytes"],
    [
      "remoteConfig",
      { ...WHOLE.remoteConfig, status: "applying" },
      "its remoteConfig.status is neither applied nor failed",
    ],
    ["remoteConfig", { hash, status: "failed" }, "its remoteConfig.error is not text"],
    ["lastGoodConfig", [], "its lastGoodConfig is Array"],
    ["lastGoodConfig", { files: {} }, "its lastGoodConfig.hash is not bytes"],
    ["lastGoodConfig", { hash, files: [file] }, "its lastGoodConfig.files is Array"],
    ["lastGoodConfig", { hash, files: { a: null } }, 'its lastGoodConfig.files["a"] is null'],
    [
      "lastGoodConfig",
      { hash, files: { a: { ...file, body: "1" } } },
      'its lastGoodConfig.files["a"].body is not bytes',
    ],
    ["lastGoodConfig", { hash, files: { a: { body: hash } } }, 'its lastGoodConfig.files["a"].contentType is not text'],
    ["heartbeatMs", 0, "its heartbeatMs is not a number of milliseconds above 0"],
    ["heartbeatMs", Number.NaN, "its heartbeatMs is not a number of milliseconds above 0"],
    ["heartbeatMs", "off", "its heartbeatMs is not a number of milliseconds above 0"],
    ["connectionSettings", { hash }, "its connectionSettings.status is neither applied nor failed"],
    ["connection", { ...WHOLE.connection, trial: undefined }, "its connection.trial is undefined"],
    ["connection", { ...WHOLE.connection, accepted: { at: 1 } }, "its connection.accepted.blob is not text"],
    [
      "connection",
      { ...WHOLE.connection, candidate: { blob: "b", at: 1 } },
      "its connection.candidate.offer is not text",
    ],
    ["connection", { ...WHOLE.connection, switchedAt: ["1"] }, "its connection.switchedAt[0] is not a number"],
    ["otherConnections", { epoch: "1", parts: {} }, "its otherConnections.parts is not a list"],
    ["otherConnections", { epoch: 1, parts: [] }, "its otherConnections.epoch is not text"],
    [
      "otherConnections",
      { epoch: "1", parts: [{ part: "other", blob: "b" }] },
      "its otherConnections.parts[0].at is not a number",
    ],
  ])("whose %s is %o loses only that member", (name, value, problem) => {
    const { [name]: _, ...rest } = WHOLE;
    expect(read({ ...WHOLE, [name]: value })).toEqual({
      state: rest,
      problems: [`ERR_OPAMP_STORE the store holds something wrong, which is done without: ${problem}`],
    });
  });

  test("whose members throw on access loses them", () => {
    const trap = Object.defineProperty({ heartbeatMs: 1 }, "instanceUid", {
      get() {
        throw new Error("closed");
      },
    });
    const { state, problems } = read(trap);
    expect([state, problems]).toEqual([{ heartbeatMs: 1 }, [expect.stringMatching(/done without: closed$/)]]);
  });

  test.each([undefined, null, {}])("of %o counts as empty", (loaded) => {
    expect(read(loaded)).toEqual({ state: {}, problems: [] });
  });

  test.each([42, "state", [[]]])("of %o is refused whole", (loaded) => {
    expect(() => read(loaded)).toThrow(/it holds no state but (number|string|Array)/);
  });
});
