import { Core } from "../../core/core.js";
import { samePart } from "../../values/same-part.js";
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
