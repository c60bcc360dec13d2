import type { HeaderRecord } from "../../transport/settings/headers.js";
import type { SectionReader } from "../reader/section-reader.js";
import { type AuthExtension, checkSendable, readSecret } from "./auth-extension.js";

type Action = "upsert" | "insert" | "update" | "delete";

interface Step {
  action: Action;
  /** In lower case. */
  name: string;
  find: () => Promise<string>;
}

/**
 * The Collector's `headers_setter`.
 *
 * @param additional what `additional_auth` names; it comes after, and so has the last word
 */
export function headersSetter(block: SectionReader, additional: AuthExtension | undefined): AuthExtension {
  const items = block.sections("headers");
  block.ignore("additional_auth");
  block.done();
  if (items.length === 0) {
    block.lacks("headers", "missing headers configuration", "give a list of headers with key and value");
  }
  const steps = items.map(readStep);
  const removed = steps.filter(({ action }) => action === "delete").map(({ name }) => name);
  return {
    removes: new Set([...removed, ...(additional?.removes ?? [])]),
    apply: async (headers, context) => {
      const changed = await changedBy(steps, headers);
      return additional === undefined ? changed : additional.apply(changed, context);
    },
  };
}

async function changedBy(steps: readonly Step[], headers: HeaderRecord): Promise<HeaderRecord> {
  const changed = new Map(Object.entries(headers));
  for (const { action, name, find } of steps) {
    if (action === "delete") changed.delete(name);
    else if (action === "upsert" || changed.has(name) === (action === "update")) changed.set(name, await find());
  }
  return Object.fromEntries(changed);
}

function readStep(item: SectionReader): Step {
  const action: Action = item.oneOf("action", ["upsert", "insert", "update", "delete"]);
  const key = item.needText("key", "missing header name", "give the header's name");
  const fixed = item.text("value");
  const find = readSecret(item, "value", "value_file");
  const standIn = item.text("default_value");
  const requested = ["from_context", "from_attribute"].filter((from) => item.text(from) !== undefined);
  item.done();
  if (key !== "") checkSendable(item, "key", key, "");
  const step = { action, name: key.toLowerCase(), find: async () => "" };
  if (action === "delete") return step;
  const isGiven = fixed !== undefined || find !== undefined;
  const [from] = requested;
  if (requested.length + (isGiven ? 1 : 0) > 1) {
    const problem = "invalid header source, must either be 'from_context', 'from_attribute' or 'value'";
    item.refuse(undefined, problem, "keep one of them");
  }
  if (isGiven) {
    if (find === undefined) return step;
    if (!item.has("value_file")) checkSendable(item, "value", key, (fixed ?? "").trimEnd());
    return { ...step, find };
  }
  if (from === undefined) item.lacks(["value", "value_file"], "missing header source", "give value or value_file");
  else if (standIn === undefined) {
    item.refuse(from, "has no incoming request to take from here", "give value, value_file or default_value");
  }
  if (standIn === undefined) return step;
  checkSendable(item, "default_value", key, standIn);
  return { ...step, find: async () => standIn };
}
