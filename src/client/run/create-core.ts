import { isDeepStrictEqual } from "node:util";
import { sameBytes } from "../../base/bytes.js";
import { Core } from "../../core/core.js";
import type { PartName, PartValues } from "../../core/parts.js";
import { sameEffectiveConfig } from "../../values/config-files.js";
import { sameHealth } from "../../values/health.js";
import type { Settings } from "../settings/settings.js";

/** What of an agent is not a setting. */
export interface CoreSeed {
  instanceUid: Uint8Array;
  capabilities: bigint;
  /** Uniform in [0, 1). */
  random: () => number;
}

/** A core set up as the host wishes. */
export function createCore(settings: Settings, { instanceUid, capabilities, random }: CoreSeed): Core {
  const { timeouts, throttle } = settings;
  return new Core({
    instanceUid,
    requestInstanceUid: settings.requestInstanceUid,
    capabilities,
    reconnectReport: settings.reconnectReport,
    link: {
      connectMs: timeouts.connectMs,
      answerMs: timeouts.answerMs,
      closeMs: timeouts.closeMs,
      backoff: settings.backoff,
      throttleFloorMs: throttle.floorMs,
      throttleMaxMs: throttle.maxMs,
    },
    apply: { applyMs: timeouts.applyMs, abortMs: timeouts.abortMs },
    heartbeat: settings.heartbeat,
    ping: settings.ping,
    effectiveConfigMs: timeouts.effectiveConfigMs,
    maxCustomMessages: settings.maxCustomMessages,
    seed: Math.floor(random() * 2 ** 32),
    same: samePart,
  });
}

type Same<P extends PartName> = (a: PartValues[P], b: PartValues[P]) => boolean;

/**
 * Health has times that do not count; the effective config is large, and compared after every apply; the hash of
 * components says all about them (COMP-04).
 */
const comparisons: { readonly [P in PartName]?: Same<P> } = {
  health: sameHealth,
  effectiveConfig: sameEffectiveConfig,
  availableComponents: (a, b) => sameBytes(a.hash, b.hash),
};

/** Whether two values of a part say the same; health that differs only in its times does (STATUS-05). */
function samePart<P extends PartName>(part: P, a: PartValues[P], b: PartValues[P]): boolean {
  const same: Same<P> = comparisons[part] ?? isDeepStrictEqual;
  return same(a, b);
}
