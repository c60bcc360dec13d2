import { readdirSync } from "node:fs";
import { sep } from "node:path";
import { cruise } from "dependency-cruiser";

// No import circle between the entries of a folder of src, and no folder that is too large to take in at a glance.

const MAX_ENTRIES = 20;
const NOT_COUNTED = /^src\/gen\/|^test\/interop\/bin\/|\/node_modules\//;

type Graph = Map<string, Set<string>>;

/** For each folder which of its entries import which others; files deep inside an entry count as the entry. */
function graphsOf(imports: readonly (readonly [from: string, to: string])[]): ReadonlyMap<string, Graph> {
  const graphs = new Map<string, Graph>();
  for (const [from, to] of imports.map(([source, target]) => [source.split("/"), target.split("/")] as const)) {
    const level = from.findIndex((name, depth) => name !== to[depth]);
    const [importer = "", imported = ""] = [from[level], to[level]];
    const folder = from.slice(0, level).join("/");
    const graph: Graph = graphs.get(folder) ?? new Map();
    graphs.set(folder, graph.set(importer, (graph.get(importer) ?? new Set()).add(imported)));
  }
  return graphs;
}

/** The first circle on a way through the graph, if there is one. */
function circleIn(graph: Graph, way: readonly string[] = [], done = new Set<string>()): readonly string[] | undefined {
  for (const name of way.length === 0 ? graph.keys() : (graph.get(way.at(-1) ?? "") ?? [])) {
    if (way.includes(name)) return [...way.slice(way.indexOf(name)), name];
    const circle = done.has(name) ? undefined : circleIn(graph, [...way, name], done);
    if (circle !== undefined) return circle;
    done.add(name);
  }
  return undefined;
}

const { output } = await cruise(["src"], { tsPreCompilationDeps: true, doNotFollow: { path: "node_modules" } });
if (typeof output === "string") throw new TypeError("dependency-cruiser gave a text instead of modules");
const imports = output.modules.flatMap(({ source, dependencies }) =>
  dependencies.filter(({ resolved }) => resolved.startsWith("src/")).map(({ resolved }) => [source, resolved] as const),
);
for (const [folder, graph] of graphsOf(imports)) {
  const circle = circleIn(graph);
  if (circle === undefined) continue;
  console.error(`${folder}: its entries import each other in a circle: ${circle.join(" -> ")}`);
  process.exitCode = 1;
}

const counts = new Map<string, number>();
for (const entry of ["src", "test"].flatMap((top) => readdirSync(top, { recursive: true, withFileTypes: true }))) {
  const folder = `${entry.parentPath.replaceAll(sep, "/")}/`;
  if (!NOT_COUNTED.test(folder)) counts.set(folder, (counts.get(folder) ?? 0) + 1);
}
for (const [folder, count] of counts) {
  if (count <= MAX_ENTRIES) continue;
  console.error(`${folder}: has ${count} entries; ${MAX_ENTRIES} are allowed`);
  process.exitCode = 1;
}
