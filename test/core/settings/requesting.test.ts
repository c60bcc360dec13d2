import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { ConnectionSettingsRequestSchema } from "../../../src/gen/opamp/v1/opamp_pb.js";
import { verifies } from "../../conformance/verifies.js";
import { type Answer, type Harness, OWN_UID, online, partsOf, polling, type Script } from "../harness.js";
import { hash, health } from "../values.js";

const TAKES = 0x41n;
const REFUSAL = { type: 1, errorMessage: "no" };

function request(first = 1) {
  const certificateRequest = { csr: Uint8Array.of(first) };
  return create(ConnectionSettingsRequestSchema, { opamp: { certificateRequest } });
}

/** An agent that may ask, and a server that answers everything so. */
function asking(script: Script & { says?: Answer | undefined } = {}): Harness {
  const { says = { capabilities: TAKES }, ...others } = script;
  return online({
    can: ["acceptsOpAMPConnectionSettings"],
    answers: () => ({ instanceUid: OWN_UID, ...says }),
    ...others,
  });
}

/** The requests that were sent, by their first byte. */
function asked({ sent }: Harness): readonly (number | undefined)[] {
  return sent.flatMap(({ connectionSettingsRequest: sentOne }) =>
    sentOne === undefined ? [] : [sentOne.opamp?.certificateRequest?.csr[0]],
  );
}

function fates(harness: Harness): readonly string[] {
  return harness.all("settingsRequest").map(({ output: { fate, text } }) => (text === "" ? fate : `${fate}: ${text}`));
}

describe.each([true, false])("a request for connection settings, duplex: %s", (duplex) => {
  const script = duplex ? {} : polling();

  verifies("CERT-06", "is sent once to a server that takes it, also where that asks for everything", () => {
    const harness = asking(script);
    harness.feed({ type: "requestSettings", request: request() });
    expect([asked(harness), fates(harness)]).toEqual([[1], ["answered"]]);
    harness.receive({ flags: 1n });
    harness.feed({ type: "reconnect" });
    harness.advance(120_000);
    expect(asked(harness)).toEqual([1]);
    expect(harness.sent.length).toBeGreaterThan(2);
  });

  verifies("CERT-06", "is not sent to a server that has not declared that it takes it, and is once it does", () => {
    let capabilities = 0n;
    const harness = asking({ ...script, answers: () => ({ instanceUid: OWN_UID, capabilities }) });
    harness.feed({ type: "requestSettings", request: request() });
    harness.advance(60_000);
    capabilities = 0x21n;
    harness.advance(60_000);
    expect(asked(harness)).toEqual([]);
    capabilities = TAKES;
    harness.advance(60_000);
    expect(asked(harness)).toEqual([1]);
  });

  verifies("CERT-08", "is not sent again once it was refused, and nothing else is lost with it", () => {
    const harness = asking({
      ...script,
      answers: ({ connectionSettingsRequest: is }) => ({
        instanceUid: OWN_UID,
        capabilities: TAKES,
        ...(is && { errorResponse: REFUSAL }),
      }),
    });
    harness.feed({ type: "requestSettings", request: request() }, { type: "set", parts: { health: health(false) } });
    expect([asked(harness), fates(harness)]).toEqual([[1], ["refused: no"]]);
    expect(harness.sent.map(partsOf)).toEqual([["health"], []]);
    expect(harness.notices).toEqual([{ kind: "serverError", error: "badRequest", message: "no", dropped: 0 }]);
    harness.receive({ flags: 1n });
    harness.advance(120_000);
    expect(asked(harness)).toEqual([1]);
    harness.feed({ type: "requestSettings", request: request(2) });
    expect(asked(harness)).toEqual([1, 2]);
  });

  test("is sent again where the connection broke before the answer", () => {
    let isDeaf = true;
    const harness = asking({
      ...script,
      answers: ({ connectionSettingsRequest: is }) =>
        is && isDeaf ? undefined : { instanceUid: OWN_UID, capabilities: TAKES },
    });
    harness.feed({ type: "requestSettings", request: request() });
    harness.lose();
    expect([asked(harness), fates(harness)]).toEqual([[1], []]);
    isDeaf = false;
    harness.advance(30_000);
    expect([asked(harness), fates(harness)]).toEqual([[1, 1], ["answered"]]);
  });

  test("travels alone, with neither a part of the report nor a custom message", () => {
    const harness = asking(script);
    harness.receive({ customCapabilities: { capabilities: ["a.b"] } });
    const custom = { capability: "a.b", type: "t", data: new Uint8Array() };
    harness.feed(
      { type: "requestSettings", request: request() },
      { type: "custom", id: 1, message: custom },
      { type: "set", parts: { health: health(false) } },
    );
    const others = harness.sent.filter(({ connectionSettingsRequest: is }) => is !== undefined);
    expect(others.map(({ customMessage, ...message }) => [customMessage, partsOf(message)])).toEqual([[undefined, []]]);
    expect(harness.all("customSettled").map(({ output }) => output.fate)).toEqual(["delivered"]);
  });

  test("is sent to a server that says nothing of itself and took one before, and not where it says that it takes none", () => {
    for (const [capabilities, requests] of [
      [0n, [1]],
      [0x21n, []],
    ] as const) {
      const harness = asking({ ...script, says: { capabilities } });
      harness.feed({ type: "requestSettings", request: request(), isTaken: true });
      harness.advance(60_000);
      expect(asked(harness)).toEqual(requests);
    }
  });

  test("is given up where it is too large for a message", () => {
    const harness = asking({ ...script, fits: ({ connectionSettingsRequest: is }) => is === undefined });
    harness.feed({ type: "requestSettings", request: request() });
    harness.advance(60_000);
    expect(fates(harness)).toEqual(["refused: it is larger than a message may be"]);
    expect(harness.core.phase).toBe("online");
  });

  test("that is taken back is not sent", () => {
    const harness = asking({ ...script, says: {} });
    harness.feed({ type: "requestSettings", request: request() }, { type: "requestSettings" });
    harness.receive({ capabilities: TAKES });
    harness.advance(60_000);
    expect(asked(harness)).toEqual([]);
  });

  test("is not sent by an agent that declares to take no such settings", () => {
    const harness = asking({ ...script, can: [] });
    harness.feed({ type: "requestSettings", request: request() });
    harness.advance(60_000);
    expect(asked(harness)).toEqual([]);
  });
});

describe("a request over WebSocket", () => {
  test("waits for the answer to what was sent before, and not longer than a heartbeat for a server that owes one", () => {
    const harness = asking({ says: undefined, answers: () => undefined });
    harness.receive({ capabilities: TAKES });
    harness.feed({ type: "set", parts: { health: health(false) } });
    harness.feed({ type: "requestSettings", request: request() });
    expect(asked(harness)).toEqual([]);
    harness.receive({});
    expect(asked(harness)).toEqual([1]);
    harness.receive({});
    harness.feed({ type: "set", parts: { health: health(true) } });
    harness.feed({ type: "requestSettings", request: request(2) });
    harness.advance(30_000);
    expect(asked(harness)).toEqual([1, 2]);
  });

  test("counts as refused where something was pushed before the answer that refuses it", () => {
    const harness = asking({ says: undefined, answers: () => undefined });
    harness.receive({ capabilities: TAKES });
    harness.feed({ type: "requestSettings", request: request() });
    harness.receive({ remoteConfig: { configHash: hash(1) } });
    harness.receive({ errorResponse: REFUSAL });
    expect(fates(harness)).toEqual(["answered", "refused: no"]);
    harness.advance(120_000);
    expect(asked(harness)).toEqual([1]);
  });
});
