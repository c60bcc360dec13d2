import type { Phase, Presence } from "../../src/core/phases.js";

/** The presences that each phase allows. */
export const presencesIn: Readonly<Record<Phase, readonly Presence[]>> = {
  idle: ["absent"],
  connecting: ["absent"],
  reporting: ["unreported", "first", "reported"],
  online: ["first", "reported"],
  waiting: ["absent"],
  closing: ["owing", "leaving", "gone", "absent"],
  stopped: ["absent"],
};
