import type { SecondOfReturn, SimulationFigure } from "../result.js";
import type { Scenario } from "./scenarios.js";

/** What a run has counted. */
export interface Counted {
  agents: number;
  /** How many were not connected when the return began. */
  outside: number;
  seconds: readonly SecondOfReturn[];
  attempts: Uint16Array;
  /** Since the first stop. */
  backAtMs: Float64Array;
  /** Whether all agents are back. */
  isComplete: boolean;
}

/** What a run comes to; what has no value in a run that was ended early is left out. */
export function figuresOf(scenario: Scenario, counted: Counted): SimulationFigure[] {
  const { agents, outside, seconds, attempts, backAtMs, isComplete } = counted;
  const thereAt = returnBegins(scenario);
  const ideal = (scenario.idealSeconds * outside) / agents / shareUp(scenario);
  const times = backAtMs.map((ms) => ms / 1_000 - thereAt).filter((time) => time > 0);
  times.sort();
  const at = (share: number): number => times[Math.max(0, Math.ceil(share * times.length) - 1)] ?? 0;
  const back = seconds.slice(thereAt);
  // A tenth of what the servers take.
  const enough = scenario.idealSeconds > 0 ? agents / scenario.idealSeconds / 10 : 0;
  const sum = attempts.reduce((total, each) => total + each, 0);
  const figures: SimulationFigure[] = [{ name: "ideal", value: ideal, unit: "s", note: "agents divided by capacity" }];
  if (isComplete) {
    figures.push({ name: "all back", value: at(1), unit: "s", note: "after the servers are there" });
    if (ideal > 0) figures.push({ name: "all back to ideal", value: at(1) / ideal, unit: "" });
  }
  figures.push(
    { name: "back p50", value: at(0.5), unit: "s" },
    { name: "back p95", value: at(0.95), unit: "s" },
    { name: "attempts per agent", value: sum / agents, unit: "" },
    { name: "most attempts of an agent", value: attempts.reduce((most, each) => Math.max(most, each), 0), unit: "" },
    { name: "attempts in the fullest second", value: most(seconds), unit: "" },
    { name: "fullest second to its minute", value: peak(back, 0, enough), unit: "" },
    {
      name: "fullest second to its minute, later",
      value: peak(back, 1, enough),
      unit: "",
      note: "without the first second",
    },
  );
  return figures;
}

/** From when on nothing keeps the agents away any more, in seconds since the first stop. */
export function returnBegins({ servers, stops, everySeconds, downSeconds, ending }: Scenario): number {
  // A balancer sends agents elsewhere at once.
  const isElsewhere = servers > 1 && ending !== "unnoticed";
  return (stops - 1) * everySeconds + (isElsewhere ? 0 : downSeconds);
}

/** How much of the capacity there is when the return begins. */
function shareUp({ servers, downSeconds, ending }: Scenario): number {
  if (servers === 1 || downSeconds === 0) return 1;
  return (ending === "unnoticed" ? 1 : servers - 1) / servers;
}

function most(seconds: readonly SecondOfReturn[]): number {
  return seconds.reduce((most, { attempts }) => Math.max(most, attempts), 0);
}

/**
 * The fullest second, to the mean of the seconds of its minute until all were back.
 *
 * @param from the first second that is looked at
 * @param enough attempts in a second that any server can take are never too many
 */
function peak(seconds: readonly SecondOfReturn[], from: number, enough: number): number {
  const last = seconds.findLastIndex(({ attempts }) => attempts > 0);
  let worst = 0;
  for (let start = 0; start <= last; start += 60) {
    const minute = seconds.slice(start, Math.min(start + 60, last + 1));
    const mean = minute.reduce((sum, { attempts }) => sum + attempts, 0) / minute.length;
    const fullest = most(minute.slice(Math.max(0, from - start)));
    if (fullest > enough) worst = Math.max(worst, fullest / mean);
  }
  return worst;
}
