import { create } from "@bufbuild/protobuf";
import type { Comparisons, OfferStatus, PartValues } from "../../src/core/parts.js";
import { type KeyValue, KeyValueSchema } from "../../src/gen/opamp/v1/anyvalue_pb.js";
import {
  AgentDescriptionSchema,
  AvailableComponentsSchema,
  ComponentHealthSchema,
  CustomCapabilitiesSchema,
  EffectiveConfigSchema,
  PackageStatusesSchema,
} from "../../src/gen/opamp/v1/opamp_pb.js";

/** A uid that starts with this byte. */
export function uid(first: number): Uint8Array {
  return Uint8Array.from({ length: 16 }, (_, index) => (index === 0 ? first : index));
}

/** A hash with bytes that only survive if nobody takes them for text. */
export function hash(first: number): Uint8Array {
  return Uint8Array.of(first, 0x00, 0xff, 0x80);
}

export function description(...values: readonly string[]): PartValues["agentDescription"] {
  return create(AgentDescriptionSchema, {
    identifyingAttributes: values.map((value, index) => attribute(`service.${index}`, value)),
    nonIdentifyingAttributes: [attribute("os.type", "linux")],
  });
}

function attribute(key: string, value: string): KeyValue {
  return create(KeyValueSchema, { key, value: { value: { case: "stringValue", value } } });
}

export function health(healthy: boolean, status = ""): PartValues["health"] {
  return create(ComponentHealthSchema, { healthy, status });
}

export function effectiveConfig(body: string): PartValues["effectiveConfig"] {
  const file = { body: new TextEncoder().encode(body), contentType: "text/yaml" };
  return create(EffectiveConfigSchema, { configMap: { configMap: { "": file } } });
}

export function configStatus(first: number, status: OfferStatus["status"] = "applied", error = ""): OfferStatus {
  return { hash: hash(first), status, error };
}

/** Every part compared in the same way. */
export function comparedBy(same: (a: unknown, b: unknown) => boolean): Comparisons {
  return {
    agentDescription: same,
    health: same,
    effectiveConfig: same,
    remoteConfigStatus: same,
    packageStatuses: same,
    customCapabilities: same,
    availableComponents: same,
    connectionSettingsStatus: same,
  };
}

/** A value for every part. */
export function everyPart(): PartValues {
  return {
    agentDescription: description("one"),
    health: health(true),
    effectiveConfig: effectiveConfig("one"),
    remoteConfigStatus: configStatus(1),
    packageStatuses: create(PackageStatusesSchema, { serverProvidedAllPackagesHash: hash(2) }),
    customCapabilities: create(CustomCapabilitiesSchema, { capabilities: ["com.example.one"] }),
    availableComponents: create(AvailableComponentsSchema, { hash: hash(3) }),
    connectionSettingsStatus: configStatus(4),
  };
}
