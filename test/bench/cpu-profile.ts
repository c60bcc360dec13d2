import { existsSync, readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { fileURLToPath } from "node:url";

/** A measure by the place that it is due to. */
export type Spread = ReadonlyMap<string, number>;

/** The form in which V8 writes a CPU profile. */
interface Profile {
  nodes: readonly { id: number; callFrame: CallFrame }[];
  samples: readonly number[];
  timeDeltas: readonly number[];
}

interface CallFrame {
  functionName: string;
  url: string;
  lineNumber: number;
  columnNumber: number;
}

/** Reads a `.cpuprofile`: microseconds of self time by place, idle time left out. */
export function readCpuProfile(file: string): Spread {
  const { nodes, samples, timeDeltas }: Profile = JSON.parse(readFileSync(file, "utf8"));
  const places = new Map(nodes.map(({ id, callFrame }) => [id, placeOf(callFrame)]));
  const spread = new Map<string, number>();
  for (const [index, id] of samples.entries()) {
    const place = places.get(id);
    if (place === undefined || place === "(idle)") continue;
    spread.set(place, (spread.get(place) ?? 0) + (timeDeltas[index] ?? 0));
  }
  return spread;
}

/** A spread with everything divided. */
export function spreadOf(spread: Spread, divisor: number): Spread {
  return new Map([...spread].map(([place, value]) => [place, value / divisor]));
}

/** A folder of this package, another package, or Node. */
function placeOf({ functionName, url, lineNumber, columnNumber }: CallFrame): string {
  if (url === "") return functionName.startsWith("(") ? functionName : "native";
  if (url.startsWith("node:")) return "node";
  const dependency = /\/node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*\/node_modules\/)/.exec(url)?.[1];
  if (dependency !== undefined) return dependency;
  if (!url.includes("/dist/")) return "the benchmark's own program";
  // Several modules share a file.
  const entry = mapOf(url)?.findEntry(lineNumber, columnNumber);
  const source = entry !== undefined && "originalSource" in entry ? entry.originalSource : url;
  return `our ${/\/src\/([^/]+)/.exec(source)?.[1] ?? "package"}`;
}

const maps = new Map<string, SourceMap | undefined>();

/** The face for `import` has none. */
function mapOf(url: string): SourceMap | undefined {
  if (!maps.has(url)) {
    const path = `${fileURLToPath(url)}.map`;
    maps.set(url, existsSync(path) ? new SourceMap(JSON.parse(readFileSync(path, "utf8"))) : undefined);
  }
  return maps.get(url);
}
