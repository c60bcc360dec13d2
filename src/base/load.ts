import { messageOf, OpAMPError } from "../errors.js";

/** A library that is loaded on demand. @throws OpAMPError `ERR_OPAMP_INCOMPLETE` when it cannot be */
export async function loaded<T>(library: string, loading: Promise<T>): Promise<T> {
  try {
    return await loading;
  } catch (cause) {
    throw notLoaded(library, cause);
  }
}

/** The error for a library that cannot be loaded. */
export function notLoaded(library: string, cause: unknown): OpAMPError {
  // What follows the first line is where Node looked.
  const [reason = ""] = messageOf(cause).split("\n");
  const text = `the package is incomplete: ${library} cannot be loaded: ${reason}`;
  return new OpAMPError("ERR_OPAMP_INCOMPLETE", text, { cause });
}
