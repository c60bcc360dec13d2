import { cpus, loadavg } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import { countHops } from "./count-hops.js";
import { countLines } from "./count-lines.js";
import { countStorms } from "./count-storms.js";
import { measureAlone } from "./measure-alone.js";
import { measureCycles } from "./measure-cycles.js";
import { measureHeartbeat } from "./measure-heartbeat.js";
import { measureMemory } from "./measure-memory.js";
import { measureStart } from "./measure-start.js";
import { prepare } from "./prepare.js";
import type { Bench, Count, Section } from "./section.js";
import { formatCounts, formatTable } from "./table.js";

// Measures the built package beside what it is made of and beside its peers, all in this one run, because only ratios
// taken in the same minutes on the same machine mean anything.
//
//   --quick          fewer and shorter rounds
//   --only PART      cycles, alone, heartbeat, memory or start; hops or size, which are counted in src, or storm,
//                   which is simulated; may be repeated
//   --earlier DIR    measure another checkout of this package too, built, in the same rounds
//   --rounds N       how often each subject of cycles and heartbeats has its turn
//   --json           the comparisons and counts as JSON on stdout
//   --list           what was counted: the files of each hop and what ran in them, the size of each folder
//   --check          exit code 1 if a count is above its limit
//   --profile        explain every part by a profile, not only the parts that miss a target
//   --no-profile     explain none

const PARTS: Readonly<Record<string, (bench: Bench) => Promise<Section>>> = {
  cycles: measureCycles,
  alone: measureAlone,
  heartbeat: measureHeartbeat,
  memory: measureMemory,
  start: measureStart,
};
const COUNTS: Readonly<Record<string, (isQuick: boolean) => Count[] | Promise<Count[]>>> = {
  hops: countHops,
  size: countLines,
  storm: countStorms,
};
const known = [...Object.keys(PARTS), ...Object.keys(COUNTS)];

const { values } = parseArgs({
  options: {
    quick: { type: "boolean", default: false },
    only: { type: "string", multiple: true, default: known },
    earlier: { type: "string" },
    rounds: { type: "string" },
    json: { type: "boolean", default: false },
    profile: { type: "boolean" },
    list: { type: "boolean", default: false },
    check: { type: "boolean", default: false },
  },
  allowNegative: true,
});

const unknown = values.only.find((name) => !known.includes(name));
if (unknown !== undefined) throw new Error(`--only ${unknown}: known are ${known.join(", ")}`);
const parts = values.only.flatMap((name) => PARTS[name] ?? []);
const startedAt = performance.now();
const counts: Count[] = [];
for (const name of values.only) counts.push(...((await COUNTS[name]?.(values.quick)) ?? []));
const loadBefore = loadavg()[0] ?? 0;
const earlier = values.earlier === undefined ? undefined : resolve(values.earlier);
const withGo = parts.length > 0 && prepare(earlier);
const rounds = values.rounds === undefined ? undefined : Number(values.rounds);
if (rounds !== undefined && !(Number.isInteger(rounds) && rounds > 0)) throw new Error("--rounds must be 1 or more");
const bench: Bench = { withGo, quick: values.quick, earlier, rounds };
const sections: Section[] = [];
for (const part of parts) sections.push(await part(bench));

const comparisons = sections.flatMap((section) => section.comparisons);
if (values.json) {
  const { withGo } = bench;
  console.log(JSON.stringify({ node: process.version, withGo, loadBefore, comparisons, counts }, undefined, 2));
} else {
  if (parts.length > 0) printComparisons();
  if (counts.length > 0) console.log(`\n${formatCounts(counts)}\n`);
  for (const { measure, details } of values.list ? counts : []) console.log(`${[measure, ...details].join("\n  ")}\n`);
}
if (values.check && counts.some(({ value, limit }) => value > limit)) process.exitCode = 1;
for (const section of sections) {
  const missed = section.comparisons.some(({ verdict }) => verdict === "missed");
  if (!(values.profile ?? (missed && !values.json))) continue;
  const text = await section.explain();
  (values.json ? console.error : console.log)(`${text}\n`);
}
console.error(`${Math.round((performance.now() - startedAt) / 1000)} s`);

function printComparisons(): void {
  console.log(`\nnode ${process.version}, ${cpus().length} CPUs, load before the run ${loadBefore.toFixed(1)}`);
  if (!bench.withGo) {
    console.log(
      "`go` is not on the PATH, so the Go client is left out, and OpAMPServer drives: it is slower than some of",
    );
    console.log("what it drives, which brings the ratios of cycles nearer to 1 than they are.");
  }
  console.log(`\n${formatTable(comparisons)}\n`);
}
