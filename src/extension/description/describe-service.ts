import { checkOptions, isRecord, kindOf, withoutUndefined, wrongOption } from "../../base/checks.js";
import type { Attributes, AttributeValue } from "../../values/attributes.js";
import type { Description } from "../../values/description.js";
import { hostAttributes } from "./host-attributes.js";

/** What a {@link describeService} is made of. */
export interface ServiceDescription {
  /** What the agent is called, where `resource` has no `service.name` and `service.version`. */
  service?: { name?: string | undefined; version?: string | undefined };
  /** Resource attributes, as the agent's own telemetry has them. Default: none. */
  resource?: Attributes;
  /** Non-identifying attributes of your own; they replace detected ones. Default: none. */
  nonIdentifying?: Attributes;
  /** Whether the other resource attributes are non-identifying ones too; they replace all others. Default false. */
  includeResourceAttributes?: boolean;
  /** What was detected. Default: {@link hostAttributes}. */
  host?: Attributes;
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
 * attributes, each over the one before (DESC-02). Resource attributes that are no strings keep their value, which the
 * extension loses.
 *
 * @throws OpAMPError `ERR_OPAMP_OPTION` where there is no service name
 */
export function describeService(options: ServiceDescription): (agent: { instanceUid: string }) => Description {
  check(options);
  const { service = {}, resource = {}, nonIdentifying: configured = {}, includeResourceAttributes = false } = options;
  const name = textOf(resource["service.name"]) ?? service.name;
  const version = textOf(resource["service.version"]) ?? service.version;
  if (name === undefined) {
    throw wrongOption("describeService.service.name", "is needed, unless the resource has a service.name");
  }
  const { host = hostAttributes() } = options;
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

function check(options: ServiceDescription): void {
  checkOptions("describeService", options, KNOWN);
  for (const name of ["resource", "nonIdentifying", "host"] as const) {
    const given: unknown = options[name];
    if (given !== undefined && !isRecord(given)) {
      throw wrongOption(`describeService.${name}`, `must be a record of attributes, not ${kindOf(given)}`);
    }
  }
}

/** In YAML, `service.version: 1.4` is a number. */
function textOf(value: AttributeValue | undefined): AttributeValue | undefined {
  return typeof value === "number" || typeof value === "bigint" || typeof value === "boolean" ? String(value) : value;
}
