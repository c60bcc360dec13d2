import { isObject, isThenable, kindOf } from "../../base/checks.js";
import type { ConnectionSettings } from "../../connection-settings/laid-over.js";
import type { Use } from "../../core/io.js";
import { messageOf, OpAMPError } from "../../errors.js";
import { threwIn } from "../../transport/loss.js";
import type { Sink, Transport } from "../../transport/transport.js";
import type { MakeTransport } from "../connection-options.js";

const METHODS = ["open", "send", "ping", "close"] as const;

/** What a transport function of the host makes. @throws OpAMPError `ERR_OPAMP_OPTION` where that is not a transport */
export function madeBy(make: MakeTransport, settings: ConnectionSettings, use: Use): Transport {
  let made: unknown;
  try {
    made = make(settings, use);
  } catch (cause) {
    if (cause instanceof OpAMPError) throw cause;
    const hint = "correct the function that the option `transport` is; what it threw is the cause";
    throw new OpAMPError("ERR_OPAMP_OPTION", `transport: the function threw: ${messageOf(cause)}`, { cause, hint });
  }
  if (isTransport(made)) return made;
  const lacking = isObject(made) ? METHODS.filter((name) => typeof made[name] !== "function") : undefined;
  const given = lacking && !isThenable(made) ? `one without ${lacking.join(", ")}` : kindOf(made);
  const hint = "have the function return the transport itself, such as memoryTransport gives";
  const text = `transport: the function must return an object with ${METHODS.join(", ")}, not ${given}`;
  throw new OpAMPError("ERR_OPAMP_OPTION", text, { hint });
}

function isTransport(made: unknown): made is Transport {
  return isObject(made) && METHODS.every((name) => typeof made[name] === "function");
}

/** A transport; where none can be made, one that says why when it is opened. */
export function attemptedBy(make: () => Transport): Transport {
  try {
    return make();
  } catch (cause) {
    const open = (sink: Sink) => sink.lost(threwIn("open", cause));
    const nothing = () => undefined;
    return { duplex: false, name: "none", open, send: nothing, ping: nothing, close: nothing };
  }
}
