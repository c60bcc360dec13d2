import { type CapabilityName, maskOf } from "../../core/capabilities.js";
import type { Handlers } from "../options.js";

/** What the host supplies. */
export interface Supplied {
  handlers: Handlers;
  /** Health was given at some time. */
  health: boolean;
  /** Available components were given at some time. */
  components: boolean;
}

/** The capability mask that follows from what the host supplies, less what it wants left off (CAP-06, SEC-05). */
export function declaredMask({ handlers, health, components }: Supplied, off: ReadonlySet<CapabilityName>): bigint {
  const names: CapabilityName[] = ["reportsHeartbeat"];
  if (handlers.effectiveConfig !== undefined) names.push("reportsEffectiveConfig");
  if (handlers.remoteConfig !== undefined) names.push("acceptsRemoteConfig", "reportsRemoteConfig");
  if (handlers.restart !== undefined) names.push("acceptsRestartCommand");
  if (health) names.push("reportsHealth");
  if (components) names.push("reportsAvailableComponents");
  return maskOf(names.filter((name) => !off.has(name)));
}
