import { checkFunctions } from "../base/checks.js";
import { checkByRules, isFlag, isFunction, isWholeNumber, type RulesFor } from "../base/rules.js";
import type { Clock } from "../client/clock.js";
import type { FaultProxyTarget } from "./fault-proxy-connection.js";

/** How a `FaultProxy` is set up. */
export interface FaultProxyOptions {
  /** Where connections go. */
  target: FaultProxyTarget;
  /** The port to listen on, at 127.0.0.1. Default: 0, any free one. */
  port?: number | undefined;
  /** What latency and bandwidth are measured by; a `virtualClock` for instance. Default: the system's. */
  clock?: Pick<Clock, "now" | "after"> | undefined;
  /** The chance behind the jitter: numbers from 0 to 1. Default: `Math.random`. */
  random?: (() => number) | undefined;
  /** Whether the proxy keeps the process alive until it is closed. A wait of the proxy does so either way. Default: false. */
  keepAlive?: boolean | undefined;
}

const RULES: RulesFor<FaultProxyOptions> = {
  // Looked at where it is taken apart.
  target: () => undefined,
  port: isWholeNumber(0, 65_535),
  clock: (where, value) => checkFunctions(where, value, ["now", "after"]),
  random: isFunction,
  keepAlive: isFlag,
};

/** How many connections a `FaultProxy` has had. */
export interface FaultProxyConnections {
  /** Those of which an end is still open. */
  readonly open: number;
  /** All that were accepted. */
  readonly total: number;
  /** Those that were accepted just to be reset. */
  readonly refused: number;
}

/** Throws ERR_OPAMP_OPTION naming the option that is wrong. */
export function checkProxyOptions(options: FaultProxyOptions): void {
  checkByRules("", options, RULES, ["target"]);
}
