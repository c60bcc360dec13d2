import type { HiddenKeys } from "./hidden-keys.js";

/** An entry of a map; without text where its value is none. */
export type Entry = readonly [key: string, text: string | undefined];

const NAMING = new Set(["key", "name"]);
const VALUE = "value";
/** Where Kubernetes keeps what is in a Secret. */
const SECRET_KIND = "Secret";
const SECRET_DATA = ["data", "stringData"];
const NONE: ReadonlySet<string> = new Set();

/**
 * The keys of a map whose values are secret because of what the map says elsewhere: `value` beside `name: DB_PASSWORD`,
 * and the data of a Kubernetes Secret.
 */
export function toldSecrets(entries: readonly Entry[], keys: HiddenKeys): ReadonlySet<string> {
  const isNamed = entries.some(([key, text]) => NAMING.has(key) && text !== undefined && keys.isSecretName(text));
  const isSecret = entries.some(([key, text]) => key === "kind" && text === SECRET_KIND);
  if (!isNamed && !isSecret) return NONE;
  return new Set([...(isNamed ? [VALUE] : []), ...(isSecret ? SECRET_DATA : [])]);
}

/** Whether an item of a list is secret because of the one before it, as in the arguments `--token` and `abc`. */
export function isArgument(before: string, item: string, keys: HiddenKeys): boolean {
  return /^--[\w-]+$/.test(before) && !item.startsWith("-") && keys.isSecretName(before);
}
