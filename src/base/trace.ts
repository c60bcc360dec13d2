/** Where somebody called; V8 writes it down only when it is read. */
export interface Trace {
  readonly stack?: string;
}

/** @param called the function that was called: the trace begins with its caller */
export function traceOf(called: (...args: never[]) => unknown): Trace {
  const trace: Trace = {};
  Error.captureStackTrace(trace, called);
  return trace;
}

/** Has an error that came later, such as from a timer, begin where somebody called. */
export function beginAt(error: Error, { stack = "" }: Trace): void {
  const begin = stack.indexOf("\n    at ");
  error.stack = `${error.name}: ${error.message}${begin < 0 ? "" : stack.slice(begin)}`;
}
