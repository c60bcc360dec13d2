import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import {
  type CollectorComponents,
  collectorComponents,
  componentsFromList,
} from "../../../src/extension/description/collector-components.js";
import { toAvailableComponents } from "../../../src/values/components.js";
import { refusal } from "../../client/refusal.js";
import { verifies } from "../../conformance/verifies.js";

const MODULES: CollectorComponents = {
  receivers: {
    otlp: "go.opentelemetry.io/collector/receiver/otlpreceiver v0.149.0",
    nop: "go.opentelemetry.io/collector/receiver/nopreceiver v0.149.0",
  },
  exporters: {
    nop: "go.opentelemetry.io/collector/exporter/nopexporter v0.149.0",
    debug: "go.opentelemetry.io/collector/exporter/debugexporter v0.149.0",
  },
  extensions: {
    opamp: "github.com/open-telemetry/opentelemetry-collector-contrib/extension/opampextension v0.149.0",
  },
};

const hashOf = (types?: CollectorComponents): string =>
  Buffer.from(toAvailableComponents(collectorComponents(types)).hash).toString("base64");

describe("the components of a Collector-like agent", () => {
  verifies("COMP-04", "have the hash that the real Collector gives the same set", () => {
    expect(hashOf(MODULES)).toBe("IODLFNc+2hNW+2JN8zZv4wz6N0cY+bEAu2BhwAknoj0=");
  });

  verifies("COMP-06", "are in five groups, with the module of each", () => {
    const { components } = toAvailableComponents(collectorComponents(MODULES));
    const plain = Object.entries(components).map(([group, { subComponentMap, metadata }]) => [
      group,
      metadata.length,
      Object.entries(subComponentMap).map(([type, details]) => [
        type,
        ...details.metadata.map(({ key, value }) => [key, value?.value.value]),
      ]),
    ]);
    const modules = { processors: {}, connectors: {}, ...MODULES };
    expect(plain.sort()).toEqual(
      Object.entries(modules)
        .map(([group, types]) => [
          group,
          0,
          Object.entries(types ?? {})
            .sort()
            .map(([type, module]) => [type, ["code.namespace", module]]),
        ])
        .sort(),
    );
  });

  test("can be empty", () => {
    const text = "receiver:processor:exporter:extension:connector:";
    expect(hashOf()).toBe(createHash("sha256").update(text).digest("base64"));
    expect(Object.keys(collectorComponents())).toHaveLength(5);
  });

  test("may be types without modules, each once, in whatever order", () => {
    const text = "receiver:a=;b=;processor:exporter:extension:connector:";
    const hash = createHash("sha256").update(text).digest("base64");
    expect(hashOf({ receivers: ["b", "a", "b"] })).toBe(hash);
    expect(collectorComponents({ receivers: ["b", "a"] })["receivers"]).toEqual({ components: { a: {}, b: {} } });
  });

  test("are refused with the path of what is wrong", () => {
    // @ts-expect-error a number is not a module
    expect(refusal(() => collectorComponents({ receivers: { otlp: 1 } })).message).toBe(
      'collectorComponents.receivers["otlp"]: must be a string, not number',
    );
    // @ts-expect-error not one of the groups
    expect(refusal(() => collectorComponents({ receiver: [] })).message).toContain("known are receivers, processors");
    // @ts-expect-error a text is not a list
    expect(refusal(() => collectorComponents({ receivers: "otlp" })).message).toContain(
      "collectorComponents.receivers",
    );
  });
});

describe("components from a list", () => {
  test("are one level of names, with the usual hash", () => {
    const components = componentsFromList(["http-receiver", "file-writer"]);
    expect(components).toEqual({ "file-writer": {}, "http-receiver": {} });
    expect(toAvailableComponents(components).hash).toEqual(
      toAvailableComponents({ "http-receiver": {}, "file-writer": {} }).hash,
    );
  });
});
