import { checkOptions, withoutUndefined, wrongOption } from "../../base/checks.js";
import { type AttributeSource, type AttributeValue, attributesOf } from "../../values/attributes.js";
import type { Description } from "../../values/description.js";
import { hostAttributes } from "./host-attributes.js";

/** What a {@link describeService} is made of. */
export interface ServiceDescription {
  /** What the agent is called, where `resource` has no `service.name` and `service.version`. */
  service?: { name?: string | undefined; version?: string | undefined } | undefined;
  /** The resource of the agent's own telemetry, or its attributes. Default: none. */
  resource?: AttributeSource | undefined;
  /** Non-identifying attributes of your own; they replace detected ones. Default: none. */
  nonIdentifying?: AttributeSource | undefined;
  /** Whether the other resource attributes are non-identifying ones too; they replace all others. Default false. */
  includeResourceAttributes?: boolean | undefined;
  /** What was detected. Default: {@link hostAttributes}. */
  host?: AttributeSource | undefined;
}

const KNOWN = {
  service: true,
  resource: true,
  nonIdentifying: true,
  includeResourceAttributes: true,
  host: true,
} satisfies Record<keyof ServiceDescription, true>;

/**
 * Describes an agent as the Collector's extension does; give it to the client as `description`.
 *
 * Identifying are `service.instance.id` (the instance uid, so that it follows a new one), `service.name` and
 * `service.version` (DESC-03). Non-identifying are what was detected, what is configured and, on demand, resource
 * attributes, each over the one before (DESC-02). Resource attributes that are not strings keep their value, which the
 * extension loses.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION` where there is no service name
 */
export function describeService(options: ServiceDescription): (agent: { instanceUid: string }) => Description {
  checkOptions("describeService", options, KNOWN);
  const { service = {}, includeResourceAttributes = false } = options;
  const given = (name: "resource" | "nonIdentifying" | "host") =>
    attributesOf(options[name] ?? {}, `describeService.${name}`);
  const [resource, configured] = [given("resource"), given("nonIdentifying")];
  const name = textOf(resource["service.name"]) ?? service.name;
  const version = textOf(resource["service.version"]) ?? service.version;
  if (name === undefined) {
    throw wrongOption("describeService.service.name", "is needed, unless the resource has a service.name");
  }
  const host = options.host === undefined ? hostAttributes() : given("host");
  const identified = new Set(["service.name", "service.version", "service.instance.id"]);
  const others = Object.entries(includeResourceAttributes ? resource : {}).filter(([key]) => !identified.has(key));
  const nonIdentifying = {
    ...withoutUndefined(host),
    ...withoutUndefined(configured),
    ...withoutUndefined(Object.fromEntries(others)),
  };
  return ({ instanceUid }) => ({
    identifying: { "service.instance.id": instanceUid, "service.name": name, "service.version": version },
    nonIdentifying,
  });
}

/** In YAML, `service.version: 1.4` is a number. */
function textOf(value: AttributeValue | undefined): AttributeValue | undefined {
  return typeof value === "number" || typeof value === "bigint" || typeof value === "boolean" ? String(value) : value;
}
