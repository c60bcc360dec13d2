import type { Clock } from "../../client/clock.js";
import type { Logger } from "../../diagnostics/logger.js";
import type { ComponentHandle, ComponentHealth } from "../../extension/health/component-health.js";
import type { HealthNode, HealthSettings } from "../file/health-keys.js";
import { type HealthCheck, healthCheck } from "./health-check.js";

/** What is known of the program, or of a component, and of those in it. */
interface Part {
  readonly handle: ComponentHandle;
  readonly around: Part | undefined;
  readonly inside: [name: string, part: Part][];
  /** What its own check found. */
  own: string | undefined;
  /** What is wrong with it as a whole: its own problem first, then those of its components under their names. */
  problem: string | undefined;
  /** Since when something is. */
  since: Date | undefined;
  isReported: boolean;
}

/**
 * Starts the checks of a program and its components; the agent is ready once each has had a result.
 *
 * Of several failures the one that came first would speak for all of them: each level says itself what is wrong in it.
 */
export function startHealthChecks(
  settings: HealthSettings | undefined,
  health: ComponentHealth,
  log: Logger,
  clock?: Clock,
): HealthCheck {
  const checks: HealthCheck[] = [];
  const pending = new Set<HealthNode>();

  function start(times: HealthSettings, node: HealthNode, part: Part, name: string): void {
    const report = (error: string | undefined): void => {
      part.own = error;
      tell(part, new Date());
      if (error === undefined) log.info(`Health of ${name}: ok`);
      else log.warn(`Health of ${name}: ${error}`);
      if (pending.delete(node) && pending.size === 0) health.ready();
    };
    if (node.check !== undefined) {
      pending.add(node);
      part.handle.set("StatusStarting");
      checks.push(healthCheck(node.check, times, { log, report, ...(clock && { clock }) }));
    }
    for (const [inner, child] of Object.entries(node.components)) {
      const within = newPart(part.handle.component(inner), part);
      part.inside.push([inner, within]);
      start(times, child, within, inner);
    }
  }

  if (settings === undefined) health.ready();
  else start(settings, settings, newPart(health, undefined), "the program");
  return {
    async stop() {
      await Promise.all(checks.map((check) => check.stop()));
    },
  };
}

function newPart(handle: ComponentHandle, around: Part | undefined): Part {
  return { handle, around, inside: [], own: undefined, problem: undefined, since: undefined, isReported: false };
}

/** Reports how a part is after a check of its own, and then how those around it are. */
function tell(changed: Part, now: Date): void {
  for (let part: Part | undefined = changed; part !== undefined; part = part.around) {
    const problems = part.inside.flatMap(([name, { problem }]) =>
      problem === undefined ? [] : [`${name}: ${problem}`],
    );
    const all = part.own === undefined ? problems : [part.own, ...problems];
    const problem = all.length === 0 ? undefined : all.join("; ");
    // Those around say nothing of themselves while nothing was ever wrong in them.
    const isSame = problem === part.problem && (part !== changed || part.isReported);
    if (isSame) continue;
    part.problem = problem;
    part.since = problem === undefined ? undefined : (part.since ?? now);
    part.isReported = true;
    if (problem === undefined) part.handle.set("StatusOK", { time: now });
    else part.handle.set("StatusRecoverableError", { error: problem, time: part.since });
  }
}
