import { OpAMPError } from "../../src/errors.js";

/** The OpAMPError that a call throws. */
export function refusal(call: () => unknown): OpAMPError {
  try {
    call();
  } catch (thrown) {
    if (thrown instanceof OpAMPError) {
      return thrown;
    }
    throw thrown;
  }
  throw new Error("the call did not throw");
}
