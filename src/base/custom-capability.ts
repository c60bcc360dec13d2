/** Reverse domain name, a dot, a short name, and perhaps a version (CUSTOM-03). */
const NAME = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)+(\/[\w.-]+)?$/i;

/** Whether a value may be the name of a custom capability. */
export function isCustomCapability(value: unknown): value is string {
  return typeof value === "string" && NAME.test(value);
}
