import fc from "fast-check";
import { test } from "vitest";
import { Walk } from "./walk.js";
import { actions, ends, worlds } from "./walk-actions.js";

/** More of them on demand: WALKS=100000. */
const walks = Number(process.env["WALKS"] ?? 600);

test("any sequence of events keeps the core's accounts consistent and ends with a fully informed server", () => {
  fc.assert(
    fc.property(worlds, fc.array(actions, { maxLength: 200, size: "max" }), ends, (world, happenings, end) => {
      const walk = new Walk(world);
      for (const action of [...happenings, ...end]) walk.do(action);
      walk.settle();
    }),
    { numRuns: walks },
  );
});
