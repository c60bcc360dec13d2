/** A place where two records are not the same; what is missing on one side is `undefined`. */
export interface Difference {
  /** The keys down to it, with slashes between them. */
  path: string;
  collector: unknown;
  ours: unknown;
}

/** Where two plain values differ. Records are compared key by key; lists, and all else, as a whole. */
export function differences(collector: unknown, ours: unknown, path = ""): Difference[] {
  if (!isRecord(collector) || !isRecord(ours)) {
    return JSON.stringify(collector) === JSON.stringify(ours) ? [] : [{ path, collector, ours }];
  }
  const keys = [...new Set([...Object.keys(collector), ...Object.keys(ours)])].sort();
  return keys.flatMap((key) => differences(collector[key], ours[key], path === "" ? key : `${path}/${key}`));
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
