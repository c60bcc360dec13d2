import { describe, expect, onTestFinished, test } from "vitest";
import { uidText } from "../../src/base/bytes.js";
import { parseInstanceUid } from "../../src/base/instance-uid.js";
import { fromExtensionConfig } from "../../src/extension/index.js";
import { memoryStore } from "../../src/index.js";
import { OpAMPServer } from "../../src/testing/index.js";
import { newInstanceUid } from "../../src/values/instance-uid.js";
import { ended, running } from "../client/hosted.js";
import { refusal } from "../client/refusal.js";
import { makeClient } from "../client/wire-fixture.js";
import { verifies } from "../conformance/verifies.js";

describe("a generated uid", () => {
  verifies("UID-02", "is a UUID of version 7 that starts with the time", () => {
    const before = Date.now();
    const uid = Buffer.from(newInstanceUid());
    const after = Date.now();
    expect(uid).toHaveLength(16);
    expect(uid.readUInt8(6) >> 4).toBe(7);
    expect(uid.readUInt8(8) >> 6).toBe(0b10);
    expect(uid.readUIntBE(0, 6)).toBeGreaterThanOrEqual(before);
    expect(uid.readUIntBE(0, 6)).toBeLessThanOrEqual(after);
  });

  verifies("UID-02", "is different for each of 1000 clients", () => {
    const uids = Array.from({ length: 1_000 }, () => makeClient({ url: "ws://127.0.0.1:1" }).instanceUid);
    expect(new Set(uids).size).toBe(1_000);
  });
});

describe("a uid given", () => {
  const TEXT = "0199a7f0-1234-7abc-8def-0123456789ab";
  const BYTES = Uint8Array.from(Buffer.from("0199a7f012347abc8def0123456789ab", "hex"));

  test("as UUID text is read and written the same", () => {
    expect(parseInstanceUid(TEXT)).toEqual(BYTES);
    expect(uidText(BYTES)).toBe(TEXT);
  });

  test("in upper case is written in lower case", () => {
    expect(uidText(parseInstanceUid(TEXT.toUpperCase()))).toBe(TEXT);
  });

  test("may be of any version", () => {
    for (const text of ["00000000-0000-0000-0000-000000000001", "6fa459ea-ee8a-3ca4-894e-db77e160355e"]) {
      expect(uidText(parseInstanceUid(text))).toBe(text);
    }
  });

  /** Every form of one uid, as each surface takes it. */
  const FORMS: readonly string[] = [
    TEXT,
    TEXT.toUpperCase(),
    TEXT.replaceAll("-", ""),
    TEXT.replaceAll("-", "").toUpperCase(),
    `{${TEXT}}`,
    `{${TEXT.toUpperCase()}}`,
    `urn:uuid:${TEXT}`,
    `URN:UUID:${TEXT.toUpperCase()}`,
    "01K6KZ04HMFAY8VVR14D2PF2DB",
  ];

  test.each(FORMS)("as %s is read alike by the client, the extension's file and the test server", async (form) => {
    expect(makeClient({ url: "ws://127.0.0.1:1", instanceUid: form }).instanceUid).toBe(TEXT);
    const file = { opamp: { server: { ws: { endpoint: "ws://127.0.0.1:1" } }, instance_uid: form } };
    expect(fromExtensionConfig(file, { service: { name: "agent" } }).instanceUid).toBe(TEXT);
    const server = await OpAMPServer.start();
    onTestFinished(() => server.close());
    expect(server.agent(form).uidText).toBe(TEXT);
  });

  test.each<[string, string | Uint8Array]>([
    ["UUID text", "00000000-0000-0000-0000-000000000000"],
    ["hex", "0".repeat(32)],
    ["a URN", "urn:uuid:00000000-0000-0000-0000-000000000000"],
    ["a ULID", "0".repeat(26)],
    ["bytes", new Uint8Array(16)],
  ])("as %s that is all zeros is refused everywhere", async (_, nil) => {
    const wanted = { code: "ERR_OPAMP_INSTANCE_UID", message: expect.stringContaining("is all zeros") };
    expect(refusal(() => makeClient({ url: "ws://127.0.0.1:1", instanceUid: nil }))).toMatchObject(wanted);
    const server = await OpAMPServer.start();
    onTestFinished(() => server.close());
    expect(refusal(() => server.agent(nil))).toMatchObject(wanted);
    expect(refusal(() => server.agent(BYTES).assignUid(nil))).toMatchObject(wanted);
    if (typeof nil !== "string") return;
    const file = { opamp: { server: { ws: { endpoint: "ws://127.0.0.1:1" } }, instance_uid: nil } };
    const error = refusal(() => fromExtensionConfig(file, { service: { name: "agent" } }));
    expect(error.message).toContain("opamp instance_uid is invalid");
  });

  for (const [ulid, uuid] of [
    ["00000000000000000000000001", "00000000-0000-0000-0000-000000000001"],
    ["7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
    ["01ARZ3NDEKTSV4RRFFQ69G5FAV", "01563e3a-b5d3-d676-4c61-efb99302bd5b"],
    ["01arz3ndektsv4rrffq69g5fav", "01563e3a-b5d3-d676-4c61-efb99302bd5b"],
  ] as const) {
    test(`as ULID ${ulid} is the same 128 bits`, () => {
      expect(uidText(parseInstanceUid(ulid))).toBe(uuid);
    });
  }

  test("as bytes is copied", () => {
    const given = Uint8Array.from(BYTES);
    const client = makeClient({ url: "ws://127.0.0.1:1", instanceUid: given });
    given.fill(0);
    expect(client.instanceUid).toBe(TEXT);
  });

  test("as a Buffer is accepted", () => {
    expect(parseInstanceUid(Buffer.from(BYTES))).toEqual(BYTES);
  });

  for (const wrong of [
    "",
    "agent",
    TEXT.slice(1),
    `${TEXT}0`,
    ` ${TEXT}`,
    TEXT.replace("-", ""),
    `{${TEXT}`,
    `urn:${TEXT}`,
    "8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
    "01ARZ3NDEKTSV4RRFFQ69G5FAU",
    "01ARZ3NDEKTSV4RRFFQ69G5FA",
  ]) {
    test(`as ${JSON.stringify(wrong)} is refused`, () => {
      const error = refusal(() => parseInstanceUid(wrong));
      expect(error).toMatchObject({ code: "ERR_OPAMP_INSTANCE_UID", hint: "give a UUID, a ULID or 16 bytes" });
      expect(error.message).toContain(JSON.stringify(wrong));
    });
  }
});

describe("an instance uid in a store", () => {
  test("that is all zeros is reported and replaced", async () => {
    const store = memoryStore({ instanceUid: new Uint8Array(16) });
    const { client, errors } = await running({ store });
    expect(errors).toEqual(["ERR_OPAMP_STORE"]);
    expect(client.instanceUid).not.toMatch(/^0{8}/);
    expect(store.load()).toEqual({ instanceUid: parseInstanceUid(client.instanceUid) });
  });
});

describe("an instance uid given beside a store", () => {
  test("is kept by the store from then on", async () => {
    const store = memoryStore({ instanceUid: new Uint8Array(16).fill(1) });
    const given = "0190f3c5-8a5c-7c3e-9c61-1f5a3b1f7a10";
    const { client } = await running({ store, instanceUid: given });
    expect(client.instanceUid).toBe(given);
    const { client: next } = await running({ store });
    expect(next.instanceUid).toBe(given);
  });
});

describe("an instance uid requested from the server", () => {
  const NEW = new Uint8Array(16).fill(9);
  const GIVEN = "0190f3c5-8a5c-7c3e-9c61-1f5a3b1f7a10";

  test.each([undefined, GIVEN])(
    "is requested by each restart until it comes, under the temporary uid %s",
    async (given) => {
      const store = memoryStore();
      const options = { store, requestInstanceUid: true, instanceUid: given };
      const flagsOf = async () => {
        const { client, clock, server } = await running(options);
        const agent = await server.firstAgent();
        const { flags } = agent.received[0] ?? {};
        return { client, clock, agent, flags };
      };
      for (let lives = 0; lives < 2; lives += 1) {
        const { client, clock, flags } = await flagsOf();
        expect(flags).toBe(1n);
        await ended(client, clock);
      }
      const { client, clock, agent } = await flagsOf();
      agent.assignUid(NEW);
      await clock.advance(0);
      await ended(client, clock);
      const after = await flagsOf();
      expect([after.flags, after.client.instanceUid]).toEqual([0n, uidText(NEW)]);
    },
  );

  verifies("UID-04", "at run time comes as an event", async () => {
    const { client, agent, clock } = await running(
      {},
      {
        onMessage(asking, { flags }) {
          if ((flags & 1n) !== 0n) asking.assignUid(NEW);
          return undefined;
        },
      },
    );
    const renames: string[] = [];
    client.on("instanceUid", ({ instanceUid }) => renames.push(instanceUid));
    expect(agent.received.map(({ flags }) => flags)).toEqual([0n]);
    client.requestNewInstanceUid();
    await clock.advance(0);
    expect([renames, client.instanceUid]).toEqual([[uidText(NEW)], uidText(NEW)]);
    expect(agent.received.map(({ flags }) => flags)).toEqual([0n, 1n, 0n]);
    await ended(client, clock);
    expect(() => client.requestNewInstanceUid()).toThrow("the client has been stopped");
  });

  test.each<[string, boolean]>([
    ["a new one", true],
    ["the temporary one", false],
  ])("is stored once it comes, even if it is %s, and not before", async (_, isOther) => {
    const store = memoryStore();
    const { client, agent, clock } = await running({ store, requestInstanceUid: true });
    expect(store.load()).toBeUndefined();
    const renames: string[] = [];
    client.on("instanceUid", ({ instanceUid }) => renames.push(instanceUid));
    const given = isOther ? NEW : parseInstanceUid(client.instanceUid);
    agent.assignUid(given);
    await clock.advance(0);
    expect(store.load()).toEqual({ instanceUid: given });
    expect(renames).toEqual(isOther ? [uidText(NEW)] : []);
    const { client: next } = await running({ store, requestInstanceUid: true });
    expect(next.instanceUid).toBe(uidText(given));
  });
});
