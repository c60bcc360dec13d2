/**
 * Reads pairs as OpenTelemetry's environment variables hold them: `name=value,other=value`, percent-encoded.
 *
 * @returns in a record without a prototype; or what is wrong, in words without any of the text
 */
export function parsePairs(text: string): Readonly<Record<string, string>> | string {
  const pairs: Record<string, string> = Object.create(null);
  for (const [index, item] of text.split(",").entries()) {
    if (item.trim() === "") continue;
    const equals = item.indexOf("=");
    const name = equals < 0 ? "" : decoded(item.slice(0, equals));
    const value = decoded(item.slice(equals + 1));
    if (equals < 0 || name === "") return `pair ${index + 1} is not written as name=value`;
    if (name === undefined || value === undefined) return `pair ${index + 1} has a percent sign that encodes nothing`;
    pairs[name] = value;
  }
  return pairs;
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text.trim());
  } catch {
    return undefined;
  }
}
