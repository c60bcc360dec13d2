import { create } from "@bufbuild/protobuf";
import { isObject, isRecord, member, refuseUnknown, wrongKind, wrongOption } from "../base/checks.js";
import { OpAMPError } from "../errors.js";
import { type AgentDescription, AgentDescriptionSchema } from "../gen/opamp/v1/opamp_pb.js";
import { type AttributeSource, toKeyValues } from "./attributes.js";
import { plainAttributes } from "./plain-attributes.js";

/** Who an agent is, in attributes named by the OpenTelemetry resource conventions (DESC-01, DESC-02). */
export interface Description {
  /**
   * What singles out the agent's own telemetry: usually `service.name`, `service.version`, `service.instance.id` and, if
   * in use, `service.namespace`. At least one.
   */
  identifying: AttributeSource;
  /** What else is worth knowing: operating system, host, cloud, anything of your own. Default: none. */
  nonIdentifying?: AttributeSource | undefined;
}

const KEYS = { identifying: true, nonIdentifying: true } as const satisfies Record<keyof Description, true>;
/** As the wire and the Collector call them. */
const FOREIGN = {
  identifyingattributes: "identifying",
  nonidentifyingattributes: "nonIdentifying",
  attributes: "identifying or nonIdentifying",
  resource: "identifying or nonIdentifying",
};

/** What a {@link DescribeAgent} is told of the agent it describes. */
export interface AgentNames {
  /** UUID text. */
  readonly instanceUid: string;
}

/**
 * Makes the description for an agent that may be renamed, where `service.instance.id` is to be the instance uid: called
 * at once, and again whenever the uid is another one, be it from the store or from the server (UID-05).
 */
export type DescribeAgent = (agent: AgentNames) => Description;

/**
 * Turns a description into its wire form.
 *
 * @throws {OpAMPError} ERR_OPAMP_OPTION naming the path of what is wrong.
 */
export function toAgentDescription(description: Description): AgentDescription {
  if (!isObject(description)) throw wrongKind("description", "an object such as { identifying }", description);
  // A record's other keys are slips; an instance of a class may have fields of its own.
  if (isRecord(description)) {
    refuseAttribute(Object.keys(description).find((key) => key.includes(".")));
    refuseUnknown("description", description, KEYS, FOREIGN);
  }
  const { identifying, nonIdentifying } = description;
  const identifyingAttributes = toKeyValues(identifying, "description.identifying");
  if (identifyingAttributes.length === 0) {
    throw wrongOption("description.identifying", "needs at least one attribute, such as service.name");
  }
  const nonIdentifyingAttributes = toKeyValues(nonIdentifying ?? {}, "description.nonIdentifying");
  return create(AgentDescriptionSchema, { identifyingAttributes, nonIdentifyingAttributes });
}

/** Attributes all have a dot in their name, and members have none. */
function refuseAttribute(key: string | undefined): void {
  if (key === undefined) return;
  const group = key.startsWith("service.") ? "identifying" : "identifying or nonIdentifying";
  const hint = `put attributes under ${group}`;
  throw new OpAMPError("ERR_OPAMP_OPTION", `${member("description", key)}: is an attribute, not an option`, { hint });
}

/** The same as plain values; integers are numbers where that is exact. */
export function fromAgentDescription(description: AgentDescription | undefined): Description {
  return {
    identifying: plainAttributes(description?.identifyingAttributes ?? []),
    nonIdentifying: plainAttributes(description?.nonIdentifyingAttributes ?? []),
  };
}
