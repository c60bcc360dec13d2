import { type CapabilityName, maskOf } from "../core/capabilities.js";
import type { Handlers } from "./options.js";

/**
 * The capability mask that follows from what the host supplies, less what it wants left off (CAP-06, SEC-05).
 *
 * @param reportsHealth whether health was ever given
 */
export function declaredMask(handlers: Handlers, reportsHealth: boolean, off: ReadonlySet<CapabilityName>): bigint {
  const names: CapabilityName[] = ["reportsHeartbeat"];
  if (handlers.effectiveConfig !== undefined) names.push("reportsEffectiveConfig");
  if (handlers.remoteConfig !== undefined) names.push("acceptsRemoteConfig", "reportsRemoteConfig");
  if (handlers.restart !== undefined) names.push("acceptsRestartCommand");
  if (reportsHealth) names.push("reportsHealth");
  return maskOf(names.filter((name) => !off.has(name)));
}
