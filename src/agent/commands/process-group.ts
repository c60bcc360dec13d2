import { setTimeout as delay } from "node:timers/promises";
import { hasCode } from "../../base/error-code.js";

const LOOK_EVERY_MS = 20;

/**
 * Ends all processes of a group: SIGTERM, and SIGKILL for those that are still there after `graceMs`.
 *
 * @param leader the process id of the group's first process, whose `exited` is waited for
 */
export async function endProcessGroup(leader: number, graceMs: number, exited: Promise<unknown>): Promise<void> {
  send(leader, "SIGTERM");
  const until = performance.now() + graceMs;
  while (send(leader, 0) && performance.now() < until) await delay(LOOK_EVERY_MS);
  send(leader, "SIGKILL");
  await exited;
}

/** @returns whether anyone is there to hear */
function send(leader: number, signal: NodeJS.Signals | 0): boolean {
  try {
    return process.kill(-leader, signal);
  } catch (error) {
    return hasCode(error, "EPERM");
  }
}
