import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type AttributeValue, COMPONENTS_HASH, type Component, type Components, OpAMPClient } from "../../src/index.js";
import { toAvailableComponents } from "../../src/values/components.js";
import { decodeAgentToServer, encodeAgentToServer } from "../../src/wire/codec.js";
import { refusal } from "../client/refusal.js";
import { verifies } from "../conformance/verifies.js";

const hashOf = (components: Components): string => Buffer.from(toAvailableComponents(components).hash).toString("hex");

const COLLECTOR: Components = {
  receivers: {
    components: {
      otlp: {
        metadata: { "code.namespace": "go.opentelemetry.io/collector/receiver/otlpreceiver", stable: true, port: 4317 },
        components: { grpc: {}, http: { metadata: { load: 0.5, key: Uint8Array.of(0, 255), ports: [1, 2n] } } },
      },
    },
  },
  exporters: { metadata: { labels: { a: "1", b: "2" } } },
};

/** The same value with every record's entries in another order. */
function turned<T>(value: T): T {
  if (Array.isArray(value) || value instanceof Uint8Array || typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]): [string, unknown] => [key, turned(inner)]);
  return Object.fromEntries(entries.reverse()) as T;
}

describe("the wire form of components", () => {
  verifies("COMP-06", "has the whole tree, with its metadata", () => {
    const availableComponents = toAvailableComponents(COLLECTOR);
    const decoded = decodeAgentToServer(encodeAgentToServer({ availableComponents }));
    if (!decoded.ok) throw decoded.error;
    const { components } = decoded.message.availableComponents ?? {};
    const otlp = components?.["receivers"]?.subComponentMap["otlp"];
    expect(otlp?.metadata.map(({ key, value }) => [key, value?.value.value])).toEqual([
      ["code.namespace", "go.opentelemetry.io/collector/receiver/otlpreceiver"],
      ["port", 4317n],
      ["stable", true],
    ]);
    expect(Object.keys(otlp?.subComponentMap ?? {}).sort()).toEqual(["grpc", "http"]);
    expect(Object.keys(components ?? {}).sort()).toEqual(["exporters", "receivers"]);
  });

  test("takes any name, even those that objects inherit", () => {
    const { components } = toAvailableComponents(
      Object.fromEntries([
        ["__proto__", {}],
        ["toString", {}],
      ]),
    );
    expect(Object.keys(components)).toEqual(["__proto__", "toString"]);
  });
});

describe("the hash of components", () => {
  test("is the given one, if there is one", () => {
    const own = Uint8Array.of(1, 2, 3);
    const components = toAvailableComponents({ ...COLLECTOR, [COMPONENTS_HASH]: own });
    expect(components.hash).toEqual(Uint8Array.of(1, 2, 3));
    expect(components.hash).not.toBe(own);
    expect(Object.keys(components.components).sort()).toEqual(["exporters", "receivers"]);
  });

  test.each([
    ["no bytes", new Uint8Array()],
    ["too many", new Uint8Array(65)],
    ["text", "abc" as unknown as Uint8Array],
  ])("given as %s is refused", (_, own) => {
    const error = refusal(() => toAvailableComponents({ [COMPONENTS_HASH]: own }));
    expect(error.message).toBe("availableComponents[COMPONENTS_HASH]: must be 1 to 64 bytes");
  });

  test("is the SHA-256 of the text that the documentation describes", () => {
    const text = JSON.stringify([
      [
        "exporters",
        [
          [
            "labels",
            [
              "kvlist",
              [
                ["a", ["string", "1"]],
                ["b", ["string", "2"]],
              ],
            ],
          ],
        ],
        [],
      ],
      [
        "receivers",
        [],
        [
          [
            "otlp",
            [
              ["code.namespace", ["string", "go.opentelemetry.io/collector/receiver/otlpreceiver"]],
              ["port", ["int", "4317"]],
              ["stable", ["bool", true]],
            ],
            [
              ["grpc", [], []],
              [
                "http",
                [
                  ["key", ["bytes", "00ff"]],
                  ["load", ["double", "0.5"]],
                  [
                    "ports",
                    [
                      "array",
                      [
                        ["int", "1"],
                        ["int", "2"],
                      ],
                    ],
                  ],
                ],
                [],
              ],
            ],
          ],
        ],
      ],
    ]);
    expect(hashOf(COLLECTOR)).toBe(createHash("sha256").update(text).digest("hex"));
  });

  verifies("COMP-04", "is the same on any machine and with any version of this client", () => {
    expect(hashOf({})).toBe("4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945");
    expect(hashOf({ "10": {}, "9": {}, ä: { metadata: { "": Number.NaN } } })).toBe(
      "98436a6c67a0bf7f385615cae20ec84cf48658430e2fb67b849c5ede977a87de",
    );
  });

  verifies("COMP-04", "does not depend on the order in which anything was given", () => {
    expect(hashOf(turned(COLLECTOR))).toBe(hashOf(COLLECTOR));
    const value: fc.Arbitrary<AttributeValue> = fc.oneof(
      fc.string(),
      fc.boolean(),
      fc.double(),
      fc.bigInt({ min: 0n, max: 99n }),
    );
    const metadata = fc.dictionary(fc.string(), fc.oneof(value, fc.dictionary(fc.string(), value)));
    const leaf: fc.Arbitrary<Component> = fc.record({ metadata }, { requiredKeys: [] });
    const inside = fc.dictionary(fc.string(), leaf);
    const component: fc.Arbitrary<Component> = fc.record({ metadata, components: inside }, { requiredKeys: [] });
    fc.assert(
      fc.property(fc.dictionary(fc.string(), component), (components) => {
        expect(hashOf(turned(components))).toBe(hashOf(components));
      }),
      { numRuns: 50 },
    );
  });

  verifies("COMP-04", "differs for any difference", () => {
    const sets: readonly Components[] = [
      {},
      { a: {} },
      { b: {} },
      { a: {}, b: {} },
      { a: { components: { b: {} } } },
      { a: { metadata: { b: "" } } },
      { a: { metadata: { b: "1" } } },
      { a: { metadata: { b: 1 } } },
      { a: { metadata: { b: 1.5 } } },
      { a: { metadata: { b: true } } },
      { a: { metadata: { b: Uint8Array.of(1) } } },
      { a: { metadata: { b: [1] } } },
      { a: { metadata: { b: [1, 1] } } },
      { a: { metadata: { b: { c: 1 } } } },
      { 'a",[],[]],["b': {} },
      COLLECTOR,
    ];
    expect(new Set(sets.map(hashOf)).size).toBe(sets.length);
  });

  test("is the same for values that are the same on the wire", () => {
    expect(hashOf({ a: { metadata: { b: 1n, c: undefined } } })).toBe(
      hashOf({ a: { metadata: { b: 1 }, components: {} } }),
    );
  });
});

describe("components are refused", () => {
  const cyclic: { components: Record<string, unknown> } = { components: {} };
  cyclic.components["again"] = cyclic;

  test.each([
    ["availableComponents", undefined],
    ["availableComponents", []],
    ['availableComponents["a"]', { a: undefined }],
    ['availableComponents["a"]', { a: "receiver" }],
    ['availableComponents["a"].version', { a: { version: "1" } }],
    ['availableComponents["a"].components', { a: { components: ["b"] } }],
    ['availableComponents["a"].components["b"].metadata', { a: { components: { b: { metadata: "x" } } } }],
    ['availableComponents["a"].metadata["x"]', { a: { metadata: { x: () => 1 } } }],
  ])("with the path %s", (path, components) => {
    const error = refusal(() => toAvailableComponents(components as unknown as Components));
    expect(error.code).toBe("ERR_OPAMP_OPTION");
    expect(error.message).toMatch(new RegExp(`^${path.replace(/[.[\]]/g, "\\$&")}: `));
  });

  test("when they contain themselves", () => {
    const error = refusal(() => toAvailableComponents({ a: cyclic } as Components));
    expect(error.message).toContain("nests more than 32 levels deep, or contains itself");
  });

  test("by the client when it is made, and later, which changes nothing", () => {
    const options = { url: "ws://127.0.0.1:1", description: { identifying: { a: 1 } } };
    const wrong = { a: { metadata: 1 } } as unknown as Components;
    expect(refusal(() => new OpAMPClient({ ...options, availableComponents: wrong })).code).toBe("ERR_OPAMP_OPTION");
    const client = new OpAMPClient(options);
    expect(refusal(() => client.setAvailableComponents(wrong)).code).toBe("ERR_OPAMP_OPTION");
    expect(client.capabilityMask & 0x4000n).toBe(0n);
  });

  test("at 33 levels, and accepted at 32", () => {
    const nested = (levels: number): Components => ({
      c: levels === 1 ? { metadata: { a: "b" } } : { components: nested(levels - 1) },
    });
    const availableComponents = toAvailableComponents(nested(32));
    expect(decodeAgentToServer(encodeAgentToServer({ availableComponents })).ok).toBe(true);
    expect(refusal(() => toAvailableComponents(nested(33))).code).toBe("ERR_OPAMP_OPTION");
  });
});
