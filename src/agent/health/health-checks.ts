import type { Logger } from "../../diagnostics/logger.js";
import type { ComponentHandle, ComponentHealth } from "../../extension/health/component-health.js";
import type { HealthNode, HealthSettings, HealthTimes } from "../file/health-keys.js";
import { type HealthCheck, healthCheck } from "./health-check.js";

/** Starts the checks of a program and its components; the agent is ready once each has had a result. */
export function startHealthChecks(
  settings: HealthSettings | undefined,
  health: ComponentHealth,
  log: Logger,
): HealthCheck {
  const checks: HealthCheck[] = [];
  const pending = new Set<HealthNode>();

  function start(times: HealthTimes, node: HealthNode, handle: ComponentHandle, name: string): void {
    const report = (error: string | undefined): void => {
      if (error === undefined) handle.set("StatusOK");
      else handle.set("StatusRecoverableError", { error });
      if (error === undefined) log.info(`Health of ${name}: ok`);
      else log.warn(`Health of ${name}: ${error}`);
      if (pending.delete(node) && pending.size === 0) health.ready();
    };
    if (node.check !== undefined) {
      pending.add(node);
      handle.set("StatusStarting");
      checks.push(healthCheck(node.check, times, { log, report }));
    }
    for (const [inner, child] of Object.entries(node.components)) {
      start(times, child, handle.component(inner), inner);
    }
  }

  if (settings === undefined) health.ready();
  else start(settings, settings, health, "the program");
  return {
    async stop() {
      await Promise.all(checks.map((check) => check.stop()));
    },
  };
}
