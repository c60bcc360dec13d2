import { runInNewContext } from "node:vm";
import { detectResources, resourceFromAttributes } from "@opentelemetry/resources";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type AttributeSource, type Attributes, toKeyValues } from "../../src/values/attributes.js";
import { plainAttributes } from "../../src/values/plain-attributes.js";
import { decodeAgentToServer, encodeAgentToServer } from "../../src/wire/codec.js";
import { refusal } from "../client/refusal.js";

/** What a caller without types may pass. */
function untyped(value: unknown): Attributes {
  return value as Attributes;
}

/** What came of attributes after a trip over the wire. */
function overTheWire(attributes: AttributeSource): unknown {
  const sent = encodeAgentToServer({ agentDescription: { identifyingAttributes: toKeyValues(attributes, "a") } });
  const decoded = decodeAgentToServer(sent);
  return decoded.ok ? plainAttributes(decoded.message.agentDescription?.identifyingAttributes ?? []) : decoded.error;
}

function caseOf(value: unknown): unknown {
  const [only] = toKeyValues(untyped({ key: value }), "a");
  return only?.value?.value;
}

/** Lists within lists. */
function lists(levels: number): Attributes {
  let value: unknown = 1;
  for (let level = 0; level < levels; level++) {
    value = [value];
  }
  return untyped({ deep: value });
}

describe("attributes going out", () => {
  test.each([
    ["text", "a", { case: "stringValue", value: "a" }],
    ["empty text", "", { case: "stringValue", value: "" }],
    ["false", false, { case: "boolValue", value: false }],
    ["a whole number", -7, { case: "intValue", value: -7n }],
    ["zero", 0, { case: "intValue", value: 0n }],
    ["the highest safe integer", 2 ** 53 - 1, { case: "intValue", value: 2n ** 53n - 1n }],
    ["a whole number that is not safe", 2 ** 53, { case: "doubleValue", value: 2 ** 53 }],
    ["a fraction", 1.5, { case: "doubleValue", value: 1.5 }],
    ["infinity", Number.POSITIVE_INFINITY, { case: "doubleValue", value: Number.POSITIVE_INFINITY }],
    ["not a number", Number.NaN, { case: "doubleValue", value: Number.NaN }],
    ["the highest bigint", 2n ** 63n - 1n, { case: "intValue", value: 2n ** 63n - 1n }],
    ["the lowest bigint", -(2n ** 63n), { case: "intValue", value: -(2n ** 63n) }],
  ])("keep the type of %s", (_, value, expected) => {
    expect(caseOf(value)).toEqual(expected);
  });

  test("have their keys sorted at every level, so that equal sets have equal bytes", () => {
    const identifyingAttributes = toKeyValues({ b: 1, a: { d: 1, c: [{ f: 1, e: 2 }] } }, "a");
    const other = toKeyValues({ a: { c: [{ e: 2, f: 1 }], d: 1 }, b: 1 }, "a");
    const encoded = [identifyingAttributes, other].map((list) =>
      encodeAgentToServer({ agentDescription: { identifyingAttributes: list } }),
    );
    expect(encoded[0]).toEqual(encoded[1]);
    expect(identifyingAttributes.map(({ key }) => key)).toEqual(["a", "b"]);
  });

  test("leave out entries that are undefined, also in records within", () => {
    expect(overTheWire(untyped({ a: 1, b: undefined, c: { d: undefined, e: 2 } }))).toEqual({ a: 1, c: { e: 2 } });
  });

  test("leave out items of lists that are null or undefined, as OpenTelemetry allows them", () => {
    expect(overTheWire({ a: ["x", null, undefined, "y"], b: [null], c: [[null, 1]] })).toEqual({
      a: ["x", "y"],
      b: [],
      c: [[1]],
    });
  });

  test("may be those of a resource of the OpenTelemetry SDK, or the resource itself", () => {
    const resource = resourceFromAttributes({ "service.name": "shop", ports: [1, null], on: true });
    const expected = { "service.name": "shop", ports: [1], on: true };
    expect(overTheWire(resource)).toEqual(expected);
    expect(overTheWire(resource.attributes)).toEqual(expected);
    expect(overTheWire({ attributes: { merge: "plain" } })).toEqual({ attributes: { merge: "plain" } });
  });

  test("of a resource that is still being detected are refused, with what to await", async () => {
    const detector = { detect: () => ({ attributes: { "host.id": Promise.resolve("h1") } }) };
    const resource = detectResources({ detectors: [detector] });
    expect(refusal(() => toKeyValues(resource, "description.identifying"))).toMatchObject({
      code: "ERR_OPAMP_OPTION",
      message: "description.identifying: is still being detected; await its waitForAsyncAttributes() first",
    });
    await resource.waitForAsyncAttributes?.();
    expect(overTheWire(resource)).toEqual({ "host.id": "h1" });
  });

  test("copy bytes, whatever kind of byte array they come as", () => {
    const buffer = Buffer.from("abc");
    const [only] = toKeyValues({ key: buffer }, "a");
    buffer.fill(0);
    const value = only?.value?.value.value;
    expect(value).toEqual(Uint8Array.of(97, 98, 99));
    expect(Object.getPrototypeOf(value)).toBe(Uint8Array.prototype);
  });

  test("may come from another realm, as in a sandbox or a test runner", () => {
    const foreign = runInNewContext("({ list: [1, { b: new Uint8Array([7]) }] })") as Attributes;
    expect(overTheWire(foreign)).toEqual({ list: [1, { b: Uint8Array.of(7) }] });
  });

  test("keep keys such as `__proto__`", () => {
    const attributes = JSON.parse('{"__proto__": "x", "constructor": {"__proto__": 1}}') as Attributes;
    const back = overTheWire(attributes);
    expect(JSON.stringify(back)).toBe('{"__proto__":"x","constructor":{"__proto__":1}}');
  });

  test("nest 32 levels deep and still decode, as lists or as records", () => {
    const records = (levels: number): unknown => (levels === 0 ? 1 : { a: records(levels - 1) });
    expect(overTheWire(lists(32))).toEqual(lists(32));
    expect(overTheWire(untyped({ deep: records(32) }))).toEqual({ deep: records(32) });
  });
});

describe("attributes that cannot be sent", () => {
  const self: Record<string, unknown> = {};
  self["self"] = self;

  test.each([
    ["null", { "service.name": null }, /^d\["service.name"\]: must be a string, .* not null$/],
    ["a function", { a: () => 1 }, /^d\["a"\]: .* not function$/],
    ["a symbol", { a: Symbol("s") }, /^d\["a"\]: .* not symbol$/],
    ["a Date", { a: [0, new Date(0)] }, /^d\["a"\]\[1\]: .* not Date$/],
    ["a Map", { a: { b: new Map() } }, /^d\["a"\]\["b"\]: .* not Map$/],
    ["a bigint over 64 bits", { a: 2n ** 63n }, /^d\["a"\]: does not fit a signed 64-bit integer$/],
    ["a bigint under 64 bits", { a: -(2n ** 63n) - 1n }, /^d\["a"\]: does not fit a signed 64-bit integer$/],
    ["33 levels", lists(33), /nests more than 32 levels deep/],
    ["a record that contains itself", self, /or contains itself$/],
    ["a list for the whole", ["a"], /^d: must be a record of attributes, not Array$/],
    ["a Map for the whole", new Map(), /^d: must be a record of attributes, not Map$/],
    ["nothing for the whole", undefined, /^d: must be a record of attributes, not undefined$/],
  ])("are refused by their path: %s", (_, attributes, message) => {
    const error = refusal(() => toKeyValues(untyped(attributes), "d"));
    expect(error.code).toBe("ERR_OPAMP_OPTION");
    expect(error.message).toMatch(message);
  });

  test("are named without showing their value", () => {
    class Secret {
      token = "hunter2";
    }
    expect(refusal(() => toKeyValues(untyped({ a: new Secret() }), "d")).message).not.toContain("hunter2");
  });
});

describe("attributes coming in", () => {
  test("become numbers where exact and bigints otherwise", () => {
    expect(overTheWire({ a: 5n, b: 2n ** 53n, c: -(2n ** 63n), d: 2 ** 53 })).toEqual({
      a: 5,
      b: 2n ** 53n,
      c: -(2n ** 63n),
      d: 2 ** 53,
    });
  });

  test("are records without a prototype at every level", () => {
    const back = overTheWire({ a: { b: 1 } }) as Record<string, object>;
    expect(Object.getPrototypeOf(back)).toBeNull();
    expect(Object.getPrototypeOf(back["a"])).toBeNull();
  });

  test("leave out values that are empty, and the last of equal keys counts", () => {
    const decoded = decodeAgentToServer(
      encodeAgentToServer({
        agentDescription: {
          identifyingAttributes: [
            { key: "unset" },
            { key: "empty", value: {} },
            { key: "a", value: { value: { case: "intValue", value: 1n } } },
            { key: "a", value: { value: { case: "intValue", value: 2n } } },
            { key: "l", value: { value: { case: "arrayValue", value: { values: [{}, {}] } } } },
          ],
        },
      }),
    );
    const pairs = (decoded.ok && decoded.message.agentDescription?.identifyingAttributes) || [];
    expect(plainAttributes(pairs)).toEqual({ a: 2, l: [] });
  });

  test("survive the round trip, whatever they are", () => {
    const value = fc.letrec((tie) => ({
      any: fc.oneof(
        { depthSize: "small", withCrossShrink: true },
        fc.string({ unit: "binary" }),
        fc.maxSafeInteger(),
        fc.double().filter((number) => !Object.is(number, -0)),
        fc.boolean(),
        fc.uint8Array(),
        fc.bigInt({ min: 2n ** 53n, max: 2n ** 63n - 1n }),
        fc.array(tie("any"), { maxLength: 3 }),
        fc.dictionary(fc.string(), tie("any"), { maxKeys: 3, noNullPrototype: true }),
      ),
    })).any;
    fc.assert(
      fc.property(fc.dictionary(fc.string(), value, { maxKeys: 4 }), (attributes) => {
        expect(overTheWire(untyped(attributes))).toEqual(attributes);
      }),
    );
  });
});
