/**
 * In JavaScript, and in TypeScript where nothing is to be returned, people say no with `false`.
 *
 * @throws Error for that
 */
export function refuseFalse(result: unknown): void {
  if (result === false) throw new Error("returned false: throw an Error with the reason instead");
}
