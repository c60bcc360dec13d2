import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import type { Input } from "../../../src/core/io.js";
import { CustomCapabilitiesSchema } from "../../../src/gen/opamp/v1/opamp_pb.js";
import { verifies } from "../../conformance/verifies.js";
import { acknowledges, type Harness, message, online, partsOf, polling, type Script } from "../harness.js";
import { effectiveConfig, hash, health } from "../values.js";

const A = "com.example.a";
const announced = { customCapabilities: { capabilities: [A] } };
const transports = [
  ["on a duplex link", {}],
  ["over HTTP", polling()],
] as const;

function custom(id: number, capability = A): Input {
  return { type: "custom", id, message: { capability, type: `m${id}`, data: Uint8Array.of(id) } };
}

/** Nothing is answered, and no ping either, until {@link read}. */
function slow(script: Script): Script {
  return { ...script, pongs: () => false };
}

/** The server has read the oldest message, and says so in the way of its connection. */
function read(harness: Harness): void {
  harness.receive({});
  harness.feed({ type: "pong" });
}

function types(harness: Harness): readonly (string | undefined)[] {
  return harness.sent.map(({ customMessage }) => customMessage?.type);
}

function fates(harness: Harness): readonly (readonly [number, string])[] {
  return harness.all("customSettled").map(({ output }) => [output.id, output.fate]);
}

describe.each(transports)("custom messages %s", (_name, script: Script) => {
  verifies("CUSTOM-04", "wait until the server has announced their capability", () => {
    const harness = online({ ...script, answers: acknowledges });
    harness.feed(custom(1));
    expect(harness.sent).toEqual([]);
    harness.receive(announced);
    expect([types(harness), fates(harness)]).toEqual([["m1"], [[1, "delivered"]]]);
  });

  verifies(["CUSTOM-02", "CUSTOM-04"], "wait again when a later announcement leaves their capability out", () => {
    const harness = online({ ...script, answers: acknowledges });
    harness.receive(announced);
    harness.receive({ customCapabilities: { capabilities: ["com.example.b"] } });
    harness.feed(custom(1), custom(2, "com.example.b"));
    expect(types(harness)).toEqual(["m2"]);
    expect(harness.all("serverCustomCapabilities").map(({ output }) => output.names)).toEqual([[A], ["com.example.b"]]);
  });

  verifies(["CUSTOM-07", "SEQ-01"], "are sent in messages of their own, in order, with consecutive numbers", () => {
    const harness = online({ ...script, answers: acknowledges });
    harness.receive(announced);
    harness.feed(custom(1), custom(2), custom(3));
    expect(types(harness)).toEqual(["m1", "m2", "m3"]);
    expect(harness.sent.map(({ sequenceNum }) => sequenceNum)).toEqual([2n, 3n, 4n]);
    expect(fates(harness)).toEqual([1, 2, 3].map((id) => [id, "delivered"]));
  });

  verifies("HTTP-05", "are sent one at a time over HTTP", () => {
    const harness = online(slow(script));
    harness.receive(announced);
    harness.feed(custom(1), custom(2));
    const { duplex = true } = script;
    expect(types(harness)).toEqual(duplex === false ? ["m1"] : ["m1", "m2"]);
    read(harness);
    expect([types(harness), fates(harness)]).toEqual([["m1", "m2"], [[1, "delivered"]]]);
    read(harness);
    expect(fates(harness)).toEqual([
      [1, "delivered"],
      [2, "delivered"],
    ]);
  });

  test("share a message with a status that is due", () => {
    const harness = online(script);
    harness.receive(announced);
    harness.feed(custom(1), { type: "set", parts: { health: health(false) } });
    expect(harness.sent.map(partsOf)).toEqual([["health"]]);
    expect(types(harness)).toEqual(["m1"]);
  });

  test("do not wait for the effective config, as reports do", () => {
    const harness = online({ ...script, can: ["reportsEffectiveConfig"] });
    harness.receive(announced);
    harness.feed({ type: "refresh" }, { type: "set", parts: { health: health(false) } }, custom(1));
    expect(harness.sent.map(partsOf)).toEqual([[]]);
    harness.receive({});
    harness.feed({ type: "effectiveConfig", value: effectiveConfig("one") });
    expect(harness.sent.map(partsOf)).toEqual([[], ["health", "effectiveConfig"]]);
  });

  test("are kept while disconnected, and sent after the report", () => {
    const harness = online({ ...script, answers: acknowledges });
    harness.receive(announced);
    harness.lose();
    harness.feed(custom(1), custom(2), { type: "set", parts: { health: health(false) } });
    harness.advanceUntil("online");
    expect(harness.sent.map(partsOf)).toEqual([["health"], [], []]);
    expect(types(harness)).toEqual([undefined, "m1", "m2"]);
  });

  verifies("RETRY-02", "that were unanswered when the connection was lost are sent again, first and in order", () => {
    const harness = online(slow(script));
    harness.receive(announced);
    harness.feed(custom(1), custom(2));
    harness.lose();
    harness.feed(custom(3));
    harness.clear();
    harness.advanceUntil("reporting");
    for (let n = 0; n < 4; n++) read(harness);
    expect(types(harness)).toEqual([undefined, "m1", "m2", "m3"]);
    expect(fates(harness)).toEqual([1, 2, 3].map((id) => [id, "delivered"]));
  });

  verifies("RETRY-01", "that were refused are not sent again", () => {
    const harness = online(slow(script));
    harness.receive(announced);
    harness.feed(custom(1));
    harness.receive({ errorResponse: { type: 1 } });
    harness.lose();
    harness.advanceUntil("reporting");
    read(harness);
    expect([fates(harness), types(harness)]).toEqual([[[1, "refused"]], ["m1", undefined]]);
  });

  test("beyond the limit are rejected at once", () => {
    const harness = online({ ...script, config: { ...script.config, maxCustomMessages: 2 } });
    harness.feed(custom(1), custom(2), custom(3));
    expect(fates(harness)).toEqual([[3, "full"]]);
  });

  test("count against the bound also while they are in flight, until they are answered", () => {
    const harness = online({ ...slow(script), config: { ...script.config, maxCustomMessages: 2 } });
    harness.receive(announced);
    harness.feed(custom(1), custom(2));
    harness.feed(custom(3));
    expect(fates(harness)).toEqual([[3, "full"]]);
    read(harness);
    harness.feed(custom(4));
    harness.feed(custom(5));
    expect(fates(harness)).toEqual([
      [3, "full"],
      [1, "delivered"],
      [5, "full"],
    ]);
  });

  test("in flight are not withdrawn with the waiting ones, which are withdrawn once", () => {
    const harness = online(slow(script));
    harness.receive(announced);
    harness.feed(custom(1));
    const forget = { type: "forgetCustom", capability: A } as const;
    harness.feed(custom(2), custom(3), forget, forget);
    expect(fates(harness)).toEqual([
      [2, "forgotten"],
      [3, "forgotten"],
    ]);
    read(harness);
    expect([types(harness), fates(harness).at(-1)]).toEqual([["m1"], [1, "delivered"]]);
  });

  test("of an unregistered capability are withdrawn", () => {
    const harness = online({ ...script, answers: acknowledges });
    harness.feed(custom(1), custom(2, "com.example.b"), { type: "forgetCustom", capability: A });
    harness.receive({ customCapabilities: { capabilities: [A, "com.example.b"] } });
    expect([fates(harness), types(harness)]).toEqual([
      [
        [1, "forgotten"],
        [2, "delivered"],
      ],
      ["m2"],
    ]);
  });

  test("that were in flight when the connection was lost can be withdrawn too", () => {
    const harness = online(slow(script));
    harness.receive(announced);
    harness.feed(custom(1));
    harness.lose();
    harness.feed({ type: "forgetCustom", capability: A });
    expect(fates(harness)).toEqual([[1, "forgotten"]]);
  });

  verifies("CUSTOM-05", "from the server reach the host as they are and cause no traffic", () => {
    const harness = online(script);
    const customMessage = { capability: "unknown", type: "?", data: hash(1) };
    harness.receive({ customMessage });
    expect(harness.outputs).toEqual([{ type: "customMessage", message: message({ customMessage }).customMessage }]);
  });

  verifies("CUSTOM-01", "are announced in the first report and again, whole, when the list changes", () => {
    const harness = online({ ...script, answers: acknowledges });
    const list = (...capabilities: string[]) => ({
      customCapabilities: create(CustomCapabilitiesSchema, { capabilities }),
    });
    harness.feed({ type: "set", parts: list("com.example.a", "com.example.b") });
    harness.feed({ type: "set", parts: list("com.example.a", "com.example.b") });
    harness.advance(60_000);
    harness.feed({ type: "set", parts: list("com.example.b") });
    expect(harness.sent.flatMap(({ customCapabilities }) => customCapabilities?.capabilities ?? [])).toEqual([
      "com.example.a",
      "com.example.b",
      "com.example.b",
    ]);
  });
});
