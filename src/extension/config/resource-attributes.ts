import type { AttributeValue } from "../../values/attributes.js";
import type { SectionReader } from "../reader/section-reader.js";

type Resource = Readonly<Record<string, AttributeValue>>;

/**
 * `service.telemetry.resource`: attributes by name, or the declarative form with a list `attributes` of name and value. An
 * attribute without a value is one that is not wanted.
 */
export function readResource(service: SectionReader): Resource {
  const resource = service.sectionOrEmpty("telemetry").section("resource");
  if (resource === undefined) return {};
  if (!Array.isArray(resource.value("attributes"))) {
    return Object.fromEntries(resource.keys.flatMap((name) => attribute(resource, name, name)));
  }
  const listed = resource.sections("attributes").flatMap((item) => {
    const name = item.needText("name", "is missing", "give the attribute's name");
    return attribute(item, "value", name);
  });
  return Object.fromEntries(listed);
}

function attribute(block: SectionReader, key: string, name: string): [string, AttributeValue][] {
  const given = block.value(key);
  if (given === undefined || given === null) return [];
  // A reference is text here, whatever the variable looks like.
  if (typeof given === "object" || block.refers(key)) return [[name, block.text(key) ?? ""]];
  if (typeof given === "string" || typeof given === "number" || typeof given === "boolean") return [[name, given]];
  throw block.wrong(key, "must be text, a number or a truth value", "put it in quotes");
}
