import type { Logger } from "../../diagnostics/logger.js";
import type { ComponentHandle, ComponentHealth } from "../../extension/health/component-health.js";
import type { HealthNode, HealthSettings } from "../file/health-keys.js";
import { type HealthCheck, healthCheck } from "./health-check.js";

/** All checks of an agent. */
export interface HealthChecks {
  /** Resolves when nothing of them is left. */
  stop(): Promise<void>;
}

type CheckTimes = Pick<HealthSettings, "intervalMs" | "timeoutMs">;

/** Starts the checks of a program and its components; the agent is ready once each has had a result. */
export function startHealthChecks(
  settings: HealthSettings | undefined,
  health: ComponentHealth,
  log: Logger,
): HealthChecks {
  const checks: HealthCheck[] = [];
  const pending = new Set<HealthNode>();

  function start(node: HealthNode, handle: ComponentHandle, times: CheckTimes, name: string): void {
    const { check, components } = node;
    if (check !== undefined) {
      pending.add(node);
      handle.set("StatusStarting");
      const report = (healthy: boolean, error: string | undefined): void => {
        handle.set(healthy ? "StatusOK" : "StatusRecoverableError", error === undefined ? {} : { error });
        if (healthy) log.info(`Health of ${name}: ok`);
        else log.warn(`Health of ${name}: ${error}`);
        if (pending.delete(node) && pending.size === 0) health.ready();
      };
      checks.push(
        healthCheck({
          ...check,
          ...times,
          log,
          report: ({ healthy, lastError }) => report(healthy, lastError),
        }),
      );
    }
    for (const [inner, child] of Object.entries(components)) {
      start(child, handle.component(inner), times, inner);
    }
  }

  if (settings === undefined) health.ready();
  else {
    const { intervalMs, timeoutMs } = settings;
    start(settings, health, { intervalMs, timeoutMs }, "the program");
  }
  return {
    async stop() {
      await Promise.all(checks.map((check) => check.stop()));
    },
  };
}
