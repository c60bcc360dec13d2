import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { measureCycles } from "./measure-cycles.js";
import { measureHeartbeat } from "./measure-heartbeat.js";
import { measureMemory } from "./measure-memory.js";
import { measureStart } from "./measure-start.js";
import { prepare } from "./prepare.js";
import type { Bench, Section } from "./section.js";
import { formatTable } from "./table.js";

// Measures the built package beside what it is made of and beside its peers, all in this one run, because only ratios
// taken in the same minutes on the same machine mean anything.
//
//   --quick          fewer and shorter rounds
//   --only PART      cycles, heartbeat, memory or start; may be repeated
//   --json           the comparisons as JSON on stdout
//   --profile        explain every part by a profile, not only the parts that miss a target
//   --no-profile     explain none

const PARTS: Readonly<Record<string, (bench: Bench) => Promise<Section>>> = {
  cycles: measureCycles,
  heartbeat: measureHeartbeat,
  memory: measureMemory,
  start: measureStart,
};

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string", multiple: true, default: Object.keys(PARTS) },
    json: { type: "boolean", default: false },
    profile: { type: "boolean" },
  },
  allowNegative: true,
});

const parts = values.only.map((name) => {
  const part = Object.hasOwn(PARTS, name) ? PARTS[name] : undefined;
  if (part === undefined) throw new Error(`--only ${name}: known are ${Object.keys(PARTS).join(", ")}`);
  return part;
});
const bench: Bench = { withGo: prepare(), quick: values.quick };
const startedAt = performance.now();
const loadBefore = loadavg()[0] ?? 0;
const sections: Section[] = [];
for (const part of parts) sections.push(await part(bench));

const comparisons = sections.flatMap((section) => section.comparisons);
if (values.json) {
  console.log(JSON.stringify({ node: process.version, withGo: bench.withGo, loadBefore, comparisons }, undefined, 2));
} else {
  console.log(`\nnode ${process.version}, ${cpus().length} CPUs, load before the run ${loadBefore.toFixed(1)}`);
  if (!bench.withGo) {
    console.log(
      "`go` is not on the PATH, so the Go client is left out, and OpAMPServer drives: it is slower than some of",
    );
    console.log("what it drives, which brings the ratios of cycles nearer to 1 than they are.");
  }
  console.log(`\n${formatTable(comparisons)}\n`);
}
for (const section of sections) {
  const missed = section.comparisons.some(({ reached }) => reached === false);
  if (!(values.profile ?? (missed && !values.json))) continue;
  const text = await section.explain();
  (values.json ? console.error : console.log)(`${text}\n`);
}
console.error(`${Math.round((performance.now() - startedAt) / 1000)} s`);
