import { expect, test } from "vitest";
import { type Stage, stageAfter, switchStages } from "../../../src/core/move/switch-stages.js";

const stages = Object.keys(switchStages) as readonly Stage[];

function reachableFrom(first: Stage): readonly Stage[] {
  const reached = new Set<Stage>([first]);
  for (const stage of reached) for (const next of Object.values(switchStages[stage])) reached.add(next);
  return [...reached].sort();
}

test.each(stages)("from the stage %s every other one can come, the end of the move included", (stage) => {
  expect(reachableFrom(stage)).toEqual([...stages].sort());
});

test("only an answer of the new server leads to what is kept", () => {
  const before = stages.filter((stage) => Object.values<string>(switchStages[stage]).includes("committing"));
  expect(before).toEqual(["proving"]);
  expect(stageAfter("proving", "answered")).toBe("committing");
});

test("an event that means nothing in a stage leaves it", () => {
  expect(stageAfter("telling", "answered")).toBe("telling");
});
