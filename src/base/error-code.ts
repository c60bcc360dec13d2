/** The code of an error of Node or the system, such as `ENOENT`. */
export function codeOf(cause: unknown): string | undefined {
  return cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined;
}

/** Whether something thrown is an error with one of these codes. */
export function hasCode(cause: unknown, ...codes: readonly string[]): boolean {
  const code = codeOf(cause);
  return code !== undefined && codes.includes(code);
}

/** What a call gives; `undefined` where it throws, whatever that is. */
export function attempt<T>(call: () => T): T | undefined {
  try {
    return call();
  } catch {
    return undefined;
  }
}
