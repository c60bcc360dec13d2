import fc from "fast-check";
import { test } from "vitest";
import { Walk } from "./walk.js";
import { actions, ends, worlds } from "./walk-actions.js";

test("whatever happens, the core keeps to its account, and in the end the server knows what it can", () => {
  fc.assert(
    fc.property(worlds, fc.array(actions, { maxLength: 200, size: "max" }), ends, (world, happenings, end) => {
      const walk = new Walk(world);
      for (const action of [...happenings, ...end]) walk.do(action);
      walk.settle();
    }),
    { numRuns: Number(process.env["WALKS"] ?? 300) },
  );
});
